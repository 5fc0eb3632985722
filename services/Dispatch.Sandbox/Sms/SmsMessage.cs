using System.Globalization;
using System.Text.Json.Nodes;

namespace Dispatch.Sandbox.Sms;

/// <summary>A message that the gateway took, as its API shows it.</summary>
sealed record SmsMessage(string Sid, string To, string From, string Body, Uri? StatusCallback, DateTimeOffset At)
{
    /// <summary>queued, sent, delivered, undelivered or failed.</summary>
    public string Status { get; set; } = "queued";

    public int? ErrorCode { get; set; }

    public JsonObject ToJson() => new()
    {
        ["sid"] = Sid,
        ["account_sid"] = Credentials.SmsAccountSid,
        ["api_version"] = "2010-04-01",
        ["body"] = Body,
        ["date_created"] = At.ToString("r", CultureInfo.InvariantCulture),
        ["date_sent"] = Status == "queued" ? null : At.ToString("r", CultureInfo.InvariantCulture),
        ["date_updated"] = At.ToString("r", CultureInfo.InvariantCulture),
        ["direction"] = "outbound-api",
        ["error_code"] = ErrorCode,
        ["error_message"] = null,
        ["from"] = From,
        ["messaging_service_sid"] = null,
        ["num_media"] = "0",
        ["num_segments"] = SmsSegments.Count(Body).ToString(CultureInfo.InvariantCulture),
        ["price"] = null,
        ["price_unit"] = "USD",
        ["status"] = Status,
        ["to"] = To,
        ["uri"] = $"/2010-04-01/Accounts/{Credentials.SmsAccountSid}/Messages/{Sid}.json",
    };
}
