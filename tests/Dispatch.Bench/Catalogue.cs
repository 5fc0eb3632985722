using Dispatch.Bench.Email;
using Dispatch.Bench.Feedback;
using Dispatch.Bench.Ingest;

namespace Dispatch.Bench;

/// <param name="Least">Below this ratio the part is not done.</param>
public sealed record Entry(string What, string Baseline, double Least, double Goal, Func<IBenchmark> Create);

/// <summary>Every benchmark by name, with what it is held against.</summary>
static class Catalogue
{
    /// <summary>What a sync costs on disks that are slower than this one.</summary>
    private static readonly TimeSpan SlowSync = TimeSpan.FromMilliseconds(2);

    public static IReadOnlyDictionary<string, Entry> Entries { get; } = new SortedDictionary<string, Entry>(StringComparer.Ordinal)
    {
        ["email"] = new("1 KB mails from a filled topic to the journal, through SMTP to smtp-sink", "smtp-source to the same sink", 0.5, 0.9, () => new EmailBenchmark()),
        ["feedback"] = new(
            "outcomes from a filled topic to the ledger, two a message, one message in ten told twice", "raw insert ... on conflict do nothing, 1 000 a statement", 0.5, 1,
            () => new FeedbackBenchmark()),
        ["ingest"] = new(
            "single POSTs of 300 bytes with an idempotency key to a durable 202, 64 connections", "a bare Kestrel endpoint that parses the same body", 0.3, 0.55,
            () => new IngestBenchmark(TimeSpan.Zero)),
        ["ingest-slow-disk"] = new("as ingest, with 2 ms added to every sync", "as ingest", 0.3, 0.55, () => new IngestBenchmark(SlowSync)),
    };

    public static void Print()
    {
        foreach (var (name, entry) in Entries)
        {
            Console.WriteLine($"{name,-12} {entry.What}\n{"",-12} baseline: {entry.Baseline}; not done below {entry.Least}, goal {entry.Goal}");
        }
    }
}
