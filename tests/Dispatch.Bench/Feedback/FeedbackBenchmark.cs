using System.Diagnostics;
using System.Globalization;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;
using Dispatch.Feedback;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Store.Private;

namespace Dispatch.Bench.Feedback;

/// <summary>
/// Outcomes from a filled topic to the ledger, with states, statistics and positions, against rows that a unique index keeps apart, on the same PostgreSQL.
/// The first part of each run warms up and does not count. Counted in the store: one fact too few or too many is a fault.
/// </summary>
sealed class FeedbackBenchmark : IBenchmark
{
    private const int RateGuess = 15_000; // messages
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);
    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly PrivateServer _server;
    private int _runs;

    public FeedbackBenchmark() => _server = new PrivateServer(Path.Combine(_folder, "postgres"));

    public string Unit => "outcomes/s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        await _server.StartAsync(stop);
        await ProductAsync(TimeSpan.FromSeconds(1), stop);
        await BaselineAsync(TimeSpan.FromSeconds(1), stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        var messages = (long)(run.TotalSeconds * RateGuess);
        var records = OutcomeLoad.Records(messages);
        await using var database = await FreshAsync(stop);
        using var host = Host(database.ConnectionString);
        await FillAsync(host.Services.GetRequiredService<IEventLog>(), messages, stop);
        await host.StartAsync(stop);

        var warm = await PassedAsync(database, records / 4, stop);
        var (begin, cpu) = (Stopwatch.GetTimestamp(), ProcessorTime.Self);
        var done = await PassedAsync(database, records, stop);
        var (took, used) = (Stopwatch.GetElapsedTime(begin), ProcessorTime.Self - cpu);
        await host.StopAsync(stop);

        var facts = await database.CountAsync("select count(*) from outcomes", stop);
        var sent = await database.CountAsync("select count(*) from messages where state = 7", stop);
        return new Sample(
            done - warm, took, used, 0, [],
            facts == OutcomeLoad.Facts(messages) && sent == messages ? [] : [$"{messages} messages: the ledger has {sent} as sent, and {facts} facts"]);
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        var messages = (long)(run.TotalSeconds * RateGuess);
        await using var database = await FreshAsync(stop);
        return await RawInserts.RunAsync(database, [.. OutcomeLoad.Make(messages).Select(it => it.Value)], OutcomeLoad.Facts(messages), () => ProcessorTime.Self, stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(CancellationToken.None, fast: false);
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<BenchDatabase> FreshAsync(CancellationToken stop)
    {
        var name = $"bench_{(++_runs).ToString(CultureInfo.InvariantCulture)}";
        return await BenchDatabase.CreateAsync(_server, name, stop);
    }

    private IHost Host(string connectionString)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Dispatch:Data"] = Path.Combine(_folder, _runs.ToString(CultureInfo.InvariantCulture)),
            ["Dispatch:AdminListen"] = "http://127.0.0.1:0",
            ["Dispatch:Postgres"] = connectionString,
        });
        builder.AddFeedback();
        return builder.Build();
    }

    private static async Task FillAsync(IEventLog log, long messages, CancellationToken stop)
    {
        foreach (var chunk in OutcomeLoad.Make(messages).Chunk(1_000))
        {
            await log.AppendAsync([.. chunk.Select(it => new Record(Topics.Outcomes, it.Key, it.Value))], stop);
        }
    }

    private static async Task<long> PassedAsync(BenchDatabase database, long records, CancellationToken stop)
    {
        while (true)
        {
            var passed = await database.CountAsync("select coalesce(sum(next), 0)::bigint from positions", stop);
            if (passed >= records)
            {
                return passed;
            }

            await Task.Delay(Look, stop);
        }
    }
}
