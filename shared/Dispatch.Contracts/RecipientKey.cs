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

    /// <summary>Who counts as one for caps and order: the user where there is one.</summary>
    public byte[] OfUser(string tenant, string userId) => Of(tenant, "u", userId);

    /// <param name="address">canonical, with its kind in front: "email:ada@example.org", "phone:+33...", "push:apns/shop-ios/9f1c"</param>
    public byte[] OfAddress(string tenant, string address) => Of(tenant, "a", address);

    private byte[] Of(string tenant, string kind, string value) =>
        HMACSHA256.HashData(secret.Span, Encoding.UTF8.GetBytes($"{tenant}\0{kind}\0{value}"))[..Size];
}
