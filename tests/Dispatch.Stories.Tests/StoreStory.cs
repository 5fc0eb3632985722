using Dispatch.Cli.Gameday;
using Dispatch.Store.Private;
using Npgsql;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

/// <summary>The database is gone for 30 s, and then for 30 s a cluster without primary. Callers see no error; what must wait goes on by itself.</summary>
public sealed class StoreStory(ITestOutputHelper output) : Story(output)
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_database_that_is_stopped_for_30_s_costs_callers_nothing()
    {
        var server = new PrivateServer(Path.Combine(Data, "own-postgres"));
        await RunAsync(server, seed: 103, () => server.StopAsync(default), () => server.StartAsync(default));
    }

    [Fact]
    public async Task A_database_that_refuses_writes_for_30_s_costs_callers_nothing()
    {
        var server = new PrivateServer(Path.Combine(Data, "own-postgres"));
        await RunAsync(server, seed: 104, () => ReadOnlyAsync(server, true), () => ReadOnlyAsync(server, false));
    }

    private async Task RunAsync(PrivateServer server, int seed, Func<Task> fault, Func<Task> repair)
    {
        await server.StartAsync(default);
        try
        {
            await using var session = new Session(Path.Combine(Data, "host"), seed, settings: new Dictionary<string, string> { ["Dispatch:Postgres"] = server.ConnectionString });
            await session.StartAsync(StartPatience, default);
            var plan = session.Plan.Requests(1_200).ToList();
            await session.Load.RunAsync(plan.Take(400), connections: 8, persistent: false);
            await fault();
            var slow = session.Load.RunAsync(plan.Skip(400).Take(400), connections: 2, persistent: false);
            await Task.WhenAll(slow, Task.Delay(Away));
            await repair();
            await session.Load.RunAsync(plan.Skip(800), connections: 8, persistent: false);
            await JudgeAsync(session);
            await StatsMatchAsync(session);
            session.Load.Errors.ShouldBe(0, session.Load.LastRefusal);
            await session.Host.StopAsync(TimeSpan.FromSeconds(60));
        }
        finally
        {
            await server.StopAsync(default);
        }
    }

    private static async Task ReadOnlyAsync(PrivateServer server, bool on)
    {
        await using var source = NpgsqlDataSource.Create(server.Connection("postgres"));
        foreach (var text in new[]
        {
            on ? "alter system set default_transaction_read_only = on" : "alter system set default_transaction_read_only = off",
            "select pg_reload_conf()",
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
        })
        {
#pragma warning disable CA2100 // the story's own words
            await using var command = source.CreateCommand($"begin read write; {text}; commit");
            if (text.StartsWith("alter system", StringComparison.Ordinal))
            {
                command.CommandText = text; // not inside a transaction block
            }
#pragma warning restore CA2100
            await command.ExecuteNonQueryAsync();
        }
    }
}
