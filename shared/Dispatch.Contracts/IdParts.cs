using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Dispatch.Contracts;

/// <summary>What an id is derived from, in one piece: a hash that is fed part by part costs several times as much to set up as these few bytes cost to hash.</summary>
ref struct IdParts(Span<byte> room)
{
    private readonly Span<byte> _room = room;
    private int _length;

    public void Add(ReadOnlySpan<byte> part)
    {
        BinaryPrimitives.WriteInt32BigEndian(_room[_length..], part.Length);
        part.CopyTo(_room[(_length + sizeof(int))..]);
        _length += sizeof(int) + part.Length;
    }

    public void Add(string part)
    {
        var length = Encoding.UTF8.GetBytes(part, _room[(_length + sizeof(int))..]);
        BinaryPrimitives.WriteInt32BigEndian(_room[_length..], length);
        _length += sizeof(int) + length;
    }

    public readonly Id ToId(uint day)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Sha256.Hash(_room[.._length], digest);
        Span<byte> bytes = stackalloc byte[Id.Size];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)day);
        digest[..14].CopyTo(bytes[2..]);
        return Id.From(bytes);
    }
}
