using System.Diagnostics;

namespace Dispatch.Sandbox.Http2;

/// <summary>
/// Answers that leave later, on one thread in slots of a millisecond. A timer for each request would cost more than the request; here a delay is one entry in a list.
/// An answer leaves up to two milliseconds late, never early.
/// </summary>
sealed class TimerWheel : IDisposable
{
    const int Slots = 4096; // of 1 ms; what is further away stays in its slot for another round

    readonly List<Entry>[] slots = new List<Entry>[Slots];
    readonly Lock gate = new();
    readonly AutoResetEvent wake = new(initialState: false);
    readonly Thread thread;
    readonly List<Entry> due = []; // of this turn; the thread's own
    int waiting;
    long passed = Now();
    volatile bool stopping;

    public TimerWheel()
    {
        for (var i = 0; i < Slots; i++)
        {
            slots[i] = [];
        }

        thread = new Thread(Run) { IsBackground = true, Name = "sandbox timer wheel" };
        thread.Start();
    }

    readonly record struct Entry(Http2Connection Connection, int StreamId, long Due);

    /// <summary>Cheap, and allowed under the connection's lock: nothing is called back before it returns.</summary>
    public void Schedule(Http2Connection connection, int streamId, int delayMs)
    {
        var at = Now() + delayMs + 1; // the tick that is running is not a whole one
        bool first;
        lock (gate)
        {
            slots[at % Slots].Add(new Entry(connection, streamId, at));
            first = waiting++ == 0;
        }

        if (first)
        {
            wake.Set();
        }
    }

    public void Dispose()
    {
        stopping = true;
        wake.Set();
        thread.Join();
        wake.Dispose();
    }

    /// <summary>Milliseconds; the runtime's own tick count moves in steps of four on some kernels.</summary>
    static long Now() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    void Run()
    {
        while (!stopping)
        {
            if (Volatile.Read(ref waiting) == 0)
            {
                wake.WaitOne();
            }
            else
            {
                Thread.Sleep(1);
            }

            Turn(Now());
            Answer();
        }
    }

    void Turn(long now)
    {
        lock (gate)
        {
            for (var tick = Math.Max(passed + 1, now - Slots + 1); tick <= now; tick++)
            {
                slots[tick % Slots].RemoveAll(entry =>
                {
                    var isDue = entry.Due <= now; // the others have more rounds to go
                    if (isDue)
                    {
                        due.Add(entry);
                    }

                    return isDue;
                });
            }

            passed = now;
            waiting -= due.Count;
        }
    }

    /// <summary>Runs of the same connection are answered under one lock and leave in one write.</summary>
    void Answer()
    {
        for (var i = 0; i < due.Count;)
        {
            var connection = due[i].Connection;
            var end = i;
            while (end < due.Count && due[end].Connection == connection)
            {
                end++;
            }

            var (from, to) = (i, end);
            connection.Do(session =>
            {
                for (var at = from; at < to; at++)
                {
                    session.Due(due[at].StreamId);
                }
            });
            i = end;
        }

        due.Clear();
    }
}
