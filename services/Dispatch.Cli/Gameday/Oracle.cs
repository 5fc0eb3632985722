using System.Text.Json;

namespace Dispatch.Cli.Gameday;

/// <summary>One line of a provider's own log: a message arrived whole.</summary>
/// <param name="Accepted">The provider took it.</param>
/// <param name="Answered">Its answer left; false where the Sandbox was told to swallow it.</param>
/// <param name="Status">The answer, as the provider's protocol says it: "200", "429", "451".</param>
public sealed record Receipt(DateTimeOffset At, string Provider, string Lane, string MessageId, string Recipient, bool Accepted, bool Answered, string Status);

/// <summary>What the providers themselves wrote down. The judge: Dispatch's own counters are never asked whether Dispatch was right.</summary>
public static class Oracle
{
    public static IReadOnlyList<Receipt> Read(string folder)
    {
        var receipts = new List<Receipt>();
        foreach (var path in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.jsonl") : [])
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var lines = new StreamReader(file);
            while (lines.ReadLine() is { } line)
            {
                if (Parse(line) is { } receipt)
                {
                    receipts.Add(receipt);
                }
            }
        }

        return receipts;
    }

    /// <returns>null: the torn last line of a provider that was killed.</returns>
    private static Receipt? Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var of = json.RootElement;
            return new Receipt(
                DateTimeOffset.FromUnixTimeMilliseconds(of.GetProperty("at").GetInt64()), of.GetProperty("provider").GetString()!, of.GetProperty("lane").GetString()!,
                of.GetProperty("message_id").GetString()!, of.GetProperty("recipient").GetString()!, of.GetProperty("accepted").GetBoolean(),
                !of.TryGetProperty("answered", out var answered) || answered.GetBoolean(), of.GetProperty("status").GetString()!);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
