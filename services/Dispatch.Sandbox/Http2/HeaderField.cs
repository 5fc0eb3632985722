namespace Dispatch.Sandbox.Http2;

/// <summary>One name and value, in octets as on the wire.</summary>
readonly struct HeaderField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
{
    /// <summary>What an entry costs in the dynamic table besides its octets (RFC 7541, 4.1).</summary>
    public const int Overhead = 32;

    public byte[] Name { get; } = name.ToArray();

    public byte[] Value { get; } = value.ToArray();

    public int Size => Name.Length + Value.Length + Overhead;
}
