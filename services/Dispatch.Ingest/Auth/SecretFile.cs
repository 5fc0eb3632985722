using System.Security.Cryptography;

namespace Dispatch.Ingest.Auth;

/// <summary>Small files that only their owner may read, written whole or not at all.</summary>
static class SecretFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int RecipientKeyBytes = 32;

    /// <summary>The secret of recipient keys: 32 bytes in hexadecimal. Made when it is missing; several processes that start at once agree on one.</summary>
    public static byte[] RecipientKey(string path)
    {
        if (!File.Exists(path))
        {
            TryCreate(path, System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RecipientKeyBytes))));
        }

        var secret = Convert.FromHexString(File.ReadAllText(path).Trim());
        return secret.Length == RecipientKeyBytes ? secret : throw new InvalidDataException($"{path} does not hold {RecipientKeyBytes} bytes in hexadecimal");
    }

    /// <returns>false: it was there already, and stays.</returns>
    public static bool TryCreate(string path, ReadOnlySpan<byte> bytes)
    {
        var next = WriteNext(path, bytes);
        try
        {
            File.Move(next, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(next);
            return false;
        }
    }

    public static void Replace(string path, ReadOnlySpan<byte> bytes) => File.Move(WriteNext(path, bytes), path, overwrite: true);

    private static string WriteNext(string path, ReadOnlySpan<byte> bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var next = $"{path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using var file = new FileStream(next, options);
        file.Write(bytes);
        file.Flush(flushToDisk: true);
        return next;
    }
}
