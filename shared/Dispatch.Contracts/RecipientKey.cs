using System.Security.Cryptography;
using System.Text;

namespace Dispatch.Contracts;

/// <summary>
/// A keyed hash of (tenant, user_id, else canonical address), 16 bytes: the key of topics and caps. Without the deployment's secret nobody can tell whose it is,
/// or try addresses until one fits.
/// </summary>
public sealed class RecipientKey(ReadOnlyMemory<byte> secret)
{
    public const int Size = 16;
    private const int OnStackMax = 1_024;
    private const int Separators = 3; // the kind, between two zeros

    /// <summary>Of this thread, with whose key it is: to set a key up costs as much as to hash an address.</summary>
    [ThreadStatic]
    private static (RecipientKey? Owner, IncrementalHash? Hash) kept;

    /// <summary>Who counts as one for caps and order: the user where there is one.</summary>
    public byte[] OfUser(string tenant, string userId) => Of(tenant, (byte)'u', userId);

    /// <param name="address">canonical, with its kind in front: "email:ada@example.org", "phone:+33...", "push:apns/shop-ios/9f1c"</param>
    public byte[] OfAddress(string tenant, string address) => Of(tenant, (byte)'a', address);

    private byte[] Of(string tenant, byte kind, string value)
    {
        if (kept.Owner != this)
        {
            kept.Hash?.Dispose();
            kept = (this, IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret.Span));
        }

        var hash = kept.Hash!;
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var length = Encoding.UTF8.GetMaxByteCount(tenant.Length + value.Length) + Separators;
        var text = length <= OnStackMax ? stackalloc byte[length] : new byte[length];
        var end = Encoding.UTF8.GetBytes(tenant, text);
        (text[end], text[end + 1], text[end + 2]) = (0, kind, 0);
        end += Separators;
        end += Encoding.UTF8.GetBytes(value, text[end..]);
        hash.AppendData(text[..end]);
        hash.GetHashAndReset(digest);
        return digest[..Size].ToArray();
    }
}
