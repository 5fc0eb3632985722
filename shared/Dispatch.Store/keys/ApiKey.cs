using System.Security.Cryptography;
using System.Text;
using Dispatch.Contracts;

namespace Dispatch.Store.Keys;

/// <summary>
/// An API key as it is kept: what it opens, and the hash of its secret. The secret has 160 random bits, so one SHA-256 is enough: slow hashes are for passwords.
/// </summary>
/// <param name="Id">Names the key in tables, logs and metrics; not secret.</param>
/// <param name="SecretHash">SHA-256 of the secret's text.</param>
/// <param name="ItemsPerMinute">How many messages or events it may post; 0: no limit of its own.</param>
public sealed record ApiKey(
    string Id, string Tenant, string Name, string Environment, Scopes Scopes, byte[] SecretHash,
    DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt, int ItemsPerMinute)
{
    /// <summary>In constant time.</summary>
    public bool Opens(ReadOnlySpan<char> secret)
    {
        Span<byte> utf8 = stackalloc byte[KeyText.SecretLengthMax * 3];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Sha256.Hash(utf8[..Encoding.UTF8.GetBytes(secret, utf8)], hash);
        return CryptographicOperations.FixedTimeEquals(hash, SecretHash);
    }
}

/// <summary>
/// The text of a key: <c>dsp_{environment}_{id}_{secret}{checksum}</c>. Scanners know it by its prefix and its checksum, without asking anybody;
/// the checksum also tells a mistyped key from a wrong one before anything is looked up.
/// </summary>
public static class KeyText
{
    public const string Prefix = "dsp_";
    public const int SecretLengthMax = 64;
    public const int IdLength = 12;
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's: nothing in it is taken for something else
    private const int SecretLength = 32; // 160 bits
    private const int ChecksumLength = 6;

    /// <summary>A new key. Its text is shown once and kept nowhere.</summary>
    /// <param name="environment">Lower-case letters and digits: "live", "test".</param>
    public static (string Id, string Secret, string Text) Make(string environment)
    {
        var id = RandomNumberGenerator.GetString(Alphabet, IdLength);
        var secret = RandomNumberGenerator.GetString(Alphabet, SecretLength);
        var text = $"{Prefix}{environment}_{id}_{secret}";
        return (id, secret, text + Checksum(text));
    }

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <returns>false: no key of ours, or mistyped.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ReadOnlySpan<char> environment, out ReadOnlySpan<char> id, out ReadOnlySpan<char> secret)
    {
        environment = id = secret = default;
        if (text.Length > 128 || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = text[Prefix.Length..];
        var first = rest.IndexOf('_');
        var second = first < 0 ? -1 : rest[(first + 1)..].IndexOf('_');
        if (second < 0 || rest.Length - first - second - 2 != SecretLength + ChecksumLength)
        {
            return false;
        }

        environment = rest[..first];
        id = rest.Slice(first + 1, second);
        secret = rest.Slice(first + second + 2, SecretLength);
        return IsChecksum(text[..^ChecksumLength], text[^ChecksumLength..]);
    }

    private static string Checksum(ReadOnlySpan<char> text)
    {
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(text, checksum);
        return checksum.ToString();
    }

    private static bool IsChecksum(ReadOnlySpan<char> text, ReadOnlySpan<char> given)
    {
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(text, checksum);
        return given.SequenceEqual(checksum);
    }

    /// <summary>30 bits of a CRC32C over the ASCII text; for mistakes, not against forgery.</summary>
    private static void WriteChecksum(ReadOnlySpan<char> text, Span<char> into)
    {
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc = System.Numerics.BitOperations.Crc32C(crc, (byte)c);
        }

        for (var i = 0; i < into.Length; i++, crc >>= 5)
        {
            into[i] = Alphabet[(int)(crc & 31)];
        }
    }
}
