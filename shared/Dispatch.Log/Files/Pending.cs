using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace Dispatch.Log.Files;

/// <summary>
/// One append or commit on its way to the disk: its frame, and the caller who waits. Pooled, because there is one per message at the door;
/// continuations never run on the committing thread, where they would delay the next sync: <see cref="Served"/> tells those who append.
/// </summary>
sealed class Pending : IValueTaskSource
{
    private const int PoolMax = 1024;
    private static readonly ConcurrentQueue<Pending> Pool = new();

    private ManualResetValueTaskSourceCore<bool> _core;

    /// <summary>The frame: complete but for sequence, offsets and time, which the committing thread writes. Length 0: nothing is written, the caller waits for what was queued before.</summary>
    public byte[] Buffer { get; private set; } = [];

    public int Length { get; private set; }

    /// <summary>Where the frame stands in its segment, once it was written.</summary>
    public uint At { get; set; }

    public FrameType Type { get; set; }

    public List<RunDraft> Runs { get; } = [];

    public int Records { get; set; }

    /// <summary>Outcomes and positions: what the reserve is kept for.</summary>
    public bool IsUrgent { get; set; }

    public IReadOnlyList<PositionEntry> Positions { get; set; } = [];

    public int PositionBytes { get; set; }

    /// <summary>Whose lease must hold when this is written; null: nobody's.</summary>
    public ILease? Lease { get; set; }

    public ValueTask Task => new(this, _core.Version);

    public static Pending Rent() => Pool.TryDequeue(out var pooled) ? pooled : new Pending();

    public Span<byte> Allocate(int length)
    {
        Buffer = ArrayPool<byte>.Shared.Rent(length);
        Length = length;
        return Buffer.AsSpan(0, length);
    }

    /// <param name="here">The caller goes on inside this call.</param>
    public void Succeed(bool here)
    {
        _core.RunContinuationsAsynchronously = !here;
        _core.SetResult(true);
    }

    public void Fail(Exception why)
    {
        _core.RunContinuationsAsynchronously = true;
        _core.SetException(why);
    }

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            Recycle();
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>For one that was never queued; <see cref="GetResult"/> does the same for all others.</summary>
    public void Recycle()
    {
        if (Buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(Buffer);
        }

        (Buffer, Length, Records, IsUrgent, Positions, PositionBytes, Lease) = ([], 0, 0, false, [], 0, null);
        Runs.Clear();
        _core.Reset();
        if (Pool.Count < PoolMax)
        {
            Pool.Enqueue(this);
        }
    }

    /// <param name="At">of its header in the frame</param>
    public readonly record struct RunDraft(PartitionState Partition, int At, int Count, int Bytes, uint RecordsCrc);
}

/// <summary>The right to write for a partition: looked at by the committing thread, so that nothing slips in between the look and the write.</summary>
interface ILease
{
    bool Holds { get; }
}
