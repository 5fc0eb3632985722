using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatch.Push.Fcm;

/// <summary>What a service-account file says, as far as we need it.</summary>
sealed record ServiceAccount(
    [property: JsonPropertyName("project_id"), JsonRequired] string ProjectId,
    [property: JsonPropertyName("client_email"), JsonRequired] string ClientEmail,
    [property: JsonPropertyName("private_key"), JsonRequired] string PrivateKey,
    [property: JsonPropertyName("token_uri"), JsonRequired] Uri TokenUri,
    [property: JsonPropertyName("private_key_id")] string? PrivateKeyId)
{
    private const string Scope = "https://www.googleapis.com/auth/firebase.messaging";
    private static readonly TimeSpan AssertionLifetime = TimeSpan.FromHours(1); // the longest that is taken

    /// <exception cref="IOException">Cannot be read.</exception>
    /// <exception cref="JsonException">Not what Google hands out.</exception>
    public static ServiceAccount Read(string file)
    {
        var account = JsonSerializer.Deserialize(File.ReadAllBytes(file), FcmJson.Default.ServiceAccount) ?? throw new JsonException("empty");
        return account.TokenUri is { IsAbsoluteUri: true, Scheme: "https" } && Http2.HpackWriter.IsPathSegment(account.ProjectId)
            ? account
            : throw new JsonException("token_uri is not https, or project_id is none");
    }

    /// <summary>What the token endpoint takes for proof. Source: RFC 7523; Google, "Using OAuth 2.0 for server to server applications" (2026-08).</summary>
    /// <exception cref="CryptographicException">The key is none.</exception>
    /// <exception cref="ArgumentException">The key is no PEM.</exception>
    public string Assertion(DateTimeOffset now)
    {
        using var key = RSA.Create();
        key.ImportFromPem(PrivateKey);
        var issued = now.ToUnixTimeSeconds();
        var header = JsonSerializer.SerializeToUtf8Bytes(new("RS256", "JWT", PrivateKeyId), FcmJson.Default.AssertionHeader);
        var claims = JsonSerializer.SerializeToUtf8Bytes(
            new(ClientEmail, Scope, TokenUri.ToString(), issued, issued + (long)AssertionLifetime.TotalSeconds), FcmJson.Default.AssertionClaims);
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    /// <summary>No key in logs or dumps of this record.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"service account of {ProjectId}");
}

sealed record AssertionHeader(string Alg, string Typ, string? Kid);

sealed record AssertionClaims(string Iss, string Scope, string Aud, long Iat, long Exp);

/// <summary>The token endpoint's answer, good or bad. Source: RFC 6749, sections 5.1 and 5.2.</summary>
sealed record TokenAnswer(
    [property: JsonPropertyName("access_token")] string? AccessToken,
    [property: JsonPropertyName("expires_in")] long ExpiresIn,
    [property: JsonPropertyName("error")] string? Error);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ServiceAccount))]
[JsonSerializable(typeof(AssertionHeader))]
[JsonSerializable(typeof(AssertionClaims))]
[JsonSerializable(typeof(TokenAnswer))]
sealed partial class FcmJson : JsonSerializerContext;
