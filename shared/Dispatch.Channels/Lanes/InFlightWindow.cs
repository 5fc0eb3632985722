namespace Dispatch.Channels.Lanes;

/// <summary>
/// How many attempts may be in flight, found by feedback: doubles each round trip until the first refusal, then grows by one a round trip, and halves at each
/// refusal, once per <see cref="Calm"/> at most, because one overload is answered by many refusals.
/// </summary>
sealed class InFlightWindow(int max)
{
    private const double First = 32;
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(1);
    private double _size = Math.Min(First, max);
    private double _threshold = max;
    private TimeSpan _calmUntil = TimeSpan.MinValue;

    public int Size => (int)_size;

    /// <param name="inFlight">When the answer came. A window that is not used says nothing about what the other end can take.</param>
    public void Took(int inFlight)
    {
        if (inFlight * 2 >= _size)
        {
            _size = Math.Min(max, _size + (_size < _threshold ? 1 : 1 / _size));
        }
    }

    public void Refused(TimeSpan now)
    {
        if (now >= _calmUntil)
        {
            _size = _threshold = Math.Max(1, _size / 2);
            _calmUntil = now + Calm;
        }
    }

    /// <summary>After a fault: begin small again.</summary>
    public void Restart() => (_size, _threshold) = (Math.Min(4, max), Math.Max(4, _threshold));
}
