namespace Dispatch.Router.Repeats;

/// <summary>Walks over the fields of a protobuf message without decoding them. Source: protobuf.dev, "Encoding".</summary>
ref struct WireFields(ReadOnlySpan<byte> rest)
{
    private ReadOnlySpan<byte> _rest = rest;

    public int Number { get; private set; }

    /// <summary>Of a varint field, else 0.</summary>
    public ulong Varint { get; private set; }

    /// <summary>Of a length-delimited field, else empty.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>The bytes end in the middle of a field, or hold a wire type that there is not.</summary>
    public bool Broken { get; private set; }

    public bool Next()
    {
        if (_rest.IsEmpty || Broken)
        {
            return false;
        }

        var tag = ReadVarint();
        Number = (int)(tag >> 3);
        Varint = 0;
        Bytes = default;
        switch (tag & 7)
        {
            case 0:
                Varint = ReadVarint();
                break;
            case 1:
                Take(sizeof(ulong));
                break;
            case 2:
                Bytes = Take(ReadVarint());
                break;
            case 5:
                Take(sizeof(uint));
                break;
            default:
                Broken = true;
                break;
        }

        return !Broken;
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_rest.IsEmpty)
            {
                break;
            }

            var b = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        Broken = true;
        return 0;
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            Broken = true;
            return default;
        }

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
