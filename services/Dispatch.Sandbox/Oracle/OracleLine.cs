using System.Text.Json;

namespace Dispatch.Sandbox.Oracle;

/// <summary>A line of an oracle log, read back. For tests, stories and the demo's checker.</summary>
public sealed record OracleLine(
    long At, string Provider, string Lane, string MessageId, string Recipient, bool Accepted, bool Answered, bool Delivered, string Status, string Reason, int Bytes)
{
    static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>All whole lines of a log, in order; none when there is no file. A line that a kill has torn is passed over.</summary>
    /// <param name="lastBytes">Only those that stand in so many bytes at its end.</param>
    public static IEnumerable<OracleLine> Read(string path, long lastBytes = long.MaxValue)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        reader.BaseStream.Position = Math.Max(0, reader.BaseStream.Length - lastBytes);
        while (reader.ReadLine() is { } text)
        {
            if (Parse(text) is { } line)
            {
                yield return line;
            }
        }
    }

    static OracleLine? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<OracleLine>(text, Names);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
