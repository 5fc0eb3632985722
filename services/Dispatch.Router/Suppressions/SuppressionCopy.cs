using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Suppressions;

/// <summary>
/// Which addresses get nothing, in memory and on disk.
/// Promise: suppressions fail closed. While PostgreSQL is away the last copy is asked; without any copy nothing is routed at all.
/// What is suppressed is known here as soon as the store tells of it, and within <see cref="RouterOptions.RefreshInterval"/> if it cannot.
/// </summary>
sealed class SuppressionCopy(SuppressionStore store, IOptions<DispatchOptions> dispatch, TimeProvider clock, ILogger<SuppressionCopy> log) : IDisposable
{
    /// <summary>How often everything is read again: a store that was restored from a backup numbers its transactions anew.</summary>
    private static readonly TimeSpan WholeInterval = TimeSpan.FromHours(1);

    private readonly SuppressionFile _file = new(Path.Combine(dispatch.Value.Data, "router", "suppressions"));
    private readonly ReaderWriterLockSlim _gate = new();
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Dictionary<Channel, AddressSet> _suppressed = Empty();
    private ulong _next;
    private DateTimeOffset _wholeAt = DateTimeOffset.MinValue;
    private bool _fileIsBehind;

    public bool IsKnown => _known.Task.IsCompleted;

    /// <summary>When the store was last heard.</summary>
    public DateTimeOffset? HeardAt { get; private set; }

    public int Count => _suppressed.Values.Sum(set => set.Count);

    /// <summary>Returns when there is a copy to ask.</summary>
    public Task WhenKnownAsync(CancellationToken stop) => _known.Task.WaitAsync(stop);

    /// <summary>One look for a whole batch.</summary>
    public void Read(Action<Func<Channel, ReadOnlySpan<byte>, bool>> look)
    {
        _gate.EnterReadLock();
        try
        {
            look((channel, addressKey) => _suppressed[channel].Contains(AddressSet.KeyOf(addressKey)));
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <summary>Starts from the copy on disk, if there is one.</summary>
    public void Load()
    {
        try
        {
            if (_file.Read() is { } changes)
            {
                Apply(changes, whole: true);
                log.SuppressionsLoaded(Count);
                _known.TrySetResult();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.SuppressionsUnreadable(e);
        }
    }

    /// <summary>Takes over what changed in the store.</summary>
    /// <exception cref="Exception">The store is away, as <see cref="StoreFault"/> says: the copy stays as it is.</exception>
    public async Task RefreshAsync(CancellationToken stop)
    {
        var whole = clock.GetUtcNow() - _wholeAt >= WholeInterval;
        var changes = new List<SuppressionChange>();
        var next = await store.ChangedAsync(
            whole ? 0 : _next, (channel, key, suppressed) => changes.Add(new SuppressionChange(channel, AddressSet.KeyOf(key.Span), suppressed)), stop);
        Apply(changes, whole);
        (_next, HeardAt) = (next, clock.GetUtcNow());
        _wholeAt = whole ? clock.GetUtcNow() : _wholeAt;
        Write(changes, whole);
        _known.TrySetResult();
    }

    private void Apply(List<SuppressionChange> changes, bool whole)
    {
        var suppressed = whole ? Empty() : _suppressed;
        if (!whole)
        {
            changes.RemoveAll(change => suppressed[change.Channel].Contains(change.Key) == change.Suppressed); // heard before
            _gate.EnterWriteLock();
        }

        try
        {
            foreach (var change in changes)
            {
                if (change.Suppressed)
                {
                    suppressed[change.Channel].Add(change.Key);
                }
                else
                {
                    suppressed[change.Channel].Remove(change.Key);
                }
            }
        }
        finally
        {
            if (!whole)
            {
                _gate.ExitWriteLock();
            }
        }

        if (whole)
        {
            _gate.EnterWriteLock();
            _suppressed = suppressed;
            _gate.ExitWriteLock();
        }
    }

    /// <summary>A disk that refuses costs the copy on it, not the one in memory; it is written as a whole when there is room again.</summary>
    private void Write(List<SuppressionChange> changes, bool whole)
    {
        try
        {
            if (whole || _fileIsBehind)
            {
                _file.Replace(_suppressed.SelectMany(set => set.Value.Keys.Select(key => new SuppressionChange(set.Key, key, true))));
            }
            else if (changes.Count > 0)
            {
                _file.Append(changes);
            }

            _fileIsBehind = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _fileIsBehind = true;
            log.SuppressionsUnwritable(e);
        }
    }

    private static Dictionary<Channel, AddressSet> Empty() => Topics.Channels.ToDictionary(channel => channel, _ => new AddressSet());

    public void Dispose() => _gate.Dispose();
}
