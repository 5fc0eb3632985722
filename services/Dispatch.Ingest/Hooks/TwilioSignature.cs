using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Dispatch.Ingest.Hooks;

/// <summary>
/// `X-Twilio-Signature`: base64 of HMAC-SHA1 under the auth token, over the exact URL that was called and the form's fields behind it, sorted by name, name and value
/// without anything in between. Pure. Source: Twilio docs, "Validating requests are coming from Twilio" (2026-10).
/// </summary>
static class TwilioSignature
{
    public static string Of(ReadOnlySpan<byte> token, string url, IEnumerable<KeyValuePair<string, StringValues>> form)
    {
        var signed = new StringBuilder(url);
        foreach (var (name, values) in form.OrderBy(it => it.Key, StringComparer.Ordinal))
        {
            foreach (var value in values.Order(StringComparer.Ordinal))
            {
                signed.Append(name).Append(value);
            }
        }

#pragma warning disable CA5350 // the gateways' protocol says SHA-1; as an HMAC it still holds
        return Convert.ToBase64String(HMACSHA1.HashData(token, Encoding.UTF8.GetBytes(signed.ToString())));
#pragma warning restore CA5350
    }

    /// <summary>In constant time.</summary>
    public static bool Fits(ReadOnlySpan<byte> token, string url, IEnumerable<KeyValuePair<string, StringValues>> form, string? given) =>
        given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Of(token, url, form)), Encoding.UTF8.GetBytes(given));
}
