namespace Dispatch.Store;

/// <summary>
/// The days that the ledger takes: what retention keeps and one day for clocks that differ, and the two that are made ahead. A record of another day is one that nobody of ours
/// wrote in good order; making its partitions would let a few thousand of them fill the catalogue.
/// </summary>
readonly record struct DayWindow(DateOnly First, DateOnly Last)
{
    public static DayWindow Around(DateOnly today, int retentionDays) => new(today.AddDays(-retentionDays - 1), today.AddDays(2));

    public long FirstMillisecond => new DateTimeOffset(First, TimeOnly.MinValue, TimeSpan.Zero).ToUnixTimeMilliseconds();

    public bool Has(DateOnly day) => day >= First && day <= Last;

    /// <exception cref="DayNotKeptException">One of them is outside.</exception>
    public IReadOnlyCollection<DateOnly> Checked(IEnumerable<DateOnly> days)
    {
        var all = days.ToHashSet();
        foreach (var day in all)
        {
            if (!Has(day))
            {
                throw new DayNotKeptException(day, this);
            }
        }

        return all;
    }
}

/// <summary>A record is about a day that the store does not keep. Repeating it does not help: it is the record's fault.</summary>
public sealed class DayNotKeptException : Exception
{
    internal DayNotKeptException(DateOnly day, DayWindow window)
        : base($"the store keeps {window.First:O} to {window.Last:O}, not {day:O}")
    {
    }
}
