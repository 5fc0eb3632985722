using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Apns;

/// <summary>A provider token, as the header field that carries it. Source: "Establishing a token-based connection to APNs" (2026-08).</summary>
sealed record ApnsToken(byte[] Authorization, DateTimeOffset IssuedAt)
{
    public static ApnsToken Sign(ECDsa key, string team, string keyId, DateTimeOffset now)
    {
        var issued = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signed = $$"""{"alg":"ES256","kid":"{{keyId}}"}""".Base64Url() + "." + $$"""{"iss":"{{team}}","iat":{{issued}}}""".Base64Url();
        var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return new ApnsToken(HpackWriter.Encoded("authorization", $"bearer {signed}.{Base64Url.EncodeToString(signature)}"), now);
    }
}

static class Jwt
{
    public static string Base64Url(this string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
