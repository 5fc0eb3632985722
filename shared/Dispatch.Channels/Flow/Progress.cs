using System.Collections.Immutable;
using Dispatch.Log;

namespace Dispatch.Channels.Flow;

/// <summary>
/// What of a partition is done while its records finish out of order: where the group stands is the lowest that is not, and what is done above it. Runs ahead by at
/// most <see cref="Position.AboveMax"/> offsets; thread-safe.
/// </summary>
sealed class Progress
{
    private const int Capacity = Position.AboveMax;

    private enum Slot : byte
    {
        Unread,
        Open,
        InFlight,
        Done,
        Kept,
    }

    private readonly Lock _gate = new();
    private readonly Slot[] _slots = new Slot[Capacity];
    private long _next;
    private long _end;
    private long _marked; // behind the last mark of an earlier owner, which may stand beyond what was read so far
    private bool _moved;

    /// <param name="start">Marks that stand in it stay; those that this process settles itself are not in it.</param>
    public Progress(Position start)
    {
        _next = _end = start.Next;
        foreach (var mark in start.Above)
        {
            _slots[mark.Offset % Capacity] = mark.Kind == MarkKind.Done ? Slot.Done : Slot.Kept;
            _marked = mark.Offset + 1;
        }
    }

    /// <summary>Has anything been settled since the last <see cref="Snapshot"/>?</summary>
    public bool HasMoved
    {
        get
        {
            lock (_gate)
            {
                return _moved;
            }
        }
    }

    /// <summary>Those whose intent is in the journal, and whose end is not durable yet.</summary>
    public int InFlight { get; private set; }

    /// <returns>False: they lie too far ahead of what is not done yet; ask again later. After a true never again: each call admits.</returns>
    public bool TryAdmit(Batch batch)
    {
        lock (_gate)
        {
            Advance();
            if (_next == _end && batch.Entries[0].Offset is var first && first > _end + Capacity)
            {
                Array.Clear(_slots); // a gap wider than the window: nothing of it will come
                _next = _end = first;
            }

            if (batch.End - _next > Capacity)
            {
                return false;
            }

            foreach (var entry in batch.Entries)
            {
                PassGap(entry.Offset);
                _slots[_end++ % Capacity] = Slot.Open;
            }

            PassGap(batch.End);
            return true;
        }
    }

    /// <summary>A lane has it, and its intent is in the journal: without one nobody could settle it where it is kept.</summary>
    public void Begin(long offset) => Move(offset, Slot.InFlight);

    /// <summary>No lane has it any more, and it is not finished.</summary>
    public void Return(long offset) => Move(offset, Slot.Open);

    public void Settle(long offset) => Move(offset, Slot.Done);

    /// <param name="keep">What is in flight is marked as kept: this process, or who adopts its journal, settles it.</param>
    public Position Snapshot(bool keep = false)
    {
        lock (_gate)
        {
            Advance();
            _moved = false;
            var above = ImmutableArray.CreateBuilder<Mark>();
            for (var offset = _next; offset < Math.Max(_end, _marked); offset++)
            {
                var slot = _slots[offset % Capacity];
                if (slot is Slot.Done or Slot.Kept || (keep && slot == Slot.InFlight))
                {
                    above.Add(new Mark(offset, slot == Slot.Done ? MarkKind.Done : MarkKind.Kept));
                }
            }

            return new Position(_next, above.DrainToImmutable());
        }
    }

    private void Move(long offset, Slot to)
    {
        lock (_gate)
        {
            ref var slot = ref _slots[offset % Capacity];
            if (offset >= _next && offset < _end && slot is Slot.Open or Slot.InFlight)
            {
                InFlight += (to == Slot.InFlight ? 1 : 0) - (slot == Slot.InFlight ? 1 : 0);
                slot = to;
                _moved |= to == Slot.Done;
            }
        }
    }

    /// <summary>What was not handed out is finished already: skipped by the log, or marked so by an earlier owner.</summary>
    private void PassGap(long to)
    {
        for (; _end < to; _end++)
        {
            ref var slot = ref _slots[_end % Capacity];
            if (slot == Slot.Unread)
            {
                slot = Slot.Done;
            }
        }
    }

    private void Advance()
    {
        for (; _next < _end && _slots[_next % Capacity] == Slot.Done; _next++)
        {
            _slots[_next % Capacity] = Slot.Unread;
        }
    }
}
