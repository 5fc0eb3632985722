using Dispatch.Bench.Backlog;
using Dispatch.Bench.Caps;
using Dispatch.Bench.Email;
using Dispatch.Bench.EndToEnd;
using Dispatch.Bench.Feedback;
using Dispatch.Bench.Ingest;
using Dispatch.Bench.Outages;
using Dispatch.Bench.Push;

namespace Dispatch.Bench;

/// <param name="Bound">On the wrong side of this ratio the part is not done; null: the ratio tells a price, and any is right.</param>
public sealed record Entry(string What, string Baseline, double? Bound, double? Goal, Func<IBenchmark> Create)
{
    /// <summary>How often the two sides are measured in turn; once, where one measurement is minutes of work.</summary>
    public int Pairs { get; init; } = 3;

    /// <summary>The smaller the ratio, the better: it compares what something costs.</summary>
    public bool AtMost { get; init; }

    public string Aim => Bound is null ? "no aim" : $"not done {(AtMost ? "above" : "below")} {Bound}, goal {Goal}";
}

/// <summary>Every benchmark by name, with what it is held against.</summary>
static class Catalogue
{
    /// <summary>What a sync costs on disks that are slower than this one.</summary>
    private static readonly TimeSpan SlowSync = TimeSpan.FromMilliseconds(2);

    public static IReadOnlyDictionary<string, Entry> Entries { get; } = new SortedDictionary<string, Entry>(StringComparer.Ordinal)
    {
        ["backlog"] = new("anonymous memory of a fresh process with 1 M messages waiting, dispatch paused", "the same with 10 000 waiting", 1.3, 1.1, () => new BacklogBenchmark())
        {
            AtMost = true,
        },
        ["caps"] = new(
            "cap decisions of the Router, two rules a message, every message has room", "one counter upsert a message, 1 000 a statement, raw Npgsql", 0.45, 0.7,
            () => new CapsBenchmark()),
        ["drain"] = new(
            "from the return of a killed broker until the Router has passed what was spooled meanwhile: as many seconds of the peak rate as are asked for, and a quarter of it keeps arriving",
            "arithmetic: backlog / (peak - a quarter of it), peak measured in the same run", 1.5, 1.15, () => new DrainBenchmark())
        {
            AtMost = true,
            Pairs = 1,
        },
        ["email"] = new("1 KB mails from a filled topic to the journal, through SMTP to smtp-sink", "smtp-source to the same sink", 0.5, 0.9, () => new EmailBenchmark()),
        ["end-to-end"] = new(
            "POSTs of 100 recipients to provider receipts, push and email, with caps and the ledger; messages per second of processor time",
            "what the parts cost in processor time, summed: parsing, HTTP client, smtp-source, counter upserts, raw inserts", 0.3, 0.6, () => new EndToEndBenchmark(TimeSpan.Zero)),
        ["end-to-end-kafka"] = new(
            "as end-to-end, with the log on one real broker (KAFKA_HOME); messages per second, everything on this machine", "the same load with the log in files", null, null,
            () => new KafkaBenchmark()),
        ["end-to-end-slow-disk"] = new("as end-to-end, with 2 ms added to every sync of the log", "as end-to-end", 0.3, 0.6, () => new EndToEndBenchmark(SlowSync)),
        ["feedback"] = new(
            "outcomes from a filled topic to the ledger, two a message, one message in ten told twice", "raw insert ... on conflict do nothing, 1 000 a statement", 0.5, 1,
            () => new FeedbackBenchmark()),
        ["ingest"] = new(
            "single POSTs of 300 bytes with an idempotency key to a durable 202, 64 connections", "a bare Kestrel endpoint that parses the same body", 0.3, 0.55,
            () => new IngestBenchmark(TimeSpan.Zero)),
        ["ingest-slow-disk"] = new("as ingest, with 2 ms added to every sync", "as ingest", 0.3, 0.55, () => new IngestBenchmark(SlowSync)),
        ["push"] = new(
            "notifications from a filled topic to the outcome, over HTTP/2 with TLS to the Sandbox", ".NET's HTTP client to the same Sandbox, same bytes", 0.5, 0.8,
            () => new PushBenchmark(TimeSpan.Zero, inFlight: 500)),
        ["push-slow"] = new(
            "as push, answers take 50 ms, 1 000 streams on one connection", "as push", 0.85, 0.95, () => new PushBenchmark(TimeSpan.FromMilliseconds(50), inFlight: 1_000)),
        ["urgent"] = new(
            "p99 of a transactional notification from its POST to the provider's receipt, beside a campaign backlog that drains from the spool; the goal is also under 100 ms",
            "the same in an empty system", 5, 3, () => new UrgentBenchmark())
        {
            AtMost = true,
            Pairs = 1,
        },
    };

    public static void Print()
    {
        foreach (var (name, entry) in Entries)
        {
            Console.WriteLine($"{name,-20} {entry.What}\n{"",-20} baseline: {entry.Baseline}; {entry.Aim}");
        }
    }
}
