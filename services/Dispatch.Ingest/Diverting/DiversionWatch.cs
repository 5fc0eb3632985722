using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Spooling;
using Dispatch.Log.Clusters;
using Dispatch.Log.Kafka;
using Dispatch.Store.Control;

namespace Dispatch.Ingest.Diverting;

/// <summary>
/// Follows the switch `divert`: weights move when it says, also while the store is away. While a diversion is new it is watched: when what it moves to does not acknowledge, it is taken back,
/// for everybody when the store can be written, and here in any case.
/// </summary>
sealed class DiversionWatch(ClusterWeights weights, ModeBook modes, ControlStore control, Outage outage, TimeProvider clock, ILogger<DiversionWatch> logger) : BackgroundService
{
    /// <summary>It is watched for so long after all of it has moved.</summary>
    public static readonly TimeSpan WatchedAfter = TimeSpan.FromMinutes(1);

    /// <summary>Nothing arrives for so long, and something is on its way: longer than an outage takes to be declared, because what the spool bridges is no reason to move.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(5);

    private const int FailuresMin = 3;
    private const double FailedShareMax = 0.05;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private long _watched; // version of the mode that is watched
    private Dictionary<int, (long Arrived, long Failed)> _before = [];
    private Shares? _refused;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync();
                Leave();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logger.DiversionFellOver(e);
            }

            await Task.Delay(Look, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync()
    {
        var now = clock.GetUtcNow();
        var mode = modes.Current.Of(Switches.Divert, new ModeScope(), now);
        if (mode is null || !Diversion.TryParse(mode.Value, out var diversion))
        {
            Move(weights.Configured, "nothing is diverted");
            return;
        }

        Move(diversion.At(now), mode.Reason);
        if (mode.ChangedAt + TimeSpan.FromTicks(Math.Max(0, (diversion.FullAt - mode.ChangedAt).Ticks)) + WatchedAfter > now && diversion.Before != diversion.Full)
        {
            await WatchAsync(mode, diversion);
        }
    }

    private void Move(Shares to, string why)
    {
        if (to == weights.Current || to == _refused)
        {
            return;
        }

        try
        {
            weights.Set(to);
            _refused = null;
            logger.WeightsMoved($"{to}", why);
        }
        catch (ArgumentException e)
        {
            _refused = to; // said once: clusters are attached for the life of the process
            logger.WeightsRefused($"{to}", e.Message);
        }
    }

    /// <summary>
    /// A cluster that gets nothing any more and is silent still has what was on its way to it, and the spool has the copies, which wait to hear what became of that. They need not wait.
    /// </summary>
    private void Leave()
    {
        foreach (var cluster in weights.Clusters.Where(it => weights.Current.Of(it.Name) == 0 && outage.Silence(it.Number) >= SilenceMax))
        {
            logger.AppendsGivenUp(cluster.Name, outage.Silence(cluster.Number));
            ((KafkaLog)cluster.Log).GiveUpAppends("new records go to another cluster, and this one does not answer");
        }
    }

    private async Task WatchAsync(Mode mode, Diversion diversion)
    {
        var targets = diversion.Before.Growing(diversion.Full).Select(name => weights.Clusters.FirstOrDefault(it => it.Name == name)).OfType<Cluster>().ToList();
        if (_watched != mode.Version)
        {
            _before = targets.ToDictionary(it => it.Number, it => outage.Counts(it.Number));
            _watched = mode.Version;
        }

        foreach (var target in targets)
        {
            var ((arrived, failed), before) = (outage.Counts(target.Number), _before.GetValueOrDefault(target.Number));
            (arrived, failed) = (arrived - before.Arrived, failed - before.Failed);
            var silence = outage.Silence(target.Number);
            if (silence >= SilenceMax || (failed >= FailuresMin && failed > FailedShareMax * (arrived + failed)))
            {
                await RollBackAsync(mode, diversion.Before, silence >= SilenceMax
                    ? $"{target.Name} has acknowledged nothing for {silence.TotalSeconds:0} s" : $"{failed} of {arrived + failed} appends to {target.Name} failed");
                return;
            }
        }
    }

    private async Task RollBackAsync(Mode mode, Shares before, string why)
    {
        logger.RolledBack($"{before}", why);
        var (now, reason) = (clock.GetUtcNow(), $"rolled back: {why} (was: {mode.Reason})");
        var back = mode with
        {
            Value = before == weights.Configured ? Switches.NotDiverted : $"{before}",
            Reason = reason[..Math.Min(ModeChange.TextLengthMax, reason.Length)],
            ChangedAt = now,
            Version = mode.Version + 1,
        };
        modes.Set(back); // here at once, and whether or not the store answers
        Telemetry.Rollbacks.Add(1);
        try
        {
            await control.SwitchAsync(back, "ingest", CancellationToken.None);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            logger.RollbackIsLocal(e, e.Message);
        }
    }
}
