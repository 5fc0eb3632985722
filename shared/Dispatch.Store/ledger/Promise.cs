using Dispatch.Contracts;

namespace Dispatch.Store;

/// <summary>What was promised: the part of a message that never changes. A request says it, and so does every outcome that a hop of ours wrote; a bare receipt does not.</summary>
sealed record Promise(
    Guid? RequestId, string Tenant, TrafficClass Class, Channel Channel, byte[] RecipientKey, string Campaign, string[] Labels, DateTime AcceptedAt, DateTime? ExpiresAt)
{
    public static Promise Of(Request request, Recipient recipient, Channel channel, string[] labels) => new(
        ToGuid(request.RequestId), request.Tenant, request.Class, channel, recipient.RecipientKey.ToByteArray(), request.Campaign, labels,
        Time(request.AcceptedAt), request.ExpiresAt == 0 ? null : Time(request.ExpiresAt));

    public static Promise Of(Outcome outcome) => new(
        outcome.RequestId.IsEmpty ? null : ToGuid(outcome.RequestId), outcome.Tenant, outcome.Class, outcome.Channel, outcome.RecipientKey.ToByteArray(), outcome.Campaign,
        [.. outcome.Labels], Time(outcome.AcceptedAt == 0 ? outcome.At : outcome.AcceptedAt), null);

    /// <summary>False for a receipt that came before everything else: it is remembered, and counted once somebody says whose it is.</summary>
    public bool IsKnown => RequestId is not null && Tenant.Length > 0;

    public static DateTime Time(long unixMilliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds).UtcDateTime;

    private static Guid ToGuid(Google.Protobuf.ByteString id) => new(id.Span, bigEndian: true);
}
