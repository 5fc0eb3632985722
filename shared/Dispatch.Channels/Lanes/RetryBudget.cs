namespace Dispatch.Channels.Lanes;

/// <summary>
/// Retries are at most a tenth of a lane's sends, so that a provider that struggles is not pushed under by those that come again. A few are free at the start and grow
/// back by themselves: a lane with ten messages a day may repeat one, and one that has nothing left but retries gets through them. Times are of one steady clock.
/// </summary>
sealed class RetryBudget
{
    private const double Share = 0.1;
    private const double Free = 20;
    private const double FreePerSecond = 5;
    private const double Most = 200;
    private double _tokens = Free;
    private TimeSpan _grownAt;

    public int Available(TimeSpan now)
    {
        _tokens = Math.Max(_tokens, Math.Min(Free, _tokens + ((now - _grownAt).TotalSeconds * FreePerSecond)));
        _grownAt = now;
        return (int)_tokens;
    }

    public void Sent(int firstAttempts, int retries) => _tokens = Math.Min(Most, _tokens + (firstAttempts * Share) - retries);
}
