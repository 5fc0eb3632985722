using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Dispatch.Sandbox.Apns;

/// <summary>
/// Checks provider tokens as APNs does: ES256 by the key that `kid` names, `iss` is the team, `iat` at most an hour old, a new token at most every 20 minutes on a connection.
/// Source: Apple, "Establishing a token-based connection to APNs".
/// </summary>
sealed class ApnsTokens(ECDsa key, TimeProvider clock)
{
    static readonly TimeSpan AgeMax = TimeSpan.FromHours(1);
    static readonly TimeSpan RenewalMin = TimeSpan.FromMinutes(20);
    static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(5);

    readonly Lock verifying = new();

    /// <returns>The reason of the refusal, or null: the token is good.</returns>
    public string? Refusal(ReadOnlySpan<byte> authorization, ApnsClient client)
    {
        if (!IsBearer(authorization, out var token))
        {
            return "MissingProviderToken";
        }

        var now = clock.GetUtcNow();
        if (!token.SequenceEqual(client.Token))
        {
            if (Verified(token) is not { } issued || issued > now + ClockSkewMax)
            {
                return "InvalidProviderToken";
            }

            if (!client.MayRenew && now - client.TokenSince < RenewalMin)
            {
                return "TooManyProviderTokenUpdates";
            }

            (client.Token, client.TokenIssued, client.TokenSince, client.MayRenew) = (token.ToArray(), issued, now, false);
        }

        if (now - client.TokenIssued > AgeMax)
        {
            client.MayRenew = true;
            return "ExpiredProviderToken";
        }

        return null;
    }

    static bool IsBearer(ReadOnlySpan<byte> authorization, out ReadOnlySpan<byte> token)
    {
        token = authorization.Length > 7 ? authorization[7..] : default;
        return token.Length > 0 && (authorization.StartsWith("bearer "u8) || authorization.StartsWith("Bearer "u8));
    }

    /// <returns>When it was issued; null: not a token of this team, or not by its key.</returns>
    DateTimeOffset? Verified(ReadOnlySpan<byte> token)
    {
        var first = token.IndexOf((byte)'.');
        var last = token.LastIndexOf((byte)'.');
        if (first <= 0 || last <= first)
        {
            return null;
        }

        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromUtf8(token[..first]));
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromUtf8(token[(first + 1)..last]));
            return header.RootElement.GetProperty("alg").GetString() == "ES256"
                && header.RootElement.GetProperty("kid").GetString() == Credentials.ApnsKeyId
                && claims.RootElement.GetProperty("iss").GetString() == Credentials.ApnsTeamId
                && IsSigned(token[..last], Base64Url.DecodeFromUtf8(token[(last + 1)..]))
                ? DateTimeOffset.FromUnixTimeSeconds(claims.RootElement.GetProperty("iat").GetInt64())
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            return null; // not a JWT, or claims of the wrong kind
        }
    }

    bool IsSigned(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        lock (verifying) // once a connection and hour; key objects are not made for several threads
        {
            return key.VerifyData(content, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }
}
