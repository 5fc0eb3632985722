namespace Dispatch.Channels.Lanes;

/// <summary>
/// A mass of "bad token" answers is a configuration fault, not a mass death. While more than a fifth of an app's attempts of the last five minutes are answered so,
/// nothing is suppressed. A small sample is enough: a dead address that is kept costs one more attempt, a living one that is deleted is gone.
/// </summary>
sealed class BadTokenCircuit
{
    private const double ShareMax = 0.2;
    private const int SampleMin = 10;
    private const int Buckets = 30;
    private static readonly TimeSpan BucketSpan = TimeSpan.FromSeconds(10);

    private readonly (int All, int Bad)[] _buckets = new (int, int)[Buckets];
    private long _bucket;
    private int _all;
    private int _bad;

    public bool IsOpen => _all >= SampleMin && _bad > _all * ShareMax;

    /// <returns>Did this attempt open it?</returns>
    public bool Count(bool bad, TimeSpan now)
    {
        var wasOpen = IsOpen;
        for (var bucket = now.Ticks / BucketSpan.Ticks; _bucket < bucket; _bucket = Math.Max(_bucket + 1, bucket - Buckets))
        {
            ref var oldest = ref _buckets[(_bucket + 1) % Buckets];
            (_all, _bad, oldest) = (_all - oldest.All, _bad - oldest.Bad, default);
        }

        ref var current = ref _buckets[_bucket % Buckets];
        current = (current.All + 1, current.Bad + (bad ? 1 : 0));
        (_all, _bad) = (_all + 1, _bad + (bad ? 1 : 0));
        return IsOpen && !wasOpen;
    }
}
