using Dispatch.Channels.Flow;
using Dispatch.Channels.Journal;
using Dispatch.Channels.Lanes;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Channels;

/// <summary>
/// Hands the messages of one channel to its providers: partitions fill a pool, lanes empty it, the journal remembers, the shipper tells. Needs the log and its own
/// folder; neither PostgreSQL nor Control.
/// Promise: what was accepted is sent, or ends with a reason; a crash repeats at most what was in flight, and that only where the message's policy allows it.
/// </summary>
public sealed class Dispatcher(
    Channel channel,
    DispatcherOptions options,
    string journalFolder,
    IReadOnlyList<ConfiguredLane> lanes,
    IEventLog log,
    ChannelControl control,
    Freshness freshness,
    TimeProvider time,
    ILogger<Dispatcher> logger) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan BackOff = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BackOffMax = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LastRound = TimeSpan.FromSeconds(5);

    private readonly string[] _topics = TopicsOf(channel);

    private readonly List<IChannelSender> _senders = [];
    private volatile Running? _running;

    /// <summary>push, email or sms; also the name of its group.</summary>
    public string Name { get; } = Topics.Name(channel);

    /// <summary>By name.</summary>
    internal IEnumerable<KeyValuePair<string, LaneState>> Lanes => _running?.Lanes.Select(lane => KeyValuePair.Create(lane.Name, lane.State)) ?? [];

    internal long JournalBytes => _running?.Works.Journal.Bytes ?? 0;

    internal int JournalUnsettled => _running?.Works.Journal.Unsettled ?? 0;

    internal long JournalSyncs => _running?.Works.Journal.Syncs ?? 0;

    internal TimeSpan ShipperBehind => _running?.Shipper.Behind ?? TimeSpan.Zero;

    internal int Waiting => _running?.Works.Pool.Waiting ?? 0;

    /// <summary>Senders are made here, so that bad settings stop the start with their faults, those of all lanes.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var lane in lanes)
        {
            try
            {
                _senders.Add(lane.OpenSender());
            }
            catch (OptionsValidationException e)
            {
                faults.AddRange(e.Failures.Select(fault => $"lane '{lane.Options.Name}': {fault}"));
            }
        }

        if (faults.Count > 0)
        {
            throw new OptionsValidationException(LaneOptions.Section, typeof(LaneOptions), faults);
        }

        if (lanes.Count == 0)
        {
            logger.NoLane(Name);
        }

        return base.StartAsync(cancellationToken);
    }

    /// <summary>What it reads, and what its journal's origins point into.</summary>
    internal static string[] TopicsOf(Channel channel) =>
    [
        .. Topics.Classes.Select(of => Topics.Messages(channel, of)),
        .. Topics.Classes.SelectMany(of => Topics.RetryDelays.Select(delay => Topics.Retry(channel, of, delay))),
    ];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        Telemetry.Show(this);
        try
        {
            for (var backOff = BackOff; !stoppingToken.IsCancellationRequested; backOff = backOff * 2 < BackOffMax ? backOff * 2 : BackOffMax)
            {
                try
                {
                    await RunAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OutOfMemoryException && !stoppingToken.IsCancellationRequested)
                {
                    // Whatever it was (the log away, the folder full, a bug): the journal knows what was done, so it can begin anew.
                    logger.FellOver(e, Name, backOff);
                    await Task.Delay(backOff, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
        finally
        {
            Telemetry.Hide(this);
            foreach (var sender in _senders)
            {
                await sender.DisposeAsync();
            }
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (_running is not { } running)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy("not running: the log or the journal's folder is missing"));
        }

        var data = new Dictionary<string, object>(running.Lanes.Select(lane => KeyValuePair.Create<string, object>(lane.Name, lane.State.ToString())));
        var faulted = running.Lanes.Where(lane => lane.State != LaneState.Open).Select(lane => $"{lane.Name} {lane.State}").ToList();
        return Task.FromResult(running.Works.Journal.Fault is { } fault
            ? HealthCheckResult.Unhealthy($"journal: {fault}", data: data)
            : faulted.Count > 0 ? HealthCheckResult.Degraded($"lanes: {string.Join(", ", faulted)}", data: data) : HealthCheckResult.Healthy(data: data));
    }

    /// <summary>One life of the dispatcher: everything that a fault may have left in a strange state is made anew.</summary>
    private async Task RunAsync(CancellationToken stop)
    {
        await log.OpenedAsync(stop);
        var positions = await PositionsAsync(stop);
        using var shipped = new ShipperState(journalFolder);
        using var journal = JournalFile.Open(
            new JournalSettings(journalFolder, Name, _topics, options.SegmentBytesMax, options.JournalBytesMax, options.SyncDelay, shipped.Position), logger);
        var memory = journal.Recover(partition => positions.GetValueOrDefault(partition), atStart: true);
        foreach (var (partition, next) in positions)
        {
            journal.Passed(partition, next);
        }

        if (journal.MachineRestarted)
        {
            logger.MachineWentDown();
        }

        var modes = new Modes(channel, control, time, journal.Owner.Name);
        var seats = lanes.Select((lane, number) => new Seat(number, lane.Options, time)).ToList();
        var works = new Works(
            channel, options, journal, new Pool(options, modes, seats, time), new Bookkeeper(journal, channel, time), modes, freshness, control, time, logger);
        var desk = new KeptDesk(journal, log, Name, time, logger);
        desk.Recall();
        using var shipper = new Shipper(journal, shipped, log, channel, control, options, time, logger);
        var running = new Running(works, [.. seats.Zip(_senders, (seat, sender) => new Lane(seat, sender, works))], shipper, desk);
        logger.Started(journal.Owner.Name, journal.Owner.Starts, lanes.Count);
        await RunAsync(running, memory, stop);
        seats.ForEach(seat => seat.Dispose());
    }

    /// <summary>Partitions stop first, and settle what is in flight; then the lanes; then the shipper has one more round.</summary>
    private async Task RunAsync(Running running, Dictionary<TopicPartition, Dictionary<long, Remembered>> memory, CancellationToken stop)
    {
        using var laneStop = new CancellationTokenSource();
        using var lanePatience = new CancellationTokenSource();
        using var shipperRound = new CancellationTokenSource();
        using var deskRound = new CancellationTokenSource();
        using var shipperStop = new CancellationTokenSource();
        var laneRuns = running.Lanes.Select(lane => lane.RunAsync(laneStop.Token, lanePatience.Token)).ToList();
        var shipping = running.Shipper.RunAsync(shipperRound.Token, shipperStop.Token);
        var settling = running.Desk.RunAsync(deskRound.Token, shipperStop.Token);
        var sweeping = SweepAsync(running.Works, laneStop.Token);
        using var fault = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _ = Task.WhenAny([.. laneRuns, shipping, settling, sweeping]).ContinueWith(_ => fault.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _running = running;
        try
        {
            var intake = new Intake(running.Works, _topics, new Memory(running.Works.Journal, memory), log.IsExclusive ? null : running.Desk);
            var group = new Group(Name, _topics) { BatchSizeMax = 500, BatchBytesMax = 1024 * 1024 };
            await log.RunAsync(group, intake.RunAsync, fault.Token);
        }
        finally
        {
            _running = null;
            await laneStop.CancelAsync();
            await shipperRound.CancelAsync();
            lanePatience.CancelAfter(LastRound);
            shipperStop.CancelAfter(LastRound);
            _ = Task.WhenAll(laneRuns).ContinueWith(_ => deskRound.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // what ended last, too
            try
            {
                await Task.WhenAll([.. laneRuns, shipping, settling, sweeping]).WaitAsync(LastRound * 2, time, CancellationToken.None);
            }
            catch (TimeoutException e)
            {
                logger.StopTookTooLong(e, Name); // a lane waits for a journal that cannot be written: what it holds was not sent
            }
        }
    }

    /// <summary>What waits too long, or is no longer wanted, does not wait for a lane to find that out.</summary>
    private async Task SweepAsync(Works works, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(SweepInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (works.Journal.TakesIntents)
            {
                works.Pool.Remove(item => item.Feed.IsClosed || works.Divert(item));
                works.Pool.RemoveBlocked().ForEach(works.StepAside);
            }
        }
    }

    private async Task<Dictionary<TopicPartition, long>> PositionsAsync(CancellationToken stop)
    {
        var partitions = _topics.SelectMany(topic => log.AllPartitionsOf(topic, openOnly: true)).ToList(); // of a cluster that is away everything may still be open
        return (await log.PositionsAsync(Name, partitions, stop)).ToDictionary(at => at.Key, at => at.Value?.Next ?? 0);
    }

    private sealed record Running(Works Works, IReadOnlyList<Lane> Lanes, Shipper Shipper, KeptDesk Desk);
}
