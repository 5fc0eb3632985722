using System.Text;

namespace Dispatch.Push.Http2;

/// <summary>One header field, decoded.</summary>
readonly record struct HpackField(byte[] Name, byte[] Value)
{
    /// <summary>What a field counts in the table. Source: RFC 7541, section 4.1.</summary>
    public int Size => Name.Length + Value.Length + 32;
}

/// <summary>
/// The fields that an index may mean: the fixed ones first, then those that the peer put in, newest first.
/// Its bound is the peer's to choose, up to what our settings allow (we leave the protocol's 4 096). Source: RFC 7541, section 2.3 and appendix A.
/// </summary>
sealed class HpackTable
{
    private const int SizeAllowed = 4_096;

    private static readonly HpackField[] Fixed = Parse(
        ":authority", ":method=GET", ":method=POST", ":path=/", ":path=/index.html", ":scheme=http", ":scheme=https", ":status=200", ":status=204",
        ":status=206", ":status=304", ":status=400", ":status=404", ":status=500", "accept-charset", "accept-encoding=gzip, deflate", "accept-language",
        "accept-ranges", "accept", "access-control-allow-origin", "age", "allow", "authorization", "cache-control", "content-disposition",
        "content-encoding", "content-language", "content-length", "content-location", "content-range", "content-type", "cookie", "date", "etag", "expect",
        "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "link", "location",
        "max-forwards", "proxy-authenticate", "proxy-authorization", "range", "referer", "refresh", "retry-after", "server", "set-cookie",
        "strict-transport-security", "transfer-encoding", "user-agent", "vary", "via", "www-authenticate");

    private readonly List<HpackField> added = []; // newest last
    private int size;
    private int sizeMax = SizeAllowed;

    public HpackField this[int index]
    {
        get
        {
            Http2Exception.ThrowIf(index < 1 || index > Fixed.Length + added.Count, ErrorCode.CompressionError, "index beyond the table");
            return index <= Fixed.Length ? Fixed[index - 1] : added[^(index - Fixed.Length)];
        }
    }

    public void Add(HpackField field)
    {
        added.Add(field); // one that is larger than the table empties it, itself included
        size += field.Size;
        Evict();
    }

    public void Resize(int to)
    {
        Http2Exception.ThrowIf(to > SizeAllowed, ErrorCode.CompressionError, "table larger than the settings allow");
        sizeMax = to;
        Evict();
    }

    private void Evict()
    {
        var oldest = 0;
        while (size > sizeMax)
        {
            size -= added[oldest++].Size;
        }

        added.RemoveRange(0, oldest);
    }

    private static HpackField[] Parse(params ReadOnlySpan<string> fields)
    {
        var parsed = new HpackField[fields.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            var equals = fields[i].IndexOf('=', StringComparison.Ordinal);
            var (name, value) = equals < 0 ? (fields[i], "") : (fields[i][..equals], fields[i][(equals + 1)..]);
            parsed[i] = new HpackField(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        }

        return parsed;
    }
}
