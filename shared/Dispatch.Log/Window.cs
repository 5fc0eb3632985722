using System.Collections.Immutable;

namespace Dispatch.Log;

/// <summary>
/// What a reader that finishes out of order has in hand: offsets that were handed out, and which of them are settled. Gives the position to commit at any moment.
/// It never spans more than <see cref="Position.AboveMax"/> offsets: ask <see cref="Fits"/> before <see cref="Begin"/>, and wait for what is outstanding when it does not.
/// May be called from any thread.
/// </summary>
public sealed class Window
{
    private readonly Lock _gate = new();
    private readonly State[] _states = new State[Position.AboveMax]; // around, by offset; what is not in the window is Waiting
    private long _next;
    private long _handed;
    private long _end;
    private int _outstanding;
    private Position? _position;

    /// <param name="start">Where the group stands. What it marks as done or kept is settled already.</param>
    /// <exception cref="ArgumentException">Its marks are further apart than a window is wide, so no window gave it.</exception>
    public Window(Position start)
    {
        (_next, _handed, _end) = (start.Next, start.Next, start.Above.IsEmpty ? start.Next : start.Above[^1].Offset + 1);
        if (_end - _next > Position.AboveMax)
        {
            throw new ArgumentException($"Marks up to {_end} above a position of {_next}; at most {Position.AboveMax} offsets can be in a window.", nameof(start));
        }

        foreach (var mark in start.Above)
        {
            this[mark.Offset] = mark.Kind == MarkKind.Kept ? State.Kept : State.Done;
        }

        Advance();
    }

    private enum State : byte
    {
        Waiting,
        Outstanding,
        Done,
        Kept,
    }

    /// <summary>Handed out and not settled.</summary>
    public int Outstanding
    {
        get
        {
            lock (_gate)
            {
                return _outstanding;
            }
        }
    }

    /// <summary>What to commit now: everything below is settled, and what is settled above it is marked.</summary>
    public Position Position
    {
        get
        {
            lock (_gate)
            {
                return _position ??= new Position(_next, Marks());
            }
        }
    }

    private State this[long offset]
    {
        get => _states[offset % Position.AboveMax];
        set => _states[offset % Position.AboveMax] = value;
    }

    /// <summary>Whether the window has room for the offset.</summary>
    public bool Fits(long offset)
    {
        lock (_gate)
        {
            return HasRoom(offset);
        }
    }

    /// <summary>The offset was handed out. Offsets come in ascending order; one that is left out is not there to be handled, and counts as done.</summary>
    /// <exception cref="InvalidOperationException">It is not above all that were handed out before, it is settled already, or it does not fit.</exception>
    public void Begin(long offset)
    {
        lock (_gate)
        {
            if (offset < _handed || !HasRoom(offset))
            {
                throw new InvalidOperationException($"Offset {offset} cannot be handed out: the window begins at {_next}, and what is below {_handed} was handed out.");
            }

            if (offset - _next >= Position.AboveMax) // nothing is outstanding, and nothing between here and there exists
            {
                Array.Clear(_states);
                (_next, _handed) = (offset, offset);
            }

            if (this[offset] != State.Waiting)
            {
                throw new InvalidOperationException($"Offset {offset} is settled already.");
            }

            for (; _handed < offset; _handed++)
            {
                this[_handed] = this[_handed] == State.Waiting ? State.Done : this[_handed];
            }

            this[offset] = State.Outstanding;
            _handed = offset + 1;
            _end = Math.Max(_end, _handed);
            _outstanding++;
            Advance();
        }
    }

    /// <summary>It is finished, whatever came of it; nobody handles it again.</summary>
    /// <exception cref="InvalidOperationException">It is not outstanding.</exception>
    public void Done(long offset) => Settle(offset, State.Done);

    /// <summary>It is unfinished, and this process's journal settles it: nobody else may touch it.</summary>
    /// <exception cref="InvalidOperationException">It is not outstanding.</exception>
    public void Kept(long offset) => Settle(offset, State.Kept);

    private bool HasRoom(long offset) => offset - _next < Position.AboveMax || _outstanding == 0;

    private void Settle(long offset, State state)
    {
        lock (_gate)
        {
            if (offset < _next || offset >= _handed || this[offset] != State.Outstanding)
            {
                throw new InvalidOperationException($"Offset {offset} is not outstanding.");
            }

            this[offset] = state;
            _outstanding--;
            Advance();
        }
    }

    private void Advance()
    {
        for (; this[_next] is State.Done or State.Kept; _next++)
        {
            this[_next] = State.Waiting;
        }

        _handed = Math.Max(_handed, _next);
        _end = Math.Max(_end, _next);
        _position = null;
    }

    private ImmutableArray<Mark> Marks()
    {
        var marks = ImmutableArray.CreateBuilder<Mark>();
        for (var at = _next; at < _end; at++)
        {
            if (this[at] is State.Done or State.Kept)
            {
                marks.Add(new Mark(at, this[at] == State.Kept ? MarkKind.Kept : MarkKind.Done));
            }
        }

        return marks.ToImmutable();
    }
}
