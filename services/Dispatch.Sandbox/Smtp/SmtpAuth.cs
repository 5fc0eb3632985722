using System.Security.Cryptography;
using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>RFC 4954 with PLAIN (RFC 4616) and LOGIN. One user.</summary>
sealed class SmtpAuth(string user, string password)
{
    public bool IsKnown(string name, string secret) => Same(name, user) & Same(secret, password);

    /// <returns>Null: not base64, or without its two zero octets.</returns>
    public static (string User, string Password)? Plain(string response)
    {
        var parts = Decoded(response)?.Split('\0');
        return parts is { Length: 3 } ? (parts[1], parts[2]) : null;
    }

    public static string? Decoded(string base64)
    {
        var octets = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, octets, out var length) ? Encoding.UTF8.GetString(octets, 0, length) : null;
    }

    static bool Same(string given, string known) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(known));
}
