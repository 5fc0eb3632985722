using System.Diagnostics.CodeAnalysis;

namespace Dispatch.Email.Smtp;

/// <summary>
/// Jobs of one relay, and its connections that wait for one. Who came last is served first, so that connections that are not needed get old and close.
/// Thread-safe. A job is handed over outside the lock: the connection goes to work on the caller's thread until it has to wait for the relay.
/// </summary>
sealed class SmtpQueue(int connectionsMax)
{
    private readonly Lock gate = new();
    private readonly Queue<SmtpJob> jobs = [];
    private readonly List<Waiter> waiters = [];
    private int connections;
    private bool closed;
    private volatile bool overlaps;

    /// <summary>The relay offers PIPELINING, as far as its connections know: work may wait here to be asked for ahead.</summary>
    public bool Overlaps { get => overlaps; set => overlaps = value; }

    /// <returns>True: all are busy and there may be one more, which the caller starts and which takes from here.</returns>
    public bool Add(SmtpJob job)
    {
        Waiter? waiter = null;
        lock (gate)
        {
            if (waiters.Count == 0)
            {
                jobs.Enqueue(job);
                var another = connections < connectionsMax;
                connections += another ? 1 : 0;
                return another;
            }

            waiter = waiters[^1];
            waiters.RemoveAt(waiters.Count - 1);
        }

        waiter.Hand(job);
        return false;
    }

    public bool TryTake([NotNullWhen(true)] out SmtpJob? job)
    {
        lock (gate)
        {
            return jobs.TryDequeue(out job);
        }
    }

    /// <returns>Null: there was nothing to do for so long that the connection ends.</returns>
    public async ValueTask<SmtpJob?> WaitAsync()
    {
        Waiter waiter;
        lock (gate)
        {
            if (jobs.TryDequeue(out var job))
            {
                return job;
            }

            if (closed)
            {
                connections--;
                return null;
            }

            waiter = new Waiter();
            waiters.Add(waiter);
        }

        return await waiter.Task;
    }

    /// <summary>Lets go of connections that have waited for so long.</summary>
    public void Release(TimeSpan idleMax)
    {
        List<Waiter> old;
        lock (gate)
        {
            old = [.. waiters.TakeWhile(waiter => Environment.TickCount64 - waiter.Since >= idleMax.TotalMilliseconds)];
            waiters.RemoveRange(0, old.Count);
            connections -= old.Count;
        }

        old.ForEach(waiter => waiter.Hand(null));
    }

    /// <summary>Ends jobs that have waited for so long; who takes one of them sees it.</summary>
    public void TakeBack(TimeSpan after)
    {
        List<SmtpJob> waiting;
        lock (gate)
        {
            waiting = [.. jobs];
        }

        waiting.ForEach(job => job.TakeBack(after));
    }

    /// <summary>Nobody waits any more: what is done ends.</summary>
    public void Close()
    {
        lock (gate)
        {
            closed = true;
        }

        Release(TimeSpan.Zero);
    }

    private sealed class Waiter
    {
        private readonly TaskCompletionSource<SmtpJob?> handed = new();

        public long Since { get; } = Environment.TickCount64;

        public Task<SmtpJob?> Task => handed.Task;

        public void Hand(SmtpJob? job) => handed.SetResult(job);
    }
}
