using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>Our records as the client's, and back.</summary>
static class Messages
{
    private const string SealHeader = "dispatch-seal";
    private static readonly byte[] SealKey = "seal"u8.ToArray(); // compacted topics take none without

    public static Message<byte[], byte[]> Of(Record record)
    {
        var message = new Message<byte[], byte[]> { Key = Bytes(record.Key), Value = Bytes(record.Value) };
        if (record.Headers.Count > 0)
        {
            message.Headers = [];
            foreach (var header in record.Headers)
            {
                message.Headers.Add(header.Name, Bytes(header.Value));
            }
        }

        return message;
    }

    /// <summary>A record that says nothing: it is in a transaction for what its end decides.</summary>
    public static Message<byte[], byte[]> Seal() => new() { Key = SealKey, Value = [], Headers = [new Header(SealHeader, [])] };

    public static bool IsSeal(ConsumeResult<byte[], byte[]> result) =>
        result.Message is { Value.Length: 0, Headers: { Count: > 0 } headers } && headers[0].Key == SealHeader;

    public static Entry Read(ConsumeResult<byte[], byte[]> result)
    {
        var message = result.Message;
        return new Entry(result.Offset.Value, new DateTimeOffset(message.Timestamp.UtcDateTime), message.Key, message.Value, Headers(message.Headers));
    }

    public static int BytesOf(Entry entry) => entry.Key.Length + entry.Value.Length + entry.Headers.Sum(header => header.Name.Length + header.Value.Length);

    private static RecordHeader[] Headers(Headers? headers)
    {
        if (headers is null || headers.Count == 0)
        {
            return [];
        }

        var read = new RecordHeader[headers.Count];
        for (var i = 0; i < read.Length; i++)
        {
            read[i] = new RecordHeader(headers[i].Key, headers[i].GetValueBytes());
        }

        return read;
    }

    private static byte[] Bytes(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length ? segment.Array : memory.ToArray();
}
