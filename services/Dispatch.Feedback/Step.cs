using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Dispatch.Store;

namespace Dispatch.Feedback;

/// <summary>Consecutive records of one partition, and where they take its position.</summary>
/// <param name="From">Where the store has it; null: nowhere yet.</param>
sealed record Step(IPartition Partition, IReadOnlyList<Entry> Entries, long? From, long Next)
{
    /// <summary>Nothing more waits behind it yet.</summary>
    public bool IsAtEnd => Next >= Partition.End;

    /// <summary>Pure but for the batch: what the records say.</summary>
    /// <exception cref="Google.Protobuf.InvalidProtocolBufferException">A record is none of ours.</exception>
    public void AddTo(LedgerBatch batch, IEventLog log)
    {
        foreach (var entry in Entries)
        {
            switch (Partition.Id.Topic)
            {
                case Topics.Outcomes:
                    Learn(batch, Outcome.Parser.ParseFrom(entry.Value.Span), entry, log);
                    break;
                case Topics.Events:
                    batch.Learn(Event.Parser.ParseFrom(entry.Value.Span));
                    break;
                default:
                    batch.Expect(Request.Parser.ParseFrom(entry.Value.Span));
                    break;
            }
        }

        Move(batch, log);
    }

    public void Move(LedgerBatch batch, IEventLog log) =>
        batch.Move(new PositionMove(log.ClusterIdOf(Partition.Id.Partition), Partition.Id.Topic, Partition.Id.Partition, From, Next));

    /// <summary>The same records, in two steps.</summary>
    public (Step First, Step Second) Halves()
    {
        var middle = Entries.Count / 2;
        var border = Entries[middle].Offset;
        return (this with { Entries = [.. Entries.Take(middle)], Next = border }, this with { Entries = [.. Entries.Skip(middle)], From = border });
    }

    private void Learn(LedgerBatch batch, Outcome outcome, Entry entry, IEventLog log)
    {
        if (outcome.Kind == OutcomeKind.CaughtUp)
        {
            var partitions = log.PartitionsOf(Topics.Outcomes) * (1 + log.TwinsOf(Partition.Id).Count); // also of clusters that were not reached yet: each gets a mark
            batch.Mark(new BlindMark(outcome.SourceId, DateTimeOffset.FromUnixTimeMilliseconds(outcome.At), Partition.Id.Partition, partitions, entry.AppendedAt));
            return;
        }

        outcome.State = States.Of(outcome);
        batch.Learn(outcome);
    }
}
