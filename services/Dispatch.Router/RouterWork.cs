using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Router.Capping;
using Dispatch.Router.Held;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>
/// Joins the group and gives each partition its work. Partitions run side by side, and each class has partitions and ledger connections of its own,
/// so the urgent never stands behind a campaign.
/// </summary>
sealed class RouterWork(IServiceProvider services, IEventLog log, HopLoop loop, ILogger<RouterWork> logger) : BackgroundService
{
    public const string GroupName = "router";
    private static readonly TimeSpan BeforeJoiningAgain = TimeSpan.FromSeconds(1);

    public static Group Group { get; } = new(
        GroupName, [.. Topics.Classes.Select(Topics.Requests), .. Topics.Classes.Select(Topics.Reroute), .. Topics.Classes.Select(Topics.Held), Topics.Charges]);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await log.RunAsync(Group, WorkAsync, stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                logger.GroupEnded(e);
                await Task.Delay(BeforeJoiningAgain, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task WorkAsync(IPartition partition, CancellationToken stop)
    {
        logger.Routes(partition.Id.Topic, partition.Id.Partition, partition.Start.Next);
        if (partition.Id.Topic == Topics.Charges)
        {
            await using var charges = ActivatorUtilities.CreateInstance<ChargeHop>(services, partition);
            await loop.RunAsync(partition, charges, stop);
        }
        else if (Topics.Classes.Any(of => partition.Id.Topic == Topics.Held(of)))
        {
            await ActivatorUtilities.CreateInstance<HeldSweep>(services, partition).RunAsync(stop);
        }
        else
        {
            await loop.RunAsync(partition, ActivatorUtilities.CreateInstance<RouterHop>(services, partition), stop);
        }
    }
}
