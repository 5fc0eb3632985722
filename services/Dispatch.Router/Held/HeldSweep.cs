using System.Collections.Immutable;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;
using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Held;

/// <summary>
/// Lets parked messages go when nothing holds them any more: back through `reroute`, where everything about them is decided anew.
/// Promise: a parked message is in `held` or has left it, never both and never neither, because one commit moves it.
/// </summary>
/// <remarks>
/// What stays is not written again: the position stays at the first that does, and marks those behind it that have left. Only when they run too far ahead are the
/// ones that stay moved to the end. While no mode changes and nothing falls due, a sweep reads just what came in since the last one.
/// </remarks>
sealed class HeldSweep(IPartition held, ModeBook modes, IOptions<RouterOptions> options, HopLoop faults, TimeProvider clock, ILogger<HeldSweep> log)
{
    private const int MarksMax = 4_096;

    /// <summary>Expiry of something parked is found this late at worst, so that a million of them are not read again every minute.</summary>
    private static readonly TimeSpan ExpiryLag = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan NothingMore = TimeSpan.FromSeconds(2);

    private Position _position = held.Start;
    private ControlSnapshot? _seenUnder;
    private long _seenTo;
    private DateTimeOffset _nextDue;
    private DateTimeOffset _nextExpiry;

    public async Task RunAsync(CancellationToken stop)
    {
        var changed = new Nudge();
        modes.Changed += changed.Give;
        try
        {
            for (var rest = TimeSpan.FromMilliseconds(100); !stop.IsCancellationRequested;)
            {
                try
                {
                    await SweepAsync(stop);
                    rest = TimeSpan.FromMilliseconds(100);
                    await changed.WaitAsync(options.Value.SweepInterval, clock, stop);
                }
                catch (Exception e) when (HopLoop.IsLost(e) && !stop.IsCancellationRequested)
                {
                    rest = await faults.RestAsync(held, e, rest, stop);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // handed over, or the end
        }
        catch (LeaseLostException e)
        {
            log.LeaseLost(held.Id.Topic, held.Id.Partition, e.Message);
        }
        finally
        {
            modes.Changed -= changed.Give;
        }
    }

    internal async Task SweepAsync(CancellationToken stop)
    {
        var (control, now) = (modes.Current, clock.GetUtcNow());
        var whole = control != _seenUnder || now >= _nextDue || now >= _nextExpiry + ExpiryLag;
        if (!await PassAsync(control, now, whole, moving: false, stop))
        {
            await PassAsync(control, now, whole: true, moving: true, stop);
        }

        _seenUnder = control;
    }

    /// <param name="whole">Looks at all that is parked; else at what came in since the last pass.</param>
    /// <param name="moving">What stays is moved to the end.</param>
    /// <returns>False: too many marks would be needed; nothing of this batch was done.</returns>
    private async Task<bool> PassAsync(ControlSnapshot control, DateTimeOffset now, bool whole, bool moving, CancellationToken stop)
    {
        var end = held.End;
        var from = whole || _seenTo <= _position.Next ? _position : new Position(_seenTo, Behind(_seenTo));
        if (from == _position)
        {
            (_nextDue, _nextExpiry) = (DateTimeOffset.MaxValue, DateTimeOffset.MaxValue - ExpiryLag);
        }

        long? firstStaying = from == _position ? null : _position.Next;
        if (from.Next >= end)
        {
            return true;
        }

        using var idle = CancellationTokenSource.CreateLinkedTokenSource(stop);
        idle.CancelAfter(NothingMore);
        var released = 0;
        await foreach (var batch in held.ReadAsync(from, idle.Token))
        {
            idle.CancelAfter(Timeout.InfiniteTimeSpan);
            var (outputs, left) = (new List<Record>(), new List<long>());
            foreach (var entry in batch.Entries.TakeWhile(entry => entry.Offset < end))
            {
                if (Release(entry, control, now) is { } outputsOfOne)
                {
                    outputs.AddRange(outputsOfOne);
                    left.Add(entry.Offset);
                    released++;
                }
                else if (moving)
                {
                    outputs.Add(new Record(held.Id.Topic, entry.Key, entry.Value) { Headers = entry.Headers, Partition = held.Id.Partition });
                    left.Add(entry.Offset);
                }
                else
                {
                    firstStaying ??= entry.Offset;
                }
            }

            var seenTo = Math.Min(batch.End, end);
            if (outputs.Count > 0)
            {
                var next = PositionAfter(firstStaying ?? seenTo, left);
                if (next is null)
                {
                    return false;
                }

                await held.CommitAsync(outputs, next, stop);
                _position = next;
            }

            _seenTo = Math.Max(seenTo, _position.Next);
            if (batch.End >= end)
            {
                break;
            }

            idle.CancelAfter(NothingMore);
        }

        if (released > 0)
        {
            log.Released(held.Id.Topic, held.Id.Partition, released);
        }

        return true;
    }

    /// <returns>What is written when it leaves; null: it stays.</returns>
    private List<Record>? Release(Entry entry, ControlSnapshot control, DateTimeOffset now)
    {
        Message message;
        try
        {
            message = Message.Parser.ParseFrom(entry.Value.Span);
        }
        catch (InvalidProtocolBufferException)
        {
            return [new Record(Topics.Reroute(ClassOf(held.Id.Topic)), entry.Key, entry.Value) { Headers = entry.Headers }]; // which puts it in quarantine
        }

        if (Gate.MayLeave(message, control, now))
        {
            message.ParkingId = ByteString.Empty; // this commit cannot happen twice; see ParkingFilter
            return [new Record(Topics.Reroute(message.Class), entry.Key, message.ToByteArray()) { Headers = entry.Headers }];
        }

        _nextDue = Earlier(_nextDue, message.NotBefore, now);
        _nextExpiry = Earlier(_nextExpiry, message.ExpiresAt, now);
        return null;
    }

    /// <summary>Any of them may leave before those that were parked earlier, in this sweep or in the next: the marks of both are brought in order.</summary>
    /// <returns>null: it would need too many marks.</returns>
    private Position? PositionAfter(long next, List<long> left)
    {
        Mark[] marks = [.. Behind(next).Concat(left.Where(offset => offset >= next).Select(offset => new Mark(offset, MarkKind.Done))).OrderBy(mark => mark.Offset)];
        var first = 0;
        for (; first < marks.Length && marks[first].Offset == next; first++)
        {
            next++; // a batch may end right before one that has left
        }

        return marks.Length - first > MarksMax || (first < marks.Length && marks[^1].Offset - next >= Position.AboveMax) ? null : new Position(next, [.. marks[first..]]);
    }

    private ImmutableArray<Mark> Behind(long next) => [.. _position.Above.Where(mark => mark.Offset >= next)];

    private static DateTimeOffset Earlier(DateTimeOffset one, long at, DateTimeOffset now)
    {
        var other = at <= now.ToUnixTimeMilliseconds() ? DateTimeOffset.MaxValue : DateTimeOffset.FromUnixTimeMilliseconds(at);
        return one < other ? one : other;
    }

    private static TrafficClass ClassOf(string topic) => Topics.Classes.Single(of => Topics.Held(of) == topic);
}
