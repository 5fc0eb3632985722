namespace Dispatch.Channels.Lanes;

/// <summary>
/// Retries are at most a tenth of a lane's sends, so that a provider that struggles is not pushed under by those that come again. A few are free at the start:
/// a lane with ten messages a day may repeat one.
/// </summary>
sealed class RetryBudget
{
    private const double Share = 0.1;
    private const double AtStart = 20;
    private const double Most = 200;
    private double _tokens = AtStart;

    public int Available => (int)_tokens;

    public void Sent(int firstAttempts, int retries) => _tokens = Math.Min(Most, _tokens + (firstAttempts * Share) - retries);
}
