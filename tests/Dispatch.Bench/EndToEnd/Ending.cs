using System.Diagnostics;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;
using Dispatch.Store.Private;
using Npgsql;

namespace Dispatch.Bench.EndToEnd;

/// <summary>Waits until everything that was accepted has ended, at the providers and in the ledger, and says what is wrong with that.</summary>
sealed class Ending(SandboxSide sandbox, HostSide host, PrivateServer server)
{
    private const int FactsPerMessage = 3; // expected, routed, attempted
    private const int Rules = 2;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100); // it is the product that answers: often enough would be a load of its own
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Processor time so far.</summary>
    public (TimeSpan Host, TimeSpan Postgres) Cpu =>
        (host.Process.Cpu, ProcessorTime.WithChildren(server.ProcessId ?? throw new InvalidOperationException("the product's PostgreSQL does not run")));

    /// <summary>Returns too when nothing moves any more: <see cref="FaultsAsync"/> says what is missing.</summary>
    public async Task ReachAsync(long posts, CancellationToken stop)
    {
        await sandbox.TakesAsync(SandboxSide.Push, 0, posts * CampaignBody.Notifications, () => Task.CompletedTask, stop);
        await sandbox.TakesAsync(SandboxSide.Mail, 0, posts * CampaignBody.Mails, () => Task.CompletedTask, stop);
        var (moved, last) = (Stopwatch.GetTimestamp(), 0.0);
        while (Stopwatch.GetElapsedTime(moved) < Patience && await host.Process.MetricAsync("dispatch_ledger_facts", stop) is var facts && facts < posts * CampaignBody.Messages * FactsPerMessage)
        {
            if (facts > last)
            {
                (moved, last) = (Stopwatch.GetTimestamp(), facts);
            }

            await Task.Delay(Look, stop);
        }
    }

    /// <param name="since">The providers' books are older than this run.</param>
    public async Task<IReadOnlyList<string>> FaultsAsync(long posts, DateTimeOffset since, CancellationToken stop)
    {
        var faults = new List<string>();
        faults.AddRange(await sandbox.FaultsAsync(SandboxSide.Push, posts * CampaignBody.Notifications, stop));
        faults.AddRange(await sandbox.FaultsAsync(SandboxSide.Mail, posts * CampaignBody.Mails, stop));

        var messages = posts * CampaignBody.Messages;
        faults.AddRange(sandbox.ReceiptFaults(messages, since));

        await using var store = NpgsqlDataSource.Create(server.ConnectionString);
        var sent = await BenchDatabase.CountAsync(store, "select count(*) from messages where state = 7", stop);
        var places = await BenchDatabase.CountAsync(store, "select coalesce(sum(length(places)), 0)::bigint / 16 from caps", stop);
        if (sent != messages || places != messages * Rules)
        {
            faults.Add($"{messages} messages were accepted: the ledger has {sent} as sent, and {places} places under {Rules} caps");
        }

        return faults;
    }
}
