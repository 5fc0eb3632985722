using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Dispatch.Policy;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A dispatcher of push on a real log in a folder of its own, and what a test wants to know of it.</summary>
sealed class Rig : IAsyncDisposable
{
    public const int Partitions = 2;
    public const string Tenant = "acme";
    private readonly Alarms _alarms = new();
    private readonly TempFolder _folder = new();
    private Dispatcher? _dispatcher;
    private ImmutableArray<Mode> _modes = [];
    private ImmutableHashSet<Id> _cancelled = [];
    private volatile ControlSnapshot _snapshot = ControlSnapshot.Empty;

    public Rig()
    {
        Log = OpenLog(_folder["log"]);
        Seen = Log;
    }

    public FileLog Log { get; private set; }

    /// <summary>The log as the dispatcher sees it; a test may put a fault before it.</summary>
    public IEventLog Seen { get; set; }

    public string Folder => _folder.Path;

    public string JournalFolder => _folder["journal"];

    public DispatcherOptions Options { get; set; } = QuickOptions;

    public static DispatcherOptions QuickOptions => new()
    {
        SyncDelay = TimeSpan.FromMilliseconds(2), CommitInterval = TimeSpan.FromMilliseconds(20), ProbeDelay = TimeSpan.FromMilliseconds(50),
        ProbeDelayMax = TimeSpan.FromMilliseconds(200), StopPatience = TimeSpan.FromSeconds(2), BypassAfter = TimeSpan.FromMilliseconds(200), BypassProbe = TimeSpan.FromMilliseconds(100),
    };

    public int Waiting => _dispatcher?.Waiting ?? 0;

    public int JournalUnsettled => _dispatcher?.JournalUnsettled ?? 0;

    public IReadOnlyList<Mode> Automatic => [.. _snapshot.Modes.Where(mode => mode.Automatic)];

    public static FileLog OpenLog(string folder) => FileLog.Open(
        new FileLogOptions { Folder = folder, Partitions = Partitions, SegmentBytes = 1024 * 1024, ReserveBytes = 64 * 1024 }, Topics.All, NullLogger.Instance);

    public static Dispatcher NewDispatcher(string journal, DispatcherOptions options, IEventLog log, ChannelControl control, ILogger<Dispatcher> logger, params IReadOnlyList<(LaneOptions, Uri)> lanes) => new(
        Channel.Push, options, journal, [.. lanes.Select(lane => new ConfiguredLane(lane.Item1, () => new HttpSender(lane.Item2)))], log, control, new Freshness(), TimeProvider.System,
        logger);

    public static LaneOptions Lane(string name = "one", IReadOnlyList<string>? tenants = null, int inFlight = 100, double rate = 0, TimeSpan? silence = null) => new()
    {
        Name = name, Provider = "apns", Tenants = tenants ?? [], InFlightMax = inFlight, RatePerSecond = rate, SilenceMax = silence ?? TimeSpan.FromSeconds(20),
    };

    public Task StartAsync(params IReadOnlyList<(LaneOptions, Uri)> lanes)
    {
        _dispatcher = NewDispatcher(JournalFolder, Options, Seen, new ChannelControl(() => _snapshot, SetAutomatic, ClearAutomatic), _alarms, lanes);
        return _dispatcher.StartAsync(CancellationToken.None);
    }

    public async Task StopAsync()
    {
        if (_dispatcher is not null)
        {
            await _dispatcher.StopAsync(CancellationToken.None);
            _dispatcher.Dispose();
            _dispatcher = null;
        }
    }

    /// <summary>The log as another process would find it.</summary>
    public async Task ReopenLogAsync()
    {
        await Log.DisposeAsync();
        Seen = Log = OpenLog(_folder["log"]);
    }

    /// <summary>Another process has the log's folder.</summary>
    public ValueTask CloseLogAsync() => Log.DisposeAsync();

    public void Switch(string @switch, string value, ModeScope scope) => Change(() =>
        _modes = [.. _modes.Where(mode => mode.Switch != @switch || mode.Scope != scope), new(@switch, value, scope, "test", "person", DateTimeOffset.UtcNow, DateTimeOffset.MaxValue, Automatic: false, 1)]);

    public void Cancel(Id request) => Change(() => _cancelled = _cancelled.Add(request));

