namespace Dispatch.Router.Repeats;

/// <summary>A record that stood in the partition before.</summary>
readonly record struct Twin(ulong Messages, DateTimeOffset AppendedAt, bool IsMarked);

/// <summary>
/// Everything that stood in a partition since a time: the newest records themselves, of older ones only that their keys were there.
/// While the store is away, Ingest marks every record with the beginning of that; so for hours each of them has to be compared with all that came since, and reading
/// the log again for each batch would cost more with every batch.
/// </summary>
/// <param name="recordsMax">So many are known themselves, about 100 bytes each; of those before them four bytes remain.</param>
sealed class Earlier(DateTimeOffset since, int recordsMax)
{
    private const int FiltersMax = 128; // 33 million records in 128 MiB: a day at 380 a second in one partition

    private readonly Dictionary<UInt128, Twin> _records = [];
    private readonly Queue<(UInt128 Key, DateTimeOffset AppendedAt)> _order = new();
    private readonly List<KeyFilter> _filters = [];

    /// <summary>Nothing that was appended from here on is missing. Moves on only when there is no room for more.</summary>
    public DateTimeOffset Since { get; private set; } = since;

    public void Add(UInt128 key, in Twin twin)
    {
        _records[key] = twin;
        _order.Enqueue((key, twin.AppendedAt));
        if (_order.Count > recordsMax)
        {
            var (oldest, appendedAt) = _order.Dequeue();
            Blur(oldest, appendedAt);
            if (_records.TryGetValue(oldest, out var kept) && kept.AppendedAt <= appendedAt)
            {
                _records.Remove(oldest);
            }
        }
    }

    public bool TryFind(UInt128 key, out Twin twin) => _records.TryGetValue(key, out twin);

    /// <returns>Where in time the key may have stood among the older ones: to be read there.</returns>
    public IEnumerable<KeyFilter> Suspects(UInt128 key, DateTimeOffset since) => _filters.Where(filter => filter.Until >= since && filter.MayHave(key));

    private void Blur(UInt128 key, DateTimeOffset appendedAt)
    {
        if (_filters is [] || _filters[^1].IsFull)
        {
            if (_filters.Count == FiltersMax)
            {
                var end = _filters[0].Until.AddTicks(1);
                Since = end > Since ? end : Since;
                _filters.RemoveAt(0);
            }

            _filters.Add(new KeyFilter());
        }

        _filters[^1].Add(key, appendedAt);
    }
}
