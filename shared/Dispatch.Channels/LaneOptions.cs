namespace Dispatch.Channels;

/// <summary>One lane as configured; `Dispatch:Lanes:{n}`, with the provider's own options beside these.</summary>
public sealed class LaneOptions
{
    public const string Section = "Dispatch:Lanes";

    /// <summary>The words for providers. A lane of any other stops the start: it would wait for messages that nobody takes.</summary>
    public static IReadOnlyList<string> Providers { get; } = ["apns", "fcm", "webpush", "smtp", "smpp", "http-sms"];

    /// <summary>Unique; in metrics, runbooks and the journal.</summary>
    public string Name { get; init; } = "";

    /// <summary>One of <see cref="Providers"/>.</summary>
    public string Provider { get; init; } = "";

    /// <summary>Tenants that may use it; empty: all.</summary>
    public IReadOnlyList<string> Tenants { get; init; } = [];

    /// <summary>Push only: the apps that it can reach; empty: all.</summary>
    public IReadOnlyList<string> Apps { get; init; } = [];

    /// <summary>Push only: the environment whose tokens it can reach, "production" or "sandbox" (a message without one means production); empty: all.</summary>
    public string Environment { get; init; } = "";

    /// <summary>Messages a second, over all classes; 0: as fast as the other end takes them.</summary>
    public double RatePerSecond { get; init; }

    /// <summary>Attempts in flight at once, 1 to 10 000; the sender's own limit holds too.</summary>
    public int InFlightMax { get; init; } = 500;

    /// <summary>No progress for so long, with work waiting: the lane is faulted, whatever its socket says. 100 ms to 1 h.</summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromSeconds(60);

    internal IEnumerable<string> Faults()
    {
        var lane = $"lane '{Name}'";
        if (Name.Length is 0 or > 64)
        {
            yield return "a lane needs a Name of 1 to 64 characters";
        }

        if (!Providers.Contains(Provider))
        {
            yield return $"{lane}: Provider '{Provider}' is none of {string.Join(", ", Providers)}";
        }

        if (!(RatePerSecond is >= 0 and <= 1_000_000))
        {
            yield return $"{lane}: RatePerSecond is 0 to 1 000 000";
        }

        if (InFlightMax is < 1 or > 10_000)
        {
            yield return $"{lane}: InFlightMax is 1 to 10 000";
        }

        if (SilenceMax < TimeSpan.FromMilliseconds(100) || SilenceMax > TimeSpan.FromHours(1))
        {
            yield return $"{lane}: SilenceMax is 100 ms to 1 h";
        }
    }
}