    public static Message NewMessage(string address, TrafficClass of = TrafficClass.Transactional, string tenant = Tenant, InDoubt inDoubt = InDoubt.Resend)
    {
        var now = DateTimeOffset.UtcNow;
        return new Message
        {
            MessageId = ByteString.CopyFrom(Id.New(now).ToBytes()),
            RequestId = ByteString.CopyFrom(Id.New(now).ToBytes()),
            Tenant = tenant,
            Class = of,
            Channel = Channel.Push,
            Day = Id.DayOf(now),
            RecipientKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
            Address = new Address { Channel = Channel.Push, Provider = "apns", App = "shop", Value = address, AddressKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()) },
            Content = ByteString.CopyFromUtf8("hello"),
            AcceptedAt = now.ToUnixTimeMilliseconds(),
            RoutedAt = now.ToUnixTimeMilliseconds(),
            ExpiresAt = now.AddHours(1).ToUnixTimeMilliseconds(),
            InDoubt = inDoubt,
        };
    }

    public async Task<List<Message>> PutAsync(int count, string address = "ok", TrafficClass of = TrafficClass.Transactional, string tenant = Tenant, InDoubt inDoubt = InDoubt.Resend)
    {
        var messages = Enumerable.Range(0, count).Select(i => NewMessage($"{address}-{i}", of, tenant, inDoubt)).ToList();
        await PutAsync([.. messages]);
        return messages;
    }

    public async Task PutAsync(params IReadOnlyList<Message> messages)
    {
        foreach (var chunk in messages.Chunk(500))
        {
            await Log.AppendAsync([.. chunk.Select(message => new Record(Topics.Messages(Channel.Push, message.Class), message.RecipientKey.Memory, message.ToByteArray()))]);
        }
    }

    public async Task<List<Entry>> ReadAsync(string topic)
    {
        var entries = new List<Entry>();
        for (var partition = 0; partition < Partitions; partition++)
        {
            await foreach (var entry in Log.ScanAsync(new TopicPartition(topic, partition), DateTimeOffset.MinValue))
            {
                entries.Add(entry);
            }
        }

        return entries;
    }

    public async Task<List<Outcome>> OutcomesAsync() => [.. (await ReadAsync(Topics.Outcomes)).Select(entry => Outcome.Parser.ParseFrom(entry.Value.Span))];

    public async Task<List<Message>> MessagesAsync(string topic) => [.. (await ReadAsync(topic)).Select(entry => Message.Parser.ParseFrom(entry.Value.Span))];

    /// <summary>Waits until every message has an outcome of the state, and gives the facts, each once.</summary>
    public async Task<List<Outcome>> ExpectAsync(State state, int count, TimeSpan? within = null)
    {
        List<Outcome> found = [];
        await Eventually.HoldsAsync(
            async () => (found = [.. (await OutcomesAsync()).DistinctBy(it => (it.MessageId, it.AttemptEpoch, it.Attempt, it.Kind, it.SourceId))]).Count(it => it.State == state) >= count,
            within, $"{count} outcomes of {state}");
        return found;
    }

    /// <summary>Waits until the group has passed everything.</summary>
    public Task DrainedAsync(string topic) => Eventually.HoldsAsync(
        async () =>
        {
            for (var partition = 0; partition < Partitions; partition++)
            {
                var id = new TopicPartition(topic, partition);
                if (((await Log.PositionAsync("push", id))?.Next ?? 0) < await Log.EndAsync(id))
                {
                    return false;
                }
            }

            return true;
        }, what: $"{topic} is drained");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _alarms.FellOver.ShouldBeEmpty();
        await Log.DisposeAsync();
        _folder.Dispose();
    }

    private void SetAutomatic(string @switch, string value, ModeScope scope, string reason, string owner) => Change(() =>
        _modes = [.. Others(@switch, scope, owner), new(@switch, value, scope, reason, owner, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddMinutes(5), Automatic: true, 0)]);

    private void ClearAutomatic(string @switch, ModeScope scope, string owner) => Change(() => _modes = [.. Others(@switch, scope, owner)]);

    private IEnumerable<Mode> Others(string @switch, ModeScope scope, string owner) =>
        _modes.Where(mode => !(mode.Automatic && mode.Switch == @switch && mode.Scope == scope && mode.Owner == owner));

    private void Change(Action change)
    {
        lock (_folder)
        {
            change();
            _snapshot = new ControlSnapshot(_modes, _cancelled);
        }
    }
}

/// <summary>Hears when a dispatcher fell over: no test here gives it a reason to.</summary>
sealed class Alarms : ILogger<Dispatcher>
{
    private const int FellOverId = 3041;
    private const int BrokeId = 3035;

    public ConcurrentQueue<string> FellOver { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id is FellOverId or BrokeId)
        {
            FellOver.Enqueue($"{formatter(state, exception)} {exception}");
        }
    }
}
