namespace Dispatch.Cli.Gameday;

/// <summary>How long callers waited for their answers, all of them kept: the worst one is what a caller remembers.</summary>
public sealed class Latencies
{
    private readonly Lock _gate = new();
    private readonly List<double> _milliseconds = [];
    private (double Milliseconds, DateTime At) _slowest;

    public void Add(TimeSpan waited)
    {
        lock (_gate)
        {
            _milliseconds.Add(waited.TotalMilliseconds);
            if (waited.TotalMilliseconds > _slowest.Milliseconds)
            {
                _slowest = (waited.TotalMilliseconds, DateTime.UtcNow);
            }
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            _milliseconds.Clear();
            _slowest = default;
        }
    }

    /// <param name="part">0.5: half of the callers waited no longer; 1: nobody did.</param>
    /// <returns>Zero when nothing was measured.</returns>
    public TimeSpan Quantile(double part)
    {
        lock (_gate)
        {
            _milliseconds.Sort();
            return _milliseconds.Count == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(_milliseconds[(int)Math.Ceiling(part * _milliseconds.Count) - 1]);
        }
    }

    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"p50 {Quantile(0.5).TotalMilliseconds:0} ms, p99 {Quantile(0.99).TotalMilliseconds:0} ms, max {_slowest.Milliseconds:0} ms, at {_slowest.At:HH:mm:ss.f}");
}
