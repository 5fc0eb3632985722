using System.Globalization;
using System.Text.Json.Nodes;

namespace Dispatch.Sandbox.Sms;

/// <summary>An error as the gateway's API says it.</summary>
sealed record SmsRefusal(int Status, int Code, string Message)
{
    /// <summary>For the codes that addresses ask for. Source: Twilio, "Error and Warning Dictionary".</summary>
    public static SmsRefusal Of(int status, int code) => new(status, code, code switch
    {
        20003 => "Authenticate",
        20403 => "Forbidden",
        20404 => "The requested resource was not found",
        20429 => "Too Many Requests",
        20500 => "Internal Server Error",
        20503 => "Service Unavailable",
        21211 => "Invalid 'To' Phone Number",
        21408 => "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
        21610 => "Attempt to send to unsubscribed recipient",
        21612 => "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
        21614 => "'To' number is not a valid mobile number",
        21617 => "The concatenated message body exceeds the 1600 character limit",
        _ => "Error",
    });

    public JsonObject ToJson() => new()
    {
        ["code"] = Code,
        ["message"] = Message,
        ["more_info"] = $"https://www.twilio.com/docs/errors/{Code.ToString(CultureInfo.InvariantCulture)}",
        ["status"] = Status,
    };
}

/// <summary>The fields of a posted message that the gateway looks at.</summary>
sealed record SmsRequest(string To, string From, string Body, string StatusCallback)
{
    const int BodyMax = 1600;

    public static SmsRequest Of(IFormCollection form) => new(
        form["To"].ToString(), form["From"].Count > 0 ? form["From"].ToString() : form["MessagingServiceSid"].ToString(), form["Body"].ToString(), form["StatusCallback"].ToString());

    /// <summary>?message_id= of the callback address: where the sender puts its own id. Empty: none.</summary>
    public string MessageId =>
        Uri.TryCreate(StatusCallback, UriKind.Absolute, out var address) ? System.Web.HttpUtility.ParseQueryString(address.Query)["message_id"] ?? "" : "";

    public SmsRefusal? Fault(bool callbackToAnyHost)
    {
        var isAddress = Uri.TryCreate(StatusCallback, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && (callbackToAnyHost || address.IsLoopback);
        return To.Length == 0 ? new SmsRefusal(400, 21604, "A 'To' phone number is required.")
            : !IsE164(To) ? SmsRefusal.Of(400, 21211)
            : From.Length == 0 ? new SmsRefusal(400, 21603, "A 'From' phone number is required.")
            : Body.Length == 0 ? new SmsRefusal(400, 21602, "Message body is required.")
            : Body.Length > BodyMax ? SmsRefusal.Of(400, 21617)
            : StatusCallback.Length > 0 && !isAddress ? new SmsRefusal(400, 21609, "The 'StatusCallback' URL is not a valid URL")
            : null;
    }

    static bool IsE164(string number) => number.Length is >= 8 and <= 16 && number[0] == '+' && number[1] != '0' && number.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;
}
