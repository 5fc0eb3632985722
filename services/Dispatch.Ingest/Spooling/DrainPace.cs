namespace Dispatch.Ingest.Spooling;

/// <summary>
/// How many records of the spool may be on their way at once. More while callers' appends are quick, half as many when they are not: what is new must not wait behind what is old.
/// </summary>
sealed class DrainPace
{
    /// <summary>Never less: with appends of 10 ms that is 20 000 a second, and with stalled ones a probe.</summary>
    public const int Least = 200;

    private const int Most = 10_000;
    private const int Step = 100;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private int _inFlight;

    public int Limit { get; private set; } = 1_000;

    /// <summary>Waits until there is room. One batch always has some.</summary>
    public async Task EnterAsync(int records, CancellationToken stop)
    {
        while (!TryEnter(records))
        {
            await Task.Delay(Rest, stop);
        }
    }

    /// <param name="callersWait">How long a caller's append takes just now.</param>
    public void Leave(int records, TimeSpan callersWait)
    {
        lock (_gate)
        {
            _inFlight -= records;
            Limit = callersWait > Slow ? Math.Max(Least, Limit / 2) : Math.Min(Most, Limit + Step);
        }
    }

    public bool TryEnter(int records)
    {
        lock (_gate)
        {
            if (_inFlight > 0 && _inFlight + records > Limit)
            {
                return false;
            }

            _inFlight += records;
            return true;
        }
    }
}
