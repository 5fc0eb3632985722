using System.Collections.Immutable;

namespace Dispatch.Log;

public enum MarkKind
{
    /// <summary>Finished; nobody handles it again.</summary>
    Done,

    /// <summary>Unfinished at a change of owner; the old owner's journal settles it, so the new owner must not touch it.</summary>
    Kept,
}

public readonly record struct Mark(long Offset, MarkKind Kind);

/// <summary>Where a group stands in a partition.</summary>
/// <param name="Next">The lowest offset that is not done.</param>
/// <param name="Above">What is done or kept above it, ascending, at most <see cref="AboveMax"/>: how far a reader that finishes out of order may run ahead.</param>
public sealed record Position(long Next, ImmutableArray<Mark> Above)
{
    public const int AboveMax = 16_384;

    public Position(long next)
        : this(next, [])
    {
    }

    public static Position Zero { get; } = new(0);

    /// <exception cref="ArgumentException">No reader can stand there.</exception>
    internal void Check()
    {
        if (Next < 0 || Above.Length > AboveMax)
        {
            throw new ArgumentException($"A position of {Next} with {Above.Length} marks above it; at most {AboveMax} marks are allowed.");
        }

        var last = Next - 1;
        foreach (var mark in Above)
        {
            if (mark.Offset <= last)
            {
                throw new ArgumentException($"Marks ascend from the position on; {mark.Offset} follows {last}.");
            }

            last = mark.Offset;
        }
    }

    public bool Equals(Position? other) => other is not null && Next == other.Next && Above.AsSpan().SequenceEqual(other.Above.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Next, Above.Length);
}

/// <summary>Marks, ascending by offset.</summary>
static class Marks
{
    public static bool Has(this ImmutableArray<Mark> marks, long offset) => !marks.IsEmpty && marks.BinarySearch(new Mark(offset, MarkKind.Done), ByOffset.Instance) >= 0;

    private sealed class ByOffset : IComparer<Mark>
    {
        public static readonly ByOffset Instance = new();

        public int Compare(Mark x, Mark y) => x.Offset.CompareTo(y.Offset);
    }
}
