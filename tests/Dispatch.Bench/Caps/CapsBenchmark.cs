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
/// Counted in the store: a place too few or too many is a fault.
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
        var sample = await RunAsync(Recipients(run), AtOnce, DecideAsync, stop);
        var places = await made.CountAsync("select coalesce(sum(length(places)), 0)::bigint / 16 from caps", stop);
        var expected = (sample.Count + (sample.Count / (Rounds - 1))) * rules.Count;
        return refused == 0 && places == expected ? sample : sample with { Faults = [$"{refused} messages were refused, {places} places were taken, not {expected}"] };

        async Task DecideAsync(Guid[] recipients)
        {
            var now = DateTimeOffset.UtcNow;
            var asks = new CapAsks(recipients.Length);
            foreach (var recipient in recipients)
            {
                asks.Add(recipient.ToByteArray(bigEndian: true), new CapAsk(Id.New(now), TrafficClass.Campaign, rules, now.ToUnixTimeMilliseconds()), null);
            }

            await asks.DecideAsync(desk, now.ToUnixTimeMilliseconds(), new Freshness(), stop);
            Interlocked.Add(ref refused, asks.Answers().Count(it => it.RefusedBy is not null));
        }
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        await using var made = await FreshAsync(stop);
        await CounterUpserts.PrepareAsync(made, stop);
        var sample = await RunAsync(Recipients(run), CounterUpserts.StatementRows, recipients => CounterUpserts.CountAsync(made, recipients, stop), stop);
        var counted = await made.CountAsync("select sum(n)::bigint from counters", stop);
        var expected = sample.Count + (sample.Count / (Rounds - 1));
        return counted == expected ? sample : sample with { Faults = [$"{counted} messages were counted, not {expected}"] };
    }

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(CancellationToken.None, fast: false);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<Sample> RunAsync(Guid[] recipients, int atOnce, Func<Guid[], Task> decide, CancellationToken stop)
    {
        await RoundAsync();
        var (begin, cpu) = (Stopwatch.GetTimestamp(), ProcessorTime.Self);
        for (var round = 1; round < Rounds; round++)
        {
            await RoundAsync();
        }

        var took = Stopwatch.GetElapsedTime(begin);
        return new Sample((Rounds - 1L) * recipients.Length, took, ProcessorTime.Self - cpu, 0, [], []);

        async Task RoundAsync()
        {
            Random.Shared.Shuffle(recipients);
            await Parallel.ForEachAsync(recipients.Chunk(atOnce), new ParallelOptions { MaxDegreeOfParallelism = Connections, CancellationToken = stop }, async (some, _) => await decide(some));
        }
    }

    private static Guid[] Recipients(TimeSpan run)
    {
        var recipients = new Guid[(int)(run.TotalSeconds * RateGuess / (Rounds - 1))];
        for (var i = 0; i < recipients.Length; i++)
        {
            recipients[i] = Guid.NewGuid();
        }

        return recipients;
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
}
