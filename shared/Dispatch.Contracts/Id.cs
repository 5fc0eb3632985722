using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Dispatch.Contracts;

/// <summary>
/// 128 bits: the day (16 bits, since 1970-01-01), then either the millisecond of that day and 80 random bits, or 112 bits of a hash of what the id is derived from.
/// So every id says which partition of the store has it, ids that are made sort by time, and the same input on the same day gives the same id.
/// Text: a prefix that names the kind, then 26 characters of Crockford's base 32.
/// </summary>
public readonly record struct Id(UInt128 Value) : IComparable<Id>
{
    public const int Size = 16;
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const int TextLength = 26;
    private const int OnStackMax = 512;

    public DateOnly Day => DateOnly.FromDayNumber(EpochDay + (int)(Value >> 112));

    private static readonly int EpochDay = new DateOnly(1970, 1, 1).DayNumber;

    public static uint DayOf(DateTimeOffset at) => (uint)(at.ToUnixTimeSeconds() / 86_400);

    public static DateOnly DateOf(uint day) => DateOnly.FromDayNumber(EpochDay + (int)day);

    public static uint DayOf(DateOnly date) => (uint)(date.DayNumber - EpochDay);

    /// <summary>A new id that sorts by time, to the millisecond.</summary>
    public static Id New(DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)DayOf(now));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)now.TimeOfDay.TotalMilliseconds);
        return From(bytes);
    }

    /// <summary>The same parts on the same day give the same id; parts are length-prefixed, so ("ab", "c") is not ("a", "bc").</summary>
    public static Id Derive(uint day, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        var length = 0;
        foreach (var part in parts)
        {
            length += sizeof(int) + part.Length;
        }

        var whole = new IdParts(length <= OnStackMax ? stackalloc byte[length] : new byte[length]);
        foreach (var part in parts)
        {
            whole.Add(part.Span);
        }

        return whole.ToId(day);
    }

    /// <summary>The id of a message: derived from (request, recipient, channel, canonical address), on the day of its request.</summary>
    public static Id OfMessage(Id request, ReadOnlySpan<byte> recipientKey, Channel channel, string provider, string app, string address)
    {
        var length = (6 * sizeof(int)) + Size + recipientKey.Length + 1 + Encoding.UTF8.GetMaxByteCount(provider.Length + app.Length + address.Length);
        var whole = new IdParts(length <= OnStackMax ? stackalloc byte[length] : new byte[length]);
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, request.Value);
        whole.Add(bytes);
        whole.Add(recipientKey);
        whole.Add([(byte)channel]);
        whole.Add(provider);
        whole.Add(app);
        whole.Add(address);
        return whole.ToId((uint)(request.Value >> 112));
    }

    public static Id From(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return bytes;
    }

    /// <summary>For the store's uuid columns; the order of the bytes, and so of the ids, is kept.</summary>
    public Guid ToGuid() => new(ToBytes(), bigEndian: true);

    public static Id FromGuid(Guid guid)
    {
        Span<byte> bytes = stackalloc byte[Size];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        return From(bytes);
    }

    /// <param name="prefix">"req_", "msg_", ...</param>
    public string ToText(string prefix) => string.Create(prefix.Length + TextLength, (prefix, Value), static (text, of) =>
    {
        of.prefix.CopyTo(text);
        var rest = of.Value;
        for (var i = text.Length - 1; i >= of.prefix.Length; i--, rest >>= 5)
        {
            text[i] = Alphabet[(int)(rest & 31)];
        }
    });

    /// <summary>Exactly what <see cref="ToText"/> wrote, upper case; anything else is no id.</summary>
    public static bool TryParse(string? text, string prefix, out Id id)
    {
        id = default;
        if (text is null || text.Length != prefix.Length + TextLength || !text.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }

        UInt128 value = 0;
        for (var i = prefix.Length; i < text.Length; i++)
        {
            var digit = Alphabet.IndexOf(text[i], StringComparison.Ordinal);
            if (digit < 0 || (i == prefix.Length && digit > 7)) // 26 characters hold 130 bits: the first has three
            {
                return false;
            }

            value = (value << 5) | (uint)digit;
        }

        id = new Id(value);
        return true;
    }

    public int CompareTo(Id other) => Value.CompareTo(other.Value);

    public static bool operator <(Id left, Id right) => left.CompareTo(right) < 0;

    public static bool operator >(Id left, Id right) => left.CompareTo(right) > 0;

    public static bool operator <=(Id left, Id right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Id left, Id right) => left.CompareTo(right) >= 0;
}

/// <summary>The prefixes that name the kind of an id in text.</summary>
public static class IdPrefix
{
    public const string Request = "req_";
    public const string Message = "msg_";
    public const string Event = "evt_";
    public const string Parking = "prk_";
    public const string CapRule = "cap_";
}
