namespace Dispatch.Sandbox;

/// <summary>Where the stand-ins of one Sandbox listen, all on 127.0.0.1.</summary>
/// <param name="Apns">https, HTTP/2 alone.</param>
/// <param name="Fcm">https, HTTP/2 alone; its token endpoint is /token.</param>
/// <param name="Smtp">host:port of each relay, the first is "smtp", then "smtp-2", ...</param>
/// <param name="Sms">http.</param>
/// <param name="Admin">http.</param>
public sealed record Endpoints(Uri Apns, Uri Fcm, IReadOnlyList<System.Net.IPEndPoint> Smtp, Uri Sms, Uri Admin)
{
    /// <summary>FCM's token endpoint, as the service account names it.</summary>
    public static Uri TokenOf(Uri fcm) => new(fcm, "/token");
}
