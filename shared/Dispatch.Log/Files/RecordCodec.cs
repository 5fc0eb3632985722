using System.Buffers.Binary;
using System.Text;

namespace Dispatch.Log.Files;

/// <summary>One record inside a run: key length (2), number of headers (1), value length (4); then headers (name length 1, value length 2, both), key, value.</summary>
static class RecordCodec
{
    private const int Fixed = 7;
    private const int HeaderFixed = 3;

    /// <exception cref="ArgumentException">The record is larger than a record may be.</exception>
    public static int SizeOf(Record record)
    {
        if (record.Value.Length > Record.StoredBytesMax)
        {
            throw new ArgumentException($"A value of {record.Value.Length} bytes; at most {Record.StoredBytesMax} are allowed (topic {record.Topic}).", nameof(record));
        }

        if (record.Key.Length > ushort.MaxValue || record.Headers.Count > byte.MaxValue)
        {
            throw new ArgumentException($"A key of {record.Key.Length} bytes and {record.Headers.Count} headers; at most 65535 and 255 are allowed (topic {record.Topic}).", nameof(record));
        }

        var size = Fixed + record.Key.Length + record.Value.Length;
        for (var i = 0; i < record.Headers.Count; i++)
        {
            var header = record.Headers[i];
            var name = Encoding.UTF8.GetByteCount(header.Name);
            if (name > byte.MaxValue || header.Value.Length > ushort.MaxValue)
            {
                throw new ArgumentException($"A header with a name of {name} and a value of {header.Value.Length} bytes; at most 255 and 65535 are allowed (topic {record.Topic}).", nameof(record));
            }

            size += HeaderFixed + name + header.Value.Length;
        }

        return size;
    }

    /// <returns>The bytes written: what <see cref="SizeOf"/> said.</returns>
    public static int Write(Record record, Span<byte> to)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)record.Key.Length);
        to[2] = (byte)record.Headers.Count;
        BinaryPrimitives.WriteInt32LittleEndian(to[3..], record.Value.Length);
        var at = Fixed;
        for (var i = 0; i < record.Headers.Count; i++)
        {
            var header = record.Headers[i];
            var name = Encoding.UTF8.GetBytes(header.Name, to[(at + HeaderFixed)..]);
            to[at] = (byte)name;
            BinaryPrimitives.WriteUInt16LittleEndian(to[(at + 1)..], (ushort)header.Value.Length);
            at += HeaderFixed + name;
            header.Value.Span.CopyTo(to[at..]);
            at += header.Value.Length;
        }

        record.Key.Span.CopyTo(to[at..]);
        at += record.Key.Length;
        record.Value.Span.CopyTo(to[at..]);
        return at + record.Value.Length;
    }

    /// <returns>The length of the record that begins there. The run's checksum was checked: lengths are to be trusted.</returns>
    public static int LengthAt(ReadOnlySpan<byte> from)
    {
        var at = Fixed;
        for (var i = 0; i < from[2]; i++)
        {
            at += HeaderFixed + from[at] + BinaryPrimitives.ReadUInt16LittleEndian(from[(at + 1)..]);
        }

        return at + BinaryPrimitives.ReadUInt16LittleEndian(from) + BinaryPrimitives.ReadInt32LittleEndian(from[3..]);
    }

    /// <returns>The record, whose memory is <paramref name="from"/> itself.</returns>
    public static Entry Read(ReadOnlyMemory<byte> from, long offset, DateTimeOffset appendedAt)
    {
        var span = from.Span;
        var key = BinaryPrimitives.ReadUInt16LittleEndian(span);
        var value = BinaryPrimitives.ReadInt32LittleEndian(span[3..]);
        var headers = span[2] == 0 ? [] : new RecordHeader[span[2]];
        var at = Fixed;
        for (var i = 0; i < headers.Length; i++)
        {
            var name = span[at];
            var length = BinaryPrimitives.ReadUInt16LittleEndian(span[(at + 1)..]);
            at += HeaderFixed;
            headers[i] = new RecordHeader(HeaderNames.Of(span.Slice(at, name)), from.Slice(at + name, length));
            at += name + length;
        }

        return new Entry(offset, appendedAt, from.Slice(at, key), from.Slice(at + key, value), headers);
    }

    /// <summary>The same few names come with every record: a small table instead of a string each.</summary>
    private static class HeaderNames
    {
        private const int Max = 32;
        private static (byte[] Bytes, string Name)[] _known = [];

        public static string Of(ReadOnlySpan<byte> bytes)
        {
            var known = Volatile.Read(ref _known);
            foreach (var (seen, name) in known)
            {
                if (bytes.SequenceEqual(seen))
                {
                    return name;
                }
            }

            var text = Encoding.UTF8.GetString(bytes);
            if (known.Length < Max)
            {
                Interlocked.CompareExchange(ref _known, [.. known, (bytes.ToArray(), text)], known);
            }

            return text;
        }
    }
}
