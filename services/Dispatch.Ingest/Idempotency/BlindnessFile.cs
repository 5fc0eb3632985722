using System.Globalization;

namespace Dispatch.Ingest.Idempotency;

/// <summary>Since when keys have not been checked, kept over a restart: what went through meanwhile has still to be written to the store.</summary>
sealed class BlindnessFile(string path, ILogger<BlindnessFile> log)
{
    public DateTimeOffset? Read()
    {
        try
        {
            return File.Exists(path)
                && DateTimeOffset.TryParseExact(File.ReadAllText(path), "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var since) ? since : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.BlindnessUnreadable(e, path);
            return null;
        }
    }

    /// <summary>A disk that refuses costs only the memory of a blindness that a restart falls into; the newest key of the store still bounds it then.</summary>
    public void Write(DateTimeOffset since) => Try(() =>
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, since.ToString("O", CultureInfo.InvariantCulture));
    });

    public void Delete() => Try(() =>
    {
        if (File.Exists(path)) // before the first blindness there is not even a folder
        {
            File.Delete(path);
        }
    });

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.BlindnessUnwritable(e, path);
        }
    }
}
