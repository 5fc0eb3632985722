using System.Globalization;
using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Dispatch.Contracts;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Dispatch.Sandbox;
using Dispatch.Store.Private;
using Dispatch.Testing;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>
/// What people would run, on this machine: Kafka nodes (three: three copies, two in sync), a PostgreSQL, the Sandbox, and every service as a process of its own, as many of each as a
/// story wants. Started by the first story that asks, shared by those after it: each has its own load, label and recipients.
/// </summary>
public class Deployment : ISystem, IAsyncLifetime
{
    private const int Nodes = 3; // of a cluster
    private const int Partitions = 3; // one for each of three instances
    private const int Relays = 2;
    private const string MainBrokers = "Dispatch:Kafka:Brokers";
    private static readonly string[] Services = ["ingest", "router", "push", "email", "sms", "feedback"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly bool _hasEast;
    private readonly TempFolder _data = new();
    private readonly SemaphoreSlim _starting = new(1);
    private readonly List<Instance> _instances = [];
    private readonly List<string> _removed = [];
    private readonly int _sandboxPort = FreePorts.Row(32);
    private readonly Dictionary<string, string> _settings = [];
    private PrivateServer? _postgres;
    private PrivateBrokers? _brokers;
    private PrivateBrokers? _east;
    private LocalProcess? _sandbox;
    private int _turn;

    public Deployment()
        : this(hasEast: false)
    {
    }

    /// <param name="hasEast">A second cluster, named so, of as many nodes.</param>
    protected Deployment(bool hasEast) => _hasEast = hasEast;

    public PrivateBrokers Brokers => _brokers ?? throw new InvalidOperationException("not started");

    public IReadOnlyList<Instance> Instances => _instances;

    public Uri Api
    {
        get
        {
            Instance[] open = [.. _instances.Where(it => it.TakesCallers)];
            return open.Length > 0 ? open[(uint)Interlocked.Increment(ref _turn) % open.Length].Api! : this["ingest"].Api!; // nobody there: callers find that out
        }
    }

    public Uri SandboxAdmin => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_sandboxPort + 4}"));

    public string Oracle => Path.Combine(Sandbox, "oracle");

    public string FirstKey => File.ReadAllText(_settings["Dispatch:Secrets:FirstKeyFile"]).Trim();

    public string LastLines => string.Join('\n', _instances.Select(it => $"--- {it.Name}\n{it.Process.LastLines}").Concat(_removed));

    private string Sandbox => _data["sandbox"];

    public Instance this[string name] => _instances.Single(it => it.Name == name);

