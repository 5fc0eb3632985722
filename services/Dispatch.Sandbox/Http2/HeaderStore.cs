namespace Dispatch.Sandbox.Http2;

/// <summary>The header fields of one request, kept in one array that is used again for the next.</summary>
sealed class HeaderStore
{
    /// <summary>RFC 9113, SETTINGS_MAX_HEADER_LIST_SIZE; counted as there, with 32 octets a field.</summary>
    public const int ListSizeMax = 16 * 1024;

    readonly ByteBuffer octets = new(512);
    readonly List<(int Start, int NameLength, int ValueLength)> fields = new(16);
    int size;

    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        size += name.Length + value.Length + HeaderField.Overhead;
        if (size > ListSizeMax)
        {
            throw new Http2Exception(Http2Error.EnhanceYourCalm, "header list too large");
        }

        fields.Add((octets.Length, name.Length, value.Length));
        octets.Append(name);
        octets.Append(value);
    }

    /// <summary>The first field of this name; false: there is none.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var field in fields)
        {
            if (field.NameLength == name.Length && octets.Written.Slice(field.Start, field.NameLength).SequenceEqual(name))
            {
                value = octets.Written.Slice(field.Start + field.NameLength, field.ValueLength);
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Empty when there is none.</summary>
    public ReadOnlySpan<byte> this[ReadOnlySpan<byte> name] => TryGet(name, out var value) ? value : default;

    public int Count => fields.Count;

    public ReadOnlySpan<byte> NameAt(int index) => octets.Written.Slice(fields[index].Start, fields[index].NameLength);

    public ReadOnlySpan<byte> ValueAt(int index) => octets.Written.Slice(fields[index].Start + fields[index].NameLength, fields[index].ValueLength);

    public void Clear()
    {
        octets.Clear();
        fields.Clear();
        size = 0;
    }
}
