namespace Dispatch.Log.Kafka;

/// <summary>
/// Whether this member may still act for what it was assigned. The loop that polls stamps it; a stamp is good for two seconds by a clock that goes on while the process stands still.
/// After a gap in which the group may have given the partitions to others, stamps alone are not believed: <see cref="Stamp"/> asks for a confirmation by the brokers.
/// </summary>
sealed class Lease(TimeSpan session, Func<long> clock)
{
    private const long StampHoldsFor = 2_000;

    private readonly long _gapMax = (long)session.TotalMilliseconds / 2;
    private long _stampedAt = clock();
    private long _heldAt = clock();
    private int _doubts;
    private int _confirmed;

    public bool Holds => Volatile.Read(ref _doubts) == Volatile.Read(ref _confirmed) && clock() - Volatile.Read(ref _stampedAt) < StampHoldsFor;

    /// <summary>How long nothing may have been done for what was assigned; zero: it holds.</summary>
    public TimeSpan InDoubtFor => Holds ? TimeSpan.Zero : TimeSpan.FromMilliseconds(clock() - Volatile.Read(ref _heldAt));

    /// <returns>The doubt to be confirmed, when the gap since the last stamp was too long; else 0.</returns>
    public int Stamp()
    {
        var now = clock();
        var doubt = now - _stampedAt > _gapMax ? Interlocked.Increment(ref _doubts) : 0;
        Volatile.Write(ref _stampedAt, now); // behind the doubt: nobody sees the new stamp without it
        if (Volatile.Read(ref _doubts) == Volatile.Read(ref _confirmed))
        {
            Volatile.Write(ref _heldAt, now);
        }

        return doubt;
    }

    /// <summary>
    /// The brokers took a commit that was begun after the doubt arose, so the partitions are still ours; of no effect if a later doubt has come up, or was confirmed already: answers
    /// may overtake one another.
    /// </summary>
    public void Confirm(int doubt)
    {
        for (var known = Volatile.Read(ref _confirmed); known < doubt; known = Volatile.Read(ref _confirmed))
        {
            Interlocked.CompareExchange(ref _confirmed, doubt, known);
        }
    }
}
