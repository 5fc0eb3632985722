using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Files;

/// <summary>
/// Who in this process works for one group, and on which partitions. Every partition of the topics that somebody reads is assigned to exactly one member.
/// When members come or go, a partition moves in good order: its token ends, its work settles and returns, its last commit is on the disk or refused, and only then the new owner begins.
/// </summary>
sealed class Members(string group, LogState state, Func<PartitionState, Member, Assigned> assign, Func<ValueTask> barrier, ILogger log) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<Member> _members = [];
    private readonly ConcurrentDictionary<PartitionState, Assigned> _assigned = new();
    private volatile bool _isClosing;

    public async Task JoinAsync(Member member)
    {
        await _gate.WaitAsync();
        try
        {
            _members.Add(member);
            await ShareAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task LeaveAsync(Member member)
    {
        await _gate.WaitAsync();
        try
        {
            _members.Remove(member);
            await ShareAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The log closes: partitions are taken back and not given out again.</summary>
    public void Close() => _isClosing = true;

    /// <summary>It is closed: whoever has not settled by now may write no more.</summary>
    public void Fence()
    {
        foreach (var assigned in _assigned.Values.ToArray())
        {
            if (!assigned.Work.IsCompleted)
            {
                log.NotSettled(group, assigned.Id.Topic, assigned.Id.Partition);
            }

            assigned.EndLease();
        }
    }

    public void Dispose() => _gate.Dispose();

    private async Task ShareAsync()
    {
        var shares = Shares();
        var moving = _assigned.Where(held => !shares.TryGetValue(held.Key, out var owner) || owner != held.Value.Member).Select(held => held.Value).ToArray();
        await Task.WhenAll(moving.Select(assigned => assigned.RevokeAsync()));
        foreach (var assigned in moving)
        {
            _assigned.TryRemove(assigned.Of, out _);
        }

        if (moving.Length > 0 && shares.Count > 0)
        {
            await barrier(); // a commit that was sent before the lease ended is decided now, and the new owner sees where the group stands
        }

        foreach (var (partition, member) in shares)
        {
            if (!_assigned.ContainsKey(partition))
            {
                _assigned[partition] = assign(partition, member);
            }
        }

        if (_members.Count > 0)
        {
            log.Shared(group, _members.Count, _assigned.Count);
        }
    }

    private Dictionary<PartitionState, Member> Shares()
    {
        var shares = new Dictionary<PartitionState, Member>();
        if (_isClosing)
        {
            return shares;
        }

        foreach (var topic in _members.SelectMany(member => member.Group.Topics).Distinct(StringComparer.Ordinal))
        {
            var readers = _members.Where(member => member.Group.Topics.Contains(topic)).ToArray();
            foreach (var partition in state.Topics.Of(topic))
            {
                shares[partition] = readers[partition.Id.Partition % readers.Length];
            }
        }

        return shares;
    }
}

/// <summary>One call of <see cref="IEventLog.RunAsync"/>.</summary>
sealed class Member(Group group, Func<IPartition, CancellationToken, Task> work)
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Group Group => group;

    public Func<IPartition, CancellationToken, Task> Work => work;

    /// <summary>Ends, with the exception, when work throws.</summary>
    public Task Failure => _failed.Task;

    public void Fail(Exception why) => _failed.TrySetException(why);
}
