using System.Buffers;
using System.Text;

namespace Dispatch.Push.Http2;

/// <summary>
/// Writes header fields without ever touching the peer's table, so a field can be encoded once and copied into any request on any connection, in any order.
/// Apple asks for this for `:path`, `authorization` and what changes with each push, as its table is small. Source: RFC 7541, section 6.2.2; "Sending notification
/// requests to APNs" (2026-08).
/// </summary>
static class HpackWriter
{
    public const byte MethodPost = 0x83;
    public const byte SchemeHttps = 0x87;

    private static readonly SearchValues<char> Unreserved =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:");

    private const int AuthorityName = 1;
    private const int PathName = 4;

    /// <summary>The pseudo-fields that every request to an endpoint has in common; the path has to follow.</summary>
    public static byte[] Post(string authority)
    {
        var to = new ArrayBufferWriter<byte>();
        to.Write([MethodPost, SchemeHttps]);
        Integer(to, 0, 4, AuthorityName);
        Text(to, authority);
        return to.WrittenSpan.ToArray();
    }

    /// <summary>May it stand in a path as it is? A token that is anything else was never handed out by a provider.</summary>
    public static bool IsPathSegment(string text) => text.Length is > 0 and <= 4_096 && !text.AsSpan().ContainsAnyExcept(Unreserved);

    /// <summary>Printable ASCII: nothing that could end a field and begin another behind a proxy that speaks HTTP/1.</summary>
    public static bool IsFieldValue(string text) => !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

    /// <summary>A whole field, to be kept and copied.</summary>
    public static byte[] Encoded(string name, string value)
    {
        var to = new ArrayBufferWriter<byte>();
        Field(to, Encoding.ASCII.GetBytes(name), value);
        return to.WrittenSpan.ToArray();
    }

    /// <param name="name">lower case</param>
    /// <param name="value">printable ASCII; the caller has looked</param>
    public static void Field(IBufferWriter<byte> to, ReadOnlySpan<byte> name, ReadOnlySpan<char> value)
    {
        Integer(to, 0, 4, 0);
        Integer(to, 0, 7, name.Length);
        to.Write(name);
        Text(to, value);
    }

    public static void Path(IBufferWriter<byte> to, ReadOnlySpan<char> folder, ReadOnlySpan<char> last)
    {
        Integer(to, 0, 4, PathName);
        Integer(to, 0, 7, folder.Length + last.Length);
        Encoding.ASCII.GetBytes(folder, to);
        Encoding.ASCII.GetBytes(last, to);
    }

    private static void Text(IBufferWriter<byte> to, ReadOnlySpan<char> value)
    {
        Integer(to, 0, 7, value.Length);
        Encoding.ASCII.GetBytes(value, to);
    }

    private static void Integer(IBufferWriter<byte> to, byte pattern, int prefixBits, int value)
    {
        var octets = to.GetSpan(6);
        var prefix = (1 << prefixBits) - 1;
        if (value < prefix)
        {
            octets[0] = (byte)(pattern | value);
            to.Advance(1);
            return;
        }

        octets[0] = (byte)(pattern | prefix);
        var written = 1;
        for (value -= prefix; value >= 0x80; value >>= 7)
        {
            octets[written++] = (byte)(value | 0x80);
        }

        octets[written++] = (byte)value;
        to.Advance(written);
    }
}
