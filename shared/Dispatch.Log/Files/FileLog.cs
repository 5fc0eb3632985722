using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// The log in files, for one machine: one write-ahead log for all topics, in segments. One sync serves everything that waits; outputs and position of a hop are one frame.
/// Reading goes through an index by partition, in memory for the segment that is written and in a file beside each sealed one.
/// How it behaves when the disk does not: docs/architecture.md, "The log"; <see cref="Committer"/>, <see cref="Recovery"/>, <see cref="Cursor"/>.
/// </summary>
public sealed class FileLog : IEventLog
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ReadAgainAfter = TimeSpan.FromSeconds(1);

    private readonly FileLogOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly SafeFileHandle _lock;
    private readonly LogState _state;
    private readonly Watermark _watermark;
    private readonly CommitQueue _queue;
    private readonly Keeper _keeper;
    private readonly Committer _committer;
    private readonly FrameBuilder _builder;
    private readonly SemaphoreSlim _manifestGate = new(1);
    private readonly ConcurrentDictionary<string, Members> _members = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private Manifest _manifest;
    private int _runs;
    private bool _isDisposed;

    private FileLog(FileLogOptions options, Manifest manifest, SafeFileHandle folderLock, ILogger log, TimeProvider time)
    {
        (_options, _manifest, _lock, _log, _time) = (options, manifest, folderLock, log, time);
        _watermark = new Watermark(options.Folder);
        _state = new LogState(options.Folder, manifest, options.SyncDelay, _watermark, new Damages(options.Folder, log));
        var previous = new Recovery(_state, time).Run();
        _builder = new FrameBuilder(_state.Topics);
        _queue = new CommitQueue(options.PendingBytesMax);
        _keeper = new Keeper(_state, options, GroupsOf, log, time);
        _committer = new Committer(_state, _queue, _keeper.Spares, _keeper, previous, log, time);
        _keeper.Sealed(_state.Snapshot(previous.Number));
        _keeper.Start();
        _committer.Start();
        Telemetry.Open.TryAdd(this, true);
        Telemetry.Backlogs.TryAdd(this, Backlog);
    }

    public string ClusterId => _manifest.ClusterId;

    public string ClusterIdOf(int partition) => ClusterId;

    public bool IsExclusive => true;

    public IReadOnlyList<Damage> Damages => _state.Damages.All;

    /// <summary>Groups that hold back records beyond their retention and do not move.</summary>
    public IReadOnlyList<Stalled> Stalled => _keeper.Stalled;

    /// <summary>Why records cannot be appended now; null: nothing is known against it.</summary>
    public string? Fault => _keeper.Spares.IsReady ? null : _state.Fault;

    /// <summary>The disk is full: only outcomes and positions are taken.</summary>
    public bool IsReserveInUse => _state.IsReserveInUse;

    /// <summary>Syncs of this process so far, of every kind: what a benchmark divides by its messages.</summary>
    public static long SyncCount => Disk.Syncs;

    /// <summary>Opens the folder's log or begins one, and brings it back from whatever the last process left.</summary>
    /// <exception cref="InvalidOperationException">Another process has the folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds something else, or a log whose manifest is gone; nothing was touched.</exception>
    public static FileLog Open(FileLogOptions options, IEnumerable<string> topics, ILogger log, TimeProvider? time = null)
    {
        Directory.CreateDirectory(options.Folder);
        var folderLock = TakeLock(options.Folder);
        try
        {
            var manifest = Manifest.Open(options.Folder, topics, options.Partitions);
            foreach (var topic in manifest.Topics.Where(topic => topic.Partitions != options.Partitions))
            {
                log.PartitionsKept(topic.Name, topic.Partitions);
            }

            var opened = new FileLog(options, manifest, folderLock, log, time ?? TimeProvider.System);
            log.Opened(manifest.ClusterId, options.Folder, manifest.Topics.Count, opened._state.Topics.All.Length, opened._state.Segments.All.Length, opened._state.Sequence);
            return opened;
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    public int PartitionsOf(string topic) => _state.Topics.Of(topic).Length;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] // waits in every call: no garbage for that
    public async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        if (records.Count == 0)
        {
            return;
        }

        using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"send {records[0].Topic}", ActivityKind.Producer) : null;
        Telemetry.Describe(span, "send", new TopicPartition(records[0].Topic, -1), null, records.Count);
        var began = Stopwatch.GetTimestamp();
        await WriteAsync(_builder.Build(FrameType.Append, records, []), stop);
        Telemetry.Measure(began, "send", records[0].Topic);
        Telemetry.CountSent(records);
    }

    public async Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        group.Check();
        Interlocked.Increment(ref _runs);
        try
        {
            await DeclareAsync(group);
            var members = _members.GetOrAdd(group.Name, name => new Members(name, _state, Assign, BarrierAsync, _log));
            var member = new Member(group, work);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _closing.Token);
            try
            {
                await members.JoinAsync(member);
                await member.Failure.WaitAsync(ends.Token);
            }
            catch (OperationCanceledException) when (ends.IsCancellationRequested && !member.Failure.IsFaulted)
            {
                // The way a run ends.
            }
            finally
            {
                await members.LeaveAsync(member);
            }

            if (member.Failure.IsFaulted)
            {
                await member.Failure; // work that failed while it settled
            }
        }
        finally
        {
            Interlocked.Decrement(ref _runs);
        }
    }

    public async IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, [EnumeratorCancellation] CancellationToken stop = default)
    {
        const int batch = 1_000;
        var of = _state.Topics.Of(partition);
        var end = of.End;
        using var cursor = OpenCursor(of);
        for (var offset = cursor.Seek(since); offset < end && cursor.Read(ref offset, end, [], batch, 1024 * 1024) is { } read;)
        {
            stop.ThrowIfCancellationRequested();
            foreach (var entry in read.Entries)
            {
                if (entry.AppendedAt.ToUnixTimeMilliseconds() >= since.ToUnixTimeMilliseconds())
                {
                    yield return entry;
                }
            }

            await Task.Yield();
        }
    }

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => new(_state.Topics.Of(partition).End);

    public ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default) =>
        new(partitions.ToDictionary(partition => partition, partition => PositionOf(group, _state.Topics.Of(partition))));

    /// <summary>Ends all runs, waits for what they settle, writes what was queued, then gives the folder back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        Telemetry.Open.TryRemove(this, out _);
        Telemetry.Backlogs.TryRemove(this, out _);
        foreach (var members in _members.Values)
        {
            members.Close();
        }

        await _closing.CancelAsync();
        var began = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _runs) > 0 && Stopwatch.GetElapsedTime(began) < SettleTime)
        {
            await Task.Delay(5);
        }

        foreach (var members in _members.Values)
        {
            members.Fence();
        }

        _queue.Close();
        _committer.Dispose();
        _keeper.Dispose();
        _watermark.Dispose();
        _lock.Dispose();
        _manifestGate.Dispose();
        _closing.Dispose();
    }

    /// <summary>What each group has not passed yet, by topic.</summary>
    private IEnumerable<(string Group, string Topic, long Waiting)> Backlog() =>
        from at in _state.Positions
        let partition = _state.Topics.All[at.Key.Partition]
        group partition.End - at.Value.Next by (at.Key.Group, partition.Id.Topic) into waiting
        select (waiting.Key.Group, waiting.Key.Topic, waiting.Sum());

    internal async ValueTask CommitAsync(string group, Assigned lease, IReadOnlyList<Record> outputs, Position position, CancellationToken stop)
    {
        var pending = _builder.Build(FrameType.Commit, outputs, [new PositionEntry(group, lease.Of.TopicId, lease.Id.Partition, position)]);
        pending.Lease = lease;
        var began = Stopwatch.GetTimestamp();
        await WriteAsync(pending, stop);
        Telemetry.Measure(began, "commit", lease.Id.Topic);
        Telemetry.CountSent(outputs);
    }

    internal Position? PositionOf(string group, PartitionState partition) => _state.Positions.GetValueOrDefault((group, partition.Index));

    internal Cursor OpenCursor(PartitionState partition) => new(_state, partition, _log, _time);

    internal async Task ReadFailedAsync(PartitionState partition, long offset, Exception why, CancellationToken stop)
    {
        _log.ReadFailed(partition.Id.Topic, partition.Id.Partition, offset, why);
        await Task.Delay(ReadAgainAfter, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private static SafeFileHandle TakeLock(string folder)
    {
        try
        {
            return File.OpenHandle(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new InvalidOperationException($"The log in {folder} is in use by another process; one at a time may have it. Stop that one first, or set Dispatch:Log:Folder to another folder.", e);
        }
    }

    private ValueTask WriteAsync(Pending pending, CancellationToken stop)
    {
        if (stop.IsCancellationRequested)
        {
            pending.Recycle();
            return ValueTask.FromCanceled(stop);
        }

        // From here on the token is not looked at: half a certainty about a write is worth less than the moment that it takes.
        var done = pending.Task;
        _queue.Add(pending);
        return done;
    }

    private ValueTask BarrierAsync() => WriteAsync(Pending.Rent(), CancellationToken.None);

    private Assigned Assign(PartitionState partition, Member member) =>
        new(this, partition, member, _state.Positions.GetValueOrDefault((member.Group.Name, partition.Index))
            ?? throw new InvalidOperationException($"Group '{member.Group.Name}' has no position in {partition.Id.Topic}/{partition.Id.Partition}, where it stood before: it was lost. Nothing is skipped or read again until a person decides."));

    private IEnumerable<string> GroupsOf(string topic) =>
        from declared in _manifest.Groups where declared.Value.Contains(topic) select declared.Key;

    /// <summary>The first positions are written, and only then the group is known: a group that is known and lacks one has lost it.</summary>
    private async Task DeclareAsync(Group group)
    {
        await _manifestGate.WaitAsync();
        try
        {
            var known = _manifest.Groups.GetValueOrDefault(group.Name, []);
            var added = group.Topics.Except(known, StringComparer.Ordinal).ToArray();
            if (added.Length == 0)
            {
                return;
            }

            var positions = added.SelectMany(_state.Topics.Of).Where(partition => !_state.Positions.ContainsKey((group.Name, partition.Index)))
                .Select(partition => new PositionEntry(group.Name, partition.TopicId, partition.Id.Partition, Position.Zero)).ToImmutableArray();
            if (positions.Length > 0)
            {
                await WriteAsync(_builder.Build(FrameType.Declare, [], positions), CancellationToken.None);
            }

            var groups = new Dictionary<string, IReadOnlyList<string>>(_manifest.Groups, StringComparer.Ordinal) { [group.Name] = [.. known, .. added] };
            var manifest = _manifest with { Groups = groups };
            manifest.Save(_options.Folder);
            _manifest = manifest;
            _log.GroupDeclared(group.Name, positions.Length, string.Join(' ', added));
        }
        finally
        {
            _manifestGate.Release();
        }
    }
}
