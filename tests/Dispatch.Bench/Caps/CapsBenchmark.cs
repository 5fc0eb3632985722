using System.Diagnostics;
using System.Globalization;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Router.Capping;
using Dispatch.Store;
using Dispatch.Store.Private;

namespace Dispatch.Bench.Caps;

/// <summary>
/// Decisions under two rules as the Router asks for them, against a counter that knows neither a window nor a second rule, on the same PostgreSQL over as many connections.
/// Every message has room, so each decision writes: the dearest case. The first round makes the recipients' rows and does not count.
/// Messages come to the Router with their ids, so these are made before the clock runs. Counted in the store: a place too few or too many is a fault.
/// </summary>
sealed class CapsBenchmark : IBenchmark
{
    private const int RateGuess = 60_000;
    private const int Rounds = 4; // messages a recipient
    private const int AtOnce = 2_000; // as Dispatch:Router:MessagesAtOnceMax
    private const int Connections = 2; // as Dispatch:Router:LedgerConnectionsPerClass
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly PrivateServer _server;
    private int _runs;

    public CapsBenchmark() => _server = new PrivateServer(Path.Combine(_folder, "postgres"));

    public string Unit => "decisions/s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        await _server.StartAsync(stop);
        await ProductAsync(TimeSpan.FromSeconds(1), stop);
        await BaselineAsync(TimeSpan.FromSeconds(1), stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await using var made = await FreshAsync(stop);
        await using var database = new Database(made.ConnectionString);
        await Migrations.ApplyAsync(database, stop); // it only now knows that they ran
        await using var desk = new CapDesk(database, Connections, Timeout);
        var rules = await RulesAsync(new CapRules(database), stop);
        var refused = 0;
        var sample = await RunAsync(Asks(run), AtOnce, DecideAsync, stop);
        var places = await made.CountAsync("select coalesce(sum(length(places)), 0)::bigint / 16 from caps", stop);
        var expected = (sample.Count + (sample.Count / (Rounds - 1))) * rules.Count;
        return refused == 0 && places == expected ? sample : sample with { Faults = [$"{refused} messages were refused, {places} places were taken, not {expected}"] };

        async Task DecideAsync(ArraySegment<Ask> some)
        {
            var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            var asks = new CapAsks(some.Count);
            foreach (var (recipient, message) in some)
            {
                asks.Add(recipient, new CapAsk(message, TrafficClass.Campaign, rules, now), null);
            }

            await asks.DecideAsync(desk, now, new Freshness(), stop);
            Interlocked.Add(ref refused, asks.Answers().Count(it => it.RefusedBy is not null));
        }
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        await using var made = await FreshAsync(stop);
        await CounterUpserts.PrepareAsync(made, stop);
        var sample = await RunAsync(Asks(run), CounterUpserts.StatementRows, some => CounterUpserts.CountAsync(made, [.. some.Select(it => new Guid(it.Recipient, bigEndian: true))], stop), stop);
        var counted = await made.CountAsync("select sum(n)::bigint from counters", stop);
        var expected = sample.Count + (sample.Count / (Rounds - 1));
        return counted == expected ? sample : sample with { Faults = [$"{counted} messages were counted, not {expected}"] };
    }

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(CancellationToken.None, fast: false);
        Directory.Delete(_folder, recursive: true);
    }

    /// <param name="rounds">Each names every recipient once.</param>
    private static async Task<Sample> RunAsync(Ask[][] rounds, int atOnce, Func<ArraySegment<Ask>, Task> decide, CancellationToken stop)
    {
        await RoundAsync(rounds[0]);
        var (begin, cpu) = (Stopwatch.GetTimestamp(), ProcessorTime.Self);
        foreach (var round in rounds.Skip(1))
        {
            await RoundAsync(round);
        }

        var took = Stopwatch.GetElapsedTime(begin);
        return new Sample((Rounds - 1L) * rounds[0].Length, took, ProcessorTime.Self - cpu, 0, [], []);

        Task RoundAsync(Ask[] round)
        {
            var starts = Enumerable.Range(0, (round.Length + atOnce - 1) / atOnce).Select(i => i * atOnce);
            return Parallel.ForEachAsync(
                starts,
                new ParallelOptions { MaxDegreeOfParallelism = Connections, CancellationToken = stop },
                async (start, _) => await decide(new ArraySegment<Ask>(round, start, Math.Min(atOnce, round.Length - start))));
        }
    }

    private static Ask[][] Asks(TimeSpan run)
    {
        var now = DateTimeOffset.UtcNow;
        var recipients = new byte[(int)(run.TotalSeconds * RateGuess / (Rounds - 1))][];
        for (var i = 0; i < recipients.Length; i++)
        {
            recipients[i] = Guid.NewGuid().ToByteArray();
        }

        var rounds = new Ask[Rounds][];
        for (var round = 0; round < Rounds; round++)
        {
            Random.Shared.Shuffle(recipients);
            rounds[round] = Array.ConvertAll(recipients, recipient => new Ask(recipient, Id.New(now)));
        }

        return rounds;
    }

    /// <summary>A cap over everything and a tighter one for the label that all messages carry.</summary>
    private static async Task<IReadOnlyList<CapRule>> RulesAsync(CapRules store, CancellationToken stop)
    {
        var now = DateTimeOffset.UtcNow;
        return
        [
            await store.AddAsync(new CapRule(0, Id.New(now), "bench", CapKind.Global, "", [TrafficClass.Campaign], 10, TimeSpan.FromDays(7)), stop),
            await store.AddAsync(new CapRule(0, Id.New(now), "bench", CapKind.Label, "news", [TrafficClass.Campaign], Rounds, TimeSpan.FromDays(1)), stop),
        ];
    }

    private async Task<BenchDatabase> FreshAsync(CancellationToken stop) =>
        await BenchDatabase.CreateAsync(_server, $"bench_{(++_runs).ToString(CultureInfo.InvariantCulture)}", stop);

    private readonly record struct Ask(byte[] Recipient, Id Message);
}
