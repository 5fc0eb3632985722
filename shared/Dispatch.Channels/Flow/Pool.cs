using Dispatch.Channels.Lanes;
using Dispatch.Contracts;

namespace Dispatch.Channels.Flow;

/// <summary>
/// The work of a channel, which belongs to nobody until a lane takes it: so a lane that faults takes nothing with it. The urgent goes first, always; within a class
/// tenants and apps take turns. Bounded: who puts waits until there is room, and so stops reading.
/// </summary>
sealed class Pool
{
    private const int Turn = 16;

    private readonly Lock _gate = new();
    private readonly DispatcherOptions _options;
    private readonly Modes _modes;
    private readonly IReadOnlyList<Seat> _lanes;
    private readonly TimeProvider _time;
    private readonly Dictionary<RouteKey, Route> _routes = [];
    private readonly PriorityQueue<WorkItem, long> _later = new(); // by timestamp: a clock that is set back must not prolong a wait
    private readonly ClassQueue[] _classes = [.. Topics.Classes.Select(_ => new ClassQueue())];

    public Pool(DispatcherOptions options, Modes modes, IReadOnlyList<Seat> lanes, TimeProvider time) =>
        (_options, _modes, _lanes, _time) = (options, modes, lanes, time);

    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _classes.Sum(it => it.Count) + _later.Count;
            }
        }
    }

    /// <summary>That are known now.</summary>
    public int Routes
    {
        get
        {
            lock (_gate)
            {
                return _routes.Count;
            }
        }
    }

    /// <returns>False: no lane that could take it is open while others work, and half of the room is used: it must not stand in the way of what can go.</returns>
    public async ValueTask<bool> PutAsync(WorkItem item, CancellationToken stop)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                var queue = QueueOf(item);
                var route = item.Route ??= RouteOf(item);
                if (queue.Count * 2 >= _options.WaitingMax && StandsInTheWay(route))
                {
                    return false;
                }

                if (queue.Count < _options.WaitingMax && (queue.Bytes < _options.WaitingBytesMax || queue.Count == 0))
                {
                    Enqueue(item);
                    return true;
                }

                room = (queue.Room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await room.WaitAsync(TimeSpan.FromSeconds(1), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The lane that could serve it, if its credential were accepted; null: its lanes are missing or faulted.</summary>
    public string? HeldLaneOf(WorkItem item)
    {
        lock (_gate)
        {
            return _lanes.FirstOrDefault(lane => lane.State == LaneState.Held && item.Route is { } route && route.IsServedBy(lane.Number))?.Options.Name;
        }
    }

    /// <summary>Un-sent work comes back; it never waits for room, because it had it.</summary>
    public void Return(WorkItem item)
    {
        lock (_gate)
        {
            item.Route ??= RouteOf(item);
            Enqueue(item);
        }
    }

    /// <summary>The same, after a wait.</summary>
    public void Return(WorkItem item, TimeSpan wait)
    {
        lock (_gate)
        {
            _later.Enqueue(item, _time.GetTimestamp() + (long)(wait.TotalSeconds * _time.TimestampFrequency));
        }
    }

    /// <param name="retriesMax">How many of them may have been tried before.</param>
    /// <param name="leastUrgentFirst">For a probe: what can bear it best.</param>
    public int Take(Seat lane, Span<WorkItem> into, int retriesMax, bool leastUrgentFirst)
    {
        lock (_gate)
        {
            Promote();
            var taken = 0;
            for (var i = 0; i < _classes.Length && taken < into.Length; i++)
            {
                taken += TakeFrom(_classes[leastUrgentFirst ? ^(i + 1) : i], lane, into[taken..], ref retriesMax);
            }

            return taken;
        }
    }

    /// <summary>Is there anything that the lane may take? And anything that was not tried before?</summary>
    public (bool Any, bool First) WorkFor(Seat lane)
    {
        lock (_gate)
        {
            var any = false;
            foreach (var queue in _classes)
            {
                foreach (var route in queue.Routes)
                {
                    if (MayServe(lane, route))
                    {
                        any = true;
                        if (route.First.Count > 0)
                        {
                            return (true, true);
                        }
                    }
                }
            }

            return (any, false);
        }
    }

    /// <summary>Takes out whatever <paramref name="goes"/>: what became too old or is no longer wanted, what belongs to a partition that is gone.</summary>
    /// <param name="goes">Is asked once about each: it may send the item on its way.</param>
    public List<WorkItem> Remove(Func<WorkItem, bool> goes)
    {
        lock (_gate)
        {
            var removed = new List<WorkItem>();
            foreach (var queue in _classes)
            {
                foreach (var route in queue.Routes)
                {
                    Sift(route.First);
                    Sift(route.Again);
                }

                queue.Forget(_routes);
            }

            var later = _later.UnorderedItems.ToList();
            _later.Clear();
            foreach (var (item, due) in later)
            {
                if (goes(item))
                {
                    removed.Add(item);
                }
                else
                {
                    _later.Enqueue(item, due);
                }
            }

            return removed;

            void Sift(Queue<WorkItem> items)
            {
                for (var left = items.Count; left > 0; left--)
                {
                    var item = items.Dequeue();
                    if (goes(item))
                    {
                        removed.Add(item);
                        Left(QueueOf(item), item);
                    }
                    else
                    {
                        items.Enqueue(item);
                    }
                }
            }
        }
    }

    /// <summary>The same for what was put before its lanes faulted: takes out so much of it that half of the room is free again.</summary>
    public List<WorkItem> RemoveBlocked()
    {
        lock (_gate)
        {
            var removed = new List<WorkItem>();
            foreach (var queue in _classes)
            {
                foreach (var route in queue.Routes)
                {
                    while (queue.Count * 2 > _options.WaitingMax && StandsInTheWay(route) && (route.Again.TryDequeue(out var item) || route.First.TryDequeue(out item)))
                    {
                        removed.Add(item);
                        Left(queue, item);
                    }
                }
            }

            return removed;
        }
    }

    private int TakeFrom(ClassQueue queue, Seat lane, Span<WorkItem> into, ref int retriesMax)
    {
        var taken = 0;
        for (var idle = 0; idle < queue.Routes.Count && taken < into.Length;)
        {
            var route = queue.Routes[queue.Cursor++ % queue.Routes.Count];
            var before = taken;
            if (MayServe(lane, route))
            {
                var turn = Math.Min(into.Length, taken + Turn);
                while (taken < turn && route.First.TryDequeue(out var item))
                {
                    into[taken++] = item;
                    Left(queue, item);
                }

                while (taken < turn && retriesMax > 0 && route.Again.TryDequeue(out var item))
                {
                    retriesMax--;
                    into[taken++] = item;
                    Left(queue, item);
                }
            }

            idle = taken > before ? 0 : idle + 1;
        }

        if (taken > 0)
        {
            queue.Forget(_routes);
        }

        return taken;
    }

    private bool MayServe(Seat lane, Route route) =>
        route.Count > 0 && route.IsServedBy(lane.Number) && _modes.MayRun(route.Key.Class, route.Key.Tenant, lane.Options.Name);

    private bool StandsInTheWay(Route route) =>
        _lanes.Any(lane => lane.IsOpen)
        && !_lanes.Any(lane => route.IsServedBy(lane.Number) && lane.IsOpen && _modes.MayRun(route.Key.Class, route.Key.Tenant, lane.Options.Name));

    private void Promote()
    {
        while (_later.TryPeek(out var item, out var due) && due <= _time.GetTimestamp())
        {
            _later.Dequeue();
            item.Route ??= RouteOf(item);
            Enqueue(item);
        }
    }

    private void Enqueue(WorkItem item)
    {
        var queue = QueueOf(item);
        var route = item.Route!;
        if (!route.IsListed)
        {
            route.IsListed = true;
            queue.Routes.Add(route);
        }

        (item.IsRetry ? route.Again : route.First).Enqueue(item);
        queue.Count++;
        queue.Bytes += item.Bytes;
        foreach (var lane in _lanes)
        {
            if (lane.IsHungry)
            {
                lane.Wake();
            }
        }
    }

    private void Left(ClassQueue queue, WorkItem item)
    {
        queue.Count--;
        queue.Bytes -= item.Bytes;
        if (queue.Room is not null && queue.Count * 4 <= _options.WaitingMax * 3) // not for every single place
        {
            queue.Room.SetResult();
            queue.Room = null;
        }
    }

    private ClassQueue QueueOf(WorkItem item) => _classes[(int)item.Message.Class - 1];

    private Route RouteOf(WorkItem item)
    {
        var key = RouteKey.Of(item.Message);
        return _routes.TryGetValue(key, out var known) ? known : _routes[key] = new Route(key, [.. _lanes.Select(lane => key.MayUse(lane.Options))]);
    }
}
