namespace Dispatch.Contracts;

/// <summary>
/// The names of the log's topics. A class has topics of its own all the way to its provider, so that the urgent never queues behind the bulky.
/// Source: docs/architecture.md, "The log".
/// </summary>
public static class Topics
{
    public const string Outcomes = "outcomes";
    public const string Events = "events";
    public const string Quarantine = "quarantine";

    /// <summary>ROUTED outcomes of messages that went without the caps being asked: their places are taken when the ledger is back. Key: recipient key.</summary>
    public const string Charges = "charges";

    /// <summary>The delays of the retry topics, shortest first. A longer wait circles in the last one until it is due.</summary>
    public static IReadOnlyList<TimeSpan> RetryDelays { get; } = [TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1)];

    /// <summary>In the order of urgency, which is also the order of recovery.</summary>
    public static IReadOnlyList<TrafficClass> Classes { get; } = [TrafficClass.Transactional, TrafficClass.Automation, TrafficClass.Campaign];

    public static IReadOnlyList<Channel> Channels { get; } = [Channel.Push, Channel.Email, Channel.Sms];

    // Made once: every message asks for several of them.
    private static readonly Dictionary<TrafficClass, string> RequestsOf = Classes.ToDictionary(of => of, of => $"requests.{Name(of)}");
    private static readonly Dictionary<TrafficClass, string> RerouteOf = Classes.ToDictionary(of => of, of => $"reroute.{Name(of)}");
    private static readonly Dictionary<TrafficClass, string> HeldOf = Classes.ToDictionary(of => of, of => $"held.{Name(of)}");
    private static readonly Dictionary<(Channel, TrafficClass), string> MessagesOf =
        Channels.SelectMany(channel => Classes.Select(of => (channel, of))).ToDictionary(it => it, it => $"{Name(it.channel)}.{Name(it.of)}");

    public static string Requests(TrafficClass of) => RequestsOf[of];

    public static string Reroute(TrafficClass of) => RerouteOf[of];

    public static string Held(TrafficClass of) => HeldOf[of];

    public static string Messages(Channel channel, TrafficClass of) => MessagesOf[(channel, of)];

    public static string Retry(Channel channel, TrafficClass of, TimeSpan delay) =>
        $"retry.{Name(channel)}.{Name(of)}.{(delay < TimeSpan.FromMinutes(1) ? $"{delay.TotalSeconds:0}s" : $"{delay.TotalMinutes:0}m")}";

    public static IEnumerable<string> All =>
    [
        .. Classes.Select(Requests), .. Classes.Select(Reroute), .. Classes.Select(Held),
        .. Channels.SelectMany(channel => Classes.Select(of => Messages(channel, of))),
        .. Channels.SelectMany(channel => Classes.SelectMany(of => RetryDelays.Select(delay => Retry(channel, of, delay)))),
        Outcomes, Events, Quarantine, Charges,
    ];

    /// <summary>The word for a class in topics, metrics, SQL and JSON.</summary>
    public static string Name(TrafficClass of) => of switch
    {
        TrafficClass.Transactional => "transactional",
        TrafficClass.Automation => "automation",
        TrafficClass.Campaign => "campaign",
        _ => throw new ArgumentOutOfRangeException(nameof(of), of, "not a class"),
    };

    /// <summary>The word for a channel in topics, metrics, SQL and JSON.</summary>
    public static string Name(Channel channel) => channel switch
    {
        Channel.Push => "push",
        Channel.Email => "email",
        Channel.Sms => "sms",
        _ => throw new ArgumentOutOfRangeException(nameof(channel), channel, "not a channel"),
    };
}
