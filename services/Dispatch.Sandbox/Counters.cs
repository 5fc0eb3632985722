using System.Diagnostics.Metrics;

namespace Dispatch.Sandbox;

/// <summary>What a stand-in has seen since its start or reset. Thread-safe; each figure is exact, together they may be a moment apart.</summary>
public sealed class Counters
{
    long received, accepted, refused, unanswered, violations, connections, connectionsTotal, maxStreams, goAways, callbacksSent, callbacksFailed, callbacksDropped;

    /// <summary>Whole messages, whatever became of them.</summary>
    public long Received => Interlocked.Read(ref received);

    public long Accepted => Interlocked.Read(ref accepted);

    public long Refused => Interlocked.Read(ref refused);

    public long Unanswered => Interlocked.Read(ref unanswered);

    /// <summary>Streams that a client opened above the limit that it had acknowledged.</summary>
    public long Violations => Interlocked.Read(ref violations);

    public long Connections => Interlocked.Read(ref connections);

    public long ConnectionsTotal => Interlocked.Read(ref connectionsTotal);

    /// <summary>Most streams open at once on one connection.</summary>
    public long MaxStreams => Interlocked.Read(ref maxStreams);

    public long GoAways => Interlocked.Read(ref goAways);

    public long CallbacksSent => Interlocked.Read(ref callbacksSent);

    public long CallbacksFailed => Interlocked.Read(ref callbacksFailed);

    public long CallbacksDropped => Interlocked.Read(ref callbacksDropped);

    /// <summary>As metrics, read when somebody collects: counting costs the path nothing more.</summary>
    internal void Show(Meter meter, string provider)
    {
        var of = KeyValuePair.Create("provider", (object?)provider);
        meter.CreateObservableCounter("dispatch.sandbox.accepted", () => new Measurement<long>(Accepted, of), "{message}");
        meter.CreateObservableCounter("dispatch.sandbox.refused", () => new Measurement<long>(Refused, of), "{message}");
        meter.CreateObservableCounter("dispatch.sandbox.unanswered", () => new Measurement<long>(Unanswered, of), "{message}");
        meter.CreateObservableCounter("dispatch.sandbox.violations", () => new Measurement<long>(Violations, of), "{stream}");
    }

    internal void Receipt(bool taken, bool answered)
    {
        Interlocked.Increment(ref received);
        Interlocked.Increment(ref taken ? ref accepted : ref refused);
        if (!answered)
        {
            Interlocked.Increment(ref unanswered);
        }
    }

    internal void Violation() => Interlocked.Increment(ref violations);

    internal void Connected()
    {
        Interlocked.Increment(ref connections);
        Interlocked.Increment(ref connectionsTotal);
    }

    internal void Disconnected() => Interlocked.Decrement(ref connections);

    internal void GoAway() => Interlocked.Increment(ref goAways);

    internal void CallbackSent() => Interlocked.Increment(ref callbacksSent);

    internal void CallbackFailed() => Interlocked.Increment(ref callbacksFailed);

    internal void CallbackDropped() => Interlocked.Increment(ref callbacksDropped);

    internal void Streams(int open)
    {
        for (var seen = MaxStreams; open > seen;)
        {
            var was = Interlocked.CompareExchange(ref maxStreams, open, seen);
            if (was == seen)
            {
                return;
            }

            seen = was;
        }
    }

    /// <summary>All but the connections that are open.</summary>
    internal void Reset()
    {
        Interlocked.Exchange(ref received, 0);
        Interlocked.Exchange(ref accepted, 0);
        Interlocked.Exchange(ref refused, 0);
        Interlocked.Exchange(ref unanswered, 0);
        Interlocked.Exchange(ref violations, 0);
        Interlocked.Exchange(ref connectionsTotal, Connections);
        Interlocked.Exchange(ref maxStreams, 0);
        Interlocked.Exchange(ref goAways, 0);
        Interlocked.Exchange(ref callbacksSent, 0);
        Interlocked.Exchange(ref callbacksFailed, 0);
        Interlocked.Exchange(ref callbacksDropped, 0);
    }
}
