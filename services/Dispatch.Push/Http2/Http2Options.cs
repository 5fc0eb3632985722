using System.ComponentModel.DataAnnotations;

namespace Dispatch.Push.Http2;

/// <summary>The connections of one lane; the provider's options carry them beside their own.</summary>
public abstract class Http2Options : IValidatableObject
{
    /// <summary>File with the roots (PEM) that the endpoint's certificate has to lead to; empty: the system's. Read at each connect.</summary>
    public string TrustFile { get; init; } = "";

    /// <summary>Connections side by side, 1 to 16. A second one is opened when the first has no room left.</summary>
    [Range(1, 16)]
    public int Connections { get; init; } = 1;

    /// <summary>Streams of a connection at once, 1 to 10 000; the peer's own limit holds too, as it changes.</summary>
    [Range(1, 10_000)]
    public int StreamsMax { get; init; } = 1_000;

    /// <summary>Name resolution, TCP, TLS and the peer's first SETTINGS, 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the hand-over to the answer, 10 s to 2 min: after it the attempt is unknown if it was whole. FCM asks for 10 s at least.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "00:02:00")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Nothing heard for so long on an idle connection: ask whether the peer is still there. 1 s to 1 h; keeps address translators from forgetting it.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same with requests in flight, when silence is more suspicious. 1 s to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan PingAfterBusy { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>No answer to that for so long: the connection is dead. 1 s to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Where the requests go, if it was set.</summary>
    protected abstract Uri? Target { get; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Target is { } target && target is not { IsAbsoluteUri: true, Scheme: "https" })
        {
            yield return new ValidationResult("Endpoint is not an https address", ["Endpoint"]);
        }
    }
}
