namespace Dispatch.Sandbox.Http2;

/// <summary>
/// How many streams the client may have open. A limit holds from the moment the client acknowledges it (RFC 9113, 6.5.3): until then the higher of the old and the
/// new one counts, and before the first acknowledgement none. So what is called a violation here is one.
/// </summary>
sealed class StreamLimit
{
    readonly Queue<int?> unacknowledged = []; // null: a SETTINGS frame without a limit
    int acknowledged = int.MaxValue;
    int allowed = int.MaxValue;

    public int Allowed => allowed;

    /// <summary>A SETTINGS frame left, with this limit in it or with none.</summary>
    public void Sent(int? limit)
    {
        unacknowledged.Enqueue(limit);
        Weigh();
    }

    /// <returns>False: there was nothing to acknowledge.</returns>
    public bool Acknowledge()
    {
        if (!unacknowledged.TryDequeue(out var limit))
        {
            return false;
        }

        acknowledged = limit ?? acknowledged;
        Weigh();
        return true;
    }

    void Weigh()
    {
        allowed = acknowledged;
        foreach (var limit in unacknowledged)
        {
            allowed = Math.Max(allowed, limit ?? 0);
        }
    }
}
