using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Web;

namespace Dispatch.Sandbox.Fcm;

/// <summary>
/// The token endpoint: an RS256 assertion of the service account for an access token that is good for an hour (RFC 7523, Google "OAuth 2.0 for service accounts").
/// Tokens are opaque to their owner; here they carry their expiry under a MAC, so that a restart of the stand-in does not revoke what it gave out.
/// </summary>
sealed class FcmTokens(RSA key, Uri endpoint, TimeProvider clock)
{
    public const int LifetimeSeconds = 3600;
    const string Grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const string MessagingScope = "https://www.googleapis.com/auth/firebase.messaging";
    const string PlatformScope = "https://www.googleapis.com/auth/cloud-platform";
    const int KnownMax = 1000;

    static readonly TimeSpan AgeMax = TimeSpan.FromHours(1);
    static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(5);

    readonly byte[] macKey = SHA256.HashData(key.ExportRSAPrivateKey());
    readonly ConcurrentDictionary<string, DateTimeOffset> known = new(); // bearers that were found good, with their end
    readonly Lock verifying = new();

    /// <param name="form">The posted body.</param>
    /// <returns>The status, and the JSON of RFC 6749: a token, or an error with its description.</returns>
    public (int Status, string Json) Exchange(ReadOnlySpan<byte> form)
    {
        var fields = HttpUtility.ParseQueryString(Encoding.UTF8.GetString(form));
        if (fields["grant_type"] != Grant)
        {
            return Error("unsupported_grant_type", "grant_type must be the JWT bearer's");
        }

        return Fault(fields["assertion"] ?? "") is { } fault
            ? Error("invalid_grant", fault)
            : (200, $"{{\"access_token\":\"{Make()}\",\"expires_in\":{LifetimeSeconds},\"token_type\":\"Bearer\"}}");
    }

    /// <summary>Whether this Authorization header carries a token of ours that has not expired.</summary>
    public bool IsGood(ReadOnlySpan<byte> authorization)
    {
        if (!authorization.StartsWith("Bearer "u8) && !authorization.StartsWith("bearer "u8))
        {
            return false;
        }

        var now = clock.GetUtcNow();
        Span<char> token = stackalloc char[256];
        if (authorization.Length - 7 > token.Length || !Encoding.ASCII.TryGetChars(authorization[7..], token, out var length))
        {
            return false;
        }

        if (known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token[..length], out var end))
        {
            return now < end;
        }

        return IsOurs(token[..length].ToString(), out end) && now < end;
    }

    static (int, string) Error(string error, string description) =>
        (400, $"{{\"error\":\"{error}\",\"error_description\":\"{JsonEncodedText.Encode(description)}\"}}");

    string Make()
    {
        var end = clock.GetUtcNow().AddSeconds(LifetimeSeconds).ToUnixTimeSeconds();
        var content = $"ya29.{end}.{RandomNumberGenerator.GetHexString(32, lowercase: true)}";
        return $"{content}.{Mac(content)}";
    }

    bool IsOurs(string token, out DateTimeOffset end)
    {
        end = default;
        var parts = token.Split('.');
        if (parts.Length != 4 || !long.TryParse(parts[1], out var seconds)
            || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(parts[3]), Encoding.ASCII.GetBytes(Mac(token[..token.LastIndexOf('.')]))))
        {
            return false;
        }

        end = DateTimeOffset.FromUnixTimeSeconds(seconds);
        if (known.Count >= KnownMax)
        {
            known.Clear();
        }

        known[token] = end;
        return true;
    }

    string Mac(string content) => Base64Url.EncodeToString(HMACSHA256.HashData(macKey, Encoding.ASCII.GetBytes(content)));

    /// <summary>What is wrong with the assertion; null: nothing.</summary>
    string? Fault(string assertion)
    {
        var parts = assertion.Split('.');
        if (parts.Length != 3)
        {
            return "assertion is not a JWT";
        }

        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
            using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            if (header.RootElement.GetProperty("alg").GetString() != "RS256" || !IsSigned(parts))
            {
                return "Invalid JWT Signature.";
            }

            var claims = document.RootElement;
            return Fault(claims);
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            return "assertion is not a JWT, or lacks iss, scope, aud, iat or exp";
        }
    }

    string? Fault(JsonElement claims)
    {
        var now = clock.GetUtcNow();
        var issued = DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("iat").GetInt64());
        var expires = DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("exp").GetInt64());
        var scopes = claims.GetProperty("scope").GetString()!.Split(' ');
        return issued > now + ClockSkewMax || expires <= now || expires - issued > AgeMax ? "Invalid JWT: Token must be a short-lived token (60 minutes)."
            : claims.GetProperty("iss").GetString() != Credentials.FcmClientEmail ? "Invalid grant: account not found"
            : !IsThisEndpoint(claims.GetProperty("aud").GetString()) ? "Invalid JWT: Failed audience check."
            : !scopes.Contains(MessagingScope) && !scopes.Contains(PlatformScope) ? "scope must contain firebase.messaging"
            : null;
    }

    bool IsThisEndpoint(string? audience) =>
        Uri.TryCreate(audience, UriKind.Absolute, out var at)
        && at.AbsolutePath == endpoint.AbsolutePath && at.Port == endpoint.Port && at.Host is ("localhost" or "127.0.0.1");

    bool IsSigned(string[] parts)
    {
        lock (verifying)
        {
            return key.VerifyData(
                Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }
}