    /// <summary>Everything once; whatever ended since is started again.</summary>
    public async Task StartAsync(TimeSpan patience, CancellationToken stop = default)
    {
        await _starting.WaitAsync(stop);
        try
        {
            if (_instances.Count == 0)
            {
                await StartInfrastructureAsync(stop);
                foreach (var service in Services)
                {
                    Add(service);
                }
            }

            await Task.WhenAll(_instances.Where(it => !it.Process.Runs).Select(it => it.StartAsync(Patience)));
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>One more instance of a service: "push-2" after "push". It is to be started, and at the end of the story removed.</summary>
    public Instance Add(string service)
    {
        var number = Enumerable.Range(1, 100).First(n => _instances.TrueForAll(it => it.Name != NameOf(service, n)));
        var instance = new Instance(service, NameOf(service, number), _data.Path, FreePorts.One(), service == "ingest" && number > 1 ? FreePorts.One() : service == "ingest" ? Port : 0, _settings);
        _instances.Add(instance);
        return instance;
    }

    /// <summary>In good order.</summary>
    public async Task RemoveAsync(Instance instance)
    {
        await instance.StopAsync();
        _instances.Remove(instance);
        _removed.Add($"--- {instance.Name} (removed)\n{instance.Process.LastLines}");
        await instance.DisposeAsync();
    }

    /// <summary>The first cluster is in the settings no more, and the other has all the weight: for whatever starts from now on.</summary>
    public void TakeMainOut()
    {
        _settings.Remove(MainBrokers);
        _settings["Dispatch:Kafka:Clusters:1:Weight"] = "100";
    }

    /// <summary>As a release does it: ends the instance in good order, and starts it with the settings of now.</summary>
    public async Task ReleaseAsync(Instance instance)
    {
        await instance.StopAsync();
        await instance.ConfigureAsync(_settings);
        await instance.StartAsideAsync(Patience);
    }

    public Task WhenAsync(string name, Func<JsonNode, bool> wanted, TimeSpan patience, CancellationToken stop) =>
        Probes.WhenAsync([.. _instances.Select(it => (it.Process, it.Admin))], checks => checks[name] is { } check && wanted(check), name, patience, stop);

    public Task InitializeAsync() => Task.CompletedTask; // by the first story: where all are skipped nothing is started

    public async Task DisposeAsync()
    {
        foreach (var instance in _instances)
        {
            await instance.DisposeAsync();
        }

        if (_sandbox is not null)
        {
            await _sandbox.DisposeAsync();
        }

        foreach (var brokers in new[] { _brokers, _east }.OfType<PrivateBrokers>())
        {
            await brokers.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.StopAsync(default, fast: false);
        }

        _starting.Dispose();
        _data.Dispose();
        GC.SuppressFinalize(this);
    }

    async ValueTask IAsyncDisposable.DisposeAsync() => await DisposeAsync();

    private int Port { get; } = FreePorts.One();

    private static string NameOf(string service, int number) => number == 1 ? service : string.Create(CultureInfo.InvariantCulture, $"{service}-{number}");

    private async Task StartInfrastructureAsync(CancellationToken stop)
    {
        _postgres = new PrivateServer(_data["postgres"], durable: false);
        var postgres = _postgres.StartAsync(stop);
        _brokers = await PrivateBrokers.StartAsync(_data["kafka"], Nodes, FreePorts.Row(2 * Nodes), stop);
        var api = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}");
        Configure(SandboxLanes.Settings(Sandbox, _sandboxPort, Relays).Select(it => KeyValuePair.Create(it.Key, it.Value!)));
        Configure(new Dictionary<string, string>
        {
            ["Logging:LogLevel:Default"] = "Warning", ["Logging:LogLevel:Dispatch"] = "Information",
            ["Logging:Console:FormatterName"] = "simple", ["Logging:Console:FormatterOptions:SingleLine"] = "true", ["Logging:Console:FormatterOptions:TimestampFormat"] = "HH:mm:ss.fff ",
            [MainBrokers] = _brokers.Brokers, ["Dispatch:Kafka:Partitions"] = Partitions.ToString(CultureInfo.InvariantCulture),
            ["Dispatch:Kafka:Replication"] = Nodes.ToString(CultureInfo.InvariantCulture),
            ["Dispatch:Postgres"] = _postgres.ConnectionString,
            ["Dispatch:PublicUrl"] = api,
            ["Dispatch:Secrets:FirstKeyFile"] = _data["first-key"], ["Dispatch:Secrets:RecipientKeyFile"] = _data["recipient-key"],
            ["Dispatch:Sandbox:Folder"] = Sandbox, ["Dispatch:Sandbox:BasePort"] = _sandboxPort.ToString(CultureInfo.InvariantCulture), ["Dispatch:Sandbox:Relays"] = Relays.ToString(CultureInfo.InvariantCulture),
            [Session.SandboxDefault.Key] = Session.SandboxDefault.Value,
        });
        await MakeTopicsAsync(_brokers, stop);
        if (_hasEast)
        {
            _east = await PrivateBrokers.StartAsync(_data["kafka-east"], Nodes, FreePorts.Row(2 * Nodes), stop);
            await MakeTopicsAsync(_east, stop);
            Configure(new Dictionary<string, string> { ["Dispatch:Kafka:Clusters:1:Name"] = "east", ["Dispatch:Kafka:Clusters:1:Brokers"] = _east.Brokers });
        }

        await postgres;
        _sandbox = new LocalProcess("sandbox", [Instance.Program("sandbox")], _settings.ToDictionary(it => it.Key.Replace(":", "__", StringComparison.Ordinal), it => it.Value));
        _sandbox.Start();
    }

    private static async Task MakeTopicsAsync(PrivateBrokers brokers, CancellationToken stop)
    {
        using var topics = new TopicAdmin(new KafkaOptions { Brokers = brokers.Brokers, Partitions = Partitions, Replication = Nodes }, Topics.All);
        await topics.ApplyAsync(await topics.CompareAsync(stop), mayMoveKeys: false, stop);
    }

    private void Configure(IEnumerable<KeyValuePair<string, string>> settings)
    {
        foreach (var (key, value) in settings)
        {
            _settings[key] = value;
        }
    }
}

/// <summary>The stories that share one deployment; they run one after the other, and it ends with the last.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class DeploymentStories : ICollectionFixture<Deployment>
{
    public const string Name = "deployment";
}
