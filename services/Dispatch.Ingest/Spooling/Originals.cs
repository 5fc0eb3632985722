using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Dispatch.Log;

namespace Dispatch.Ingest.Spooling;

/// <summary>
/// Appends that went to the spool because they took long, and may succeed yet: what arrives by itself need not be drained. Only this process knows them; after a restart their copies
/// are drained, and Router drops the second.
/// </summary>
sealed class Originals
{
    private const string Header = "dispatch-original";

    private readonly ConcurrentDictionary<long, Task<Persistence?>> _pending = new();
    private long _last = BinaryPrimitives.ReadInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(long))); // names of an earlier process may still be in the spool

    /// <summary>The records, each with the name of its original.</summary>
    public List<Record> Link(IReadOnlyList<Record> records, Task<Persistence?> append)
    {
        var linked = new List<Record>(records.Count);
        foreach (var record in records)
        {
            var number = Interlocked.Increment(ref _last);
            _pending[number] = append;
            var name = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(name, number);
            linked.Add(record with { Headers = [.. record.Headers, new RecordHeader(Header, name)] });
        }

        return linked;
    }

    /// <summary>Waits until it is known what became of the original.</summary>
    /// <returns>False: there is none, or it did not arrive for certain; the copy is to be drained.</returns>
    public async ValueTask<bool> HasArrivedAsync(Entry entry, CancellationToken stop) =>
        NumberOf(entry.Headers) is { } number && _pending.TryGetValue(number, out var append) && await append.WaitAsync(stop) is null;

    /// <summary>The copy is done with.</summary>
    public void Forget(IReadOnlyList<RecordHeader> headers)
    {
        if (NumberOf(headers) is { } number)
        {
            _pending.TryRemove(number, out _);
        }
    }

    public static IReadOnlyList<RecordHeader> Without(IReadOnlyList<RecordHeader> headers) => headers.Any(it => it.Name == Header) ? [.. headers.Where(it => it.Name != Header)] : headers;

    private static long? NumberOf(IReadOnlyList<RecordHeader> headers)
    {
        foreach (var header in headers)
        {
            if (header.Name == Header && header.Value.Length == sizeof(long))
            {
                return BinaryPrimitives.ReadInt64LittleEndian(header.Value.Span);
            }
        }

        return null;
    }
}
