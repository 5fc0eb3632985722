using System.Text;
using Dispatch.Channels.Flow;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Clusters;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Journal;

/// <summary>
/// Copies outcomes from the journal to the topic `outcomes`. Bypass is a paused shipper, nothing else: sending never waits for it.
/// Promise: every outcome arrives at least once, in the order of the journal; after a pause, a mark in every partition says that all that stayed behind is there.
/// When the topic cannot be written it switches bypass on by itself, goes on trying, and switches back.
/// </summary>
sealed class Shipper : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Renew = TimeSpan.FromSeconds(30);
    private const int SmallBatch = 500;

    private readonly JournalFile _journal;
    private readonly ShipperState _state;
    private readonly IEventLog _log;
    private readonly Channel _channel;
    private readonly ChannelControl _control;
    private readonly DispatcherOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly JournalReader _reader;
    private readonly Pulse _pulse;
    private readonly ModeScope _scope;
    private long _oldest;
    private bool _switched;

    public Shipper(
        JournalFile journal, ShipperState state, IEventLog log, Channel channel, ChannelControl control, DispatcherOptions options, TimeProvider time, ILogger logger)
    {
        (_journal, _state, _log, _channel, _control, _options, _time, _logger) = (journal, state, log, channel, control, options, time, logger);
        (_reader, _scope) = (new JournalReader(journal, logger), new ModeScope(channel));
        _pulse = new Pulse(time);
        journal.Synced += _pulse.Send;
    }

    /// <summary>The age of the oldest outcome that is not in the topic yet; zero: there is none.</summary>
    public TimeSpan Behind => Volatile.Read(ref _oldest) is var oldest and > 0 ? _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(oldest) : TimeSpan.Zero;

    /// <param name="lastRound">From here on it ends as soon as it has caught up, or is paused.</param>
    /// <param name="stop">Ends it where it is.</param>
    public async Task RunAsync(CancellationToken lastRound, CancellationToken stop)
    {
        using var wake = lastRound.Register(_pulse.Send);
        while (!stop.IsCancellationRequested)
        {
            if (IsPaused)
            {
                Pause();
                if (lastRound.IsCancellationRequested)
                {
                    return;
                }

                await _pulse.WaitAsync(Look);
                continue;
            }

            Resume();
            var (outcomes, next) = _reader.Read(_state.Position);
            if (outcomes.Count == 0)
            {
                Volatile.Write(ref _oldest, 0);
                Advance(next);
                if (_state.BehindSince != 0)
                {
                    await MarkAsync(stop);
                }
                else if (lastRound.IsCancellationRequested)
                {
                    return;
                }
                else
                {
                    await _pulse.WaitAsync(Look * 4);
                }

                continue;
            }

            var oldest = Oldest(outcomes);
            Volatile.Write(ref _oldest, oldest);
            if (await AppendAsync([.. outcomes.Select(RecordOf)], oldest, stop))
            {
                Advance(next);
                if (outcomes.Count < SmallBatch && !lastRound.IsCancellationRequested)
                {
                    await Task.Delay(Gather, _time, CancellationToken.None); // one sync of the log for what comes meanwhile
                }
            }
        }
    }

    public void Dispose()
    {
        _journal.Synced -= _pulse.Send;
        _pulse.Dispose();
    }

    /// <summary>A person's bypass, or that of another service; what this shipper switched by itself it must try to end.</summary>
    private bool IsPaused =>
        _control.Current().Of(Switches.Feedback, _scope, _time.GetUtcNow()) is { Value: "bypass" } mode && !(mode.Automatic && mode.Owner == _journal.Owner.Name);

    private void Pause()
    {
        if (!_state.IsPaused)
        {
            _state.Save(_state.BehindSince, isPaused: true);
            _logger.ShipperPaused(_journal.Owner.Name);
        }

        if (Volatile.Read(ref _oldest) == 0 && _reader.Read(_state.Position).Outcomes is { Count: > 0 } waiting)
        {
            var oldest = Oldest(waiting);
            Volatile.Write(ref _oldest, oldest);
            StayedBehind(oldest);
        }
    }

    private void Resume()
    {
        if (_state.IsPaused)
        {
            StayedBehind(_reader.Read(_state.Position).Outcomes is { Count: > 0 } waiting ? Oldest(waiting) : Now);
            _state.Save(_state.BehindSince, isPaused: false);
            _logger.ShipperResumed(_journal.Owner.Name);
        }
    }

    /// <summary>Lanes note their outcomes side by side, so the first in the journal may be some milliseconds younger than the next.</summary>
    private static long Oldest(List<JournaledOutcome> outcomes) => outcomes.Min(it => it.At);

    private void StayedBehind(long since)
    {
        if (_state.BehindSince == 0)
        {
            _state.Save(since, _state.IsPaused);
        }
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Advance(JournalPosition next)
    {
        if (next != _state.Position)
        {
            _state.Save(next);
            _journal.Shipped(next);
        }
    }

    /// <returns>False: stopped, or paused by a person meanwhile; nothing is known about the records.</returns>
    private async Task<bool> AppendAsync(IReadOnlyList<Record> records, long oldest, CancellationToken stop)
    {
        var began = _time.GetTimestamp();
        TimeSpan? renewed = null;
        Task? append = null;
        while (!stop.IsCancellationRequested && !IsPaused)
        {
            append ??= TryAppendAsync(records);
            var ended = await Task.WhenAny(append, Task.Delay(_switched ? _options.BypassProbe : _options.BypassAfter, _time, stop)) == append;
            if (ended && append.IsCompletedSuccessfully)
            {
                SwitchBack();
                return true;
            }

            var failed = _time.GetElapsedTime(began);
            if (failed >= _options.BypassAfter && (renewed is null || failed - renewed >= Renew))
            {
                StayedBehind(oldest);
                SwitchBypassOn(append.Exception?.InnerException);
                renewed = failed;
            }

            if (ended)
            {
                if (append.Exception?.InnerException is not AppendException)
                {
                    await append; // a bug, or a log that was closed: whoever runs this hears of it
                }

                append = null;
                await DelayAsync(_switched ? _options.BypassProbe : Look, stop);
            }
        }

        if (append is not null)
        {
            _reader.Forget(); // the append may still read from it
            _ = append.ContinueWith(static it => it.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }

        return false;
    }

    private async Task TryAppendAsync(IReadOnlyList<Record> records) => await _log.AppendAsync(records, CancellationToken.None);

    private async Task DelayAsync(TimeSpan delay, CancellationToken stop) =>
        await Task.Delay(delay, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void SwitchBypassOn(Exception? cause)
    {
        if (!_switched)
        {
            _logger.BypassByItself(cause, _journal.Owner.Name);
        }

        _switched = true;
        _control.SetAutomatic(Switches.Feedback, "bypass", _scope, "outcomes cannot be written", _journal.Owner.Name);
    }

    private void SwitchBack()
    {
        if (_switched)
        {
            _switched = false;
            _control.ClearAutomatic(Switches.Feedback, _scope, _journal.Owner.Name);
            _logger.ShipperResumed(_journal.Owner.Name);
        }
    }

    /// <summary>Behind everything that stayed behind, in every partition: Feedback closes the blind window when it has passed them all.</summary>
    private async Task MarkAsync(CancellationToken stop)
    {
        var name = _journal.Owner.Name;
        var now = _time.GetUtcNow();
        var mark = new Outcome { Kind = OutcomeKind.CaughtUp, At = _state.BehindSince, SourceId = name, Channel = _channel, Day = Id.DayOf(now) }.ToByteArray();
        var key = Encoding.UTF8.GetBytes(name);
        List<Record> marks;
        try
        {
            marks = [.. _log.AllPartitionsOf(Topics.Outcomes).Select(partition => new Record(Topics.Outcomes, key, mark) { Partition = partition.Partition })];
        }
        catch (LogUnavailableException)
        {
            await DelayAsync(Look, stop); // a cluster that was not reached yet: Feedback will want a mark there too
            return;
        }

        if (await AppendAsync(marks, _state.BehindSince, stop))
        {
            _logger.ShipperCaughtUp(name, now - DateTimeOffset.FromUnixTimeMilliseconds(_state.BehindSince));
            _state.Save(0, _state.IsPaused);
        }
    }

    private static Record RecordOf(JournaledOutcome outcome) => new(Topics.Outcomes, outcome.Key, outcome.Value)
    {
        Cluster = ClusterNumber.Of(outcome.Origin.Partition),
        Headers = outcome.TraceParent.IsEmpty ? [] : [new RecordHeader(RecordHeaders.TraceParent, outcome.TraceParent)],
    };
}
