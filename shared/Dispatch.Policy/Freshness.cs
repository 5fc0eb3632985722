using System.ComponentModel.DataAnnotations;
using Dispatch.Contracts;

namespace Dispatch.Policy;

/// <summary>
/// "Fresh or back": for how long after its routing a message may be handed to a provider, and so how long its place under a cap must count.
/// The Router and every dispatcher must agree on it, or a late send passes a cap; section `Dispatch:Freshness`.
/// Clocks of machines may differ by as much as <see cref="AttemptMax"/> is longer than the longest attempt really is.
/// </summary>
public sealed class Freshness
{
    public const string Section = "Dispatch:Freshness";

    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")] public TimeSpan Transactional { get; init; } = TimeSpan.FromMinutes(1);

    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")] public TimeSpan Automation { get; init; } = TimeSpan.FromMinutes(5);

    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")] public TimeSpan Campaign { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The longest that one attempt takes, from its first byte to the provider's answer. SMTP's final dot alone may wait 10 min (RFC 5321, 4.5.3.2.6).</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")] public TimeSpan AttemptMax { get; init; } = TimeSpan.FromMinutes(11);

    public TimeSpan For(TrafficClass of) => of switch
    {
        TrafficClass.Transactional => Transactional,
        TrafficClass.Automation => Automation,
        TrafficClass.Campaign => Campaign,
        _ => throw new ArgumentOutOfRangeException(nameof(of), of, "not a class"),
    };

    /// <summary>May an attempt begin now? If not, the message goes back through `reroute`, where everything is decided anew.</summary>
    public bool IsFresh(Message message, DateTimeOffset now) =>
        now.ToUnixTimeMilliseconds() - message.RoutedAt < (long)For(message.Class).TotalMilliseconds;

    /// <summary>Until when a place counts (Unix milliseconds): wherever in its time the message was accepted, a whole window has passed since.</summary>
    public long PlaceUntil(long routedAt, TrafficClass of, TimeSpan window) =>
        routedAt + (long)(For(of) + AttemptMax + window).TotalMilliseconds;
}
