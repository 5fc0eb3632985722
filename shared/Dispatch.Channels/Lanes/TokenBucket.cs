namespace Dispatch.Channels.Lanes;

/// <summary>At most so many a second, with room for a burst of 50 ms: a provider that counts by the second sees no peak.</summary>
/// <param name="rate">A second; 0: no limit.</param>
sealed class TokenBucket(double rate, TimeSpan now)
{
    private readonly double _most = Math.Max(1, rate * 0.05);
    private double _tokens = Math.Max(1, rate * 0.05);
    private TimeSpan _filled = now;

    public int Available(TimeSpan now)
    {
        if (rate <= 0)
        {
            return int.MaxValue;
        }

        _tokens = Math.Min(_most, _tokens + (Math.Max(0, (now - _filled).TotalSeconds) * rate));
        _filled = now;
        return (int)_tokens;
    }

    public void Take(int count) => _tokens -= rate > 0 ? count : 0;

    /// <summary>Until there is one.</summary>
    public TimeSpan Wait => rate <= 0 || _tokens >= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - _tokens) / rate);
}
