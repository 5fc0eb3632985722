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

    public bool Equals(Position? other) => other is not null && Next == other.Next && Above.AsSpan().SequenceEqual(other.Above.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Next, Above.Length);
}
