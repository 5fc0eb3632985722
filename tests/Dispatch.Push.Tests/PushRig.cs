using Dispatch.Push.Apns;
using Dispatch.Push.Fcm;
using Dispatch.Push.Http2;
using Dispatch.Sandbox;
using Dispatch.Sandbox.Oracle;
using Dispatch.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatch.Push.Tests;

/// <summary>A Sandbox of its own for each test, and senders that were configured like any lane.</summary>
public abstract class PushRig : IAsyncLifetime
{
    private const int PortsTaken = 24; // not the kernel's choice: one that restarts wants the same again, and its neighbours
    private readonly TempFolder folder = new();
    private readonly List<IAsyncDisposable> senders = [];

    protected Sandbox.Sandbox Sandbox { get; private set; } = null!;

    /// <summary>The wall clock of senders; null: the real one.</summary>
    protected HandClock? Clock { get; init; }

    /// <summary>The wall clock of the Sandbox; null: the real one.</summary>
    protected HandClock? SandboxClock { get; init; }

    public async Task InitializeAsync() =>
        Sandbox = await Dispatch.Sandbox.Sandbox.StartAsync(new SandboxOptions { Folder = folder["sandbox"], BasePort = FreePorts.Row(PortsTaken) }, clock: SandboxClock);

    public async Task DisposeAsync()
    {
        foreach (var sender in senders)
        {
            await sender.DisposeAsync();
        }

        await Sandbox.DisposeAsync();
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Stops the Sandbox and starts another in the same place.</summary>
    protected async Task RestartSandboxAsync(Func<Task> whileAway)
    {
        var port = Sandbox.Endpoints.Apns.Port;
        await Sandbox.DisposeAsync();
        await whileAway();
        Sandbox = await Dispatch.Sandbox.Sandbox.StartAsync(new SandboxOptions { Folder = folder["sandbox"], BasePort = port });
    }

    protected string FileIn(string name) => folder[name];

    protected IChannelSender Apns(params (string Key, string Value)[] settings) => Open(PushService.OpenApns, "apns",
    [
        ("Endpoint", Sandbox.Endpoints.Apns.ToString()), ("TrustFile", Sandbox.Credentials.CaFile),
        ("TeamId", Credentials.ApnsTeamId), ("KeyId", Credentials.ApnsKeyId), ("KeyFile", Sandbox.Credentials.ApnsKeyFile), .. settings,
    ]);

    protected IChannelSender Fcm(params (string Key, string Value)[] settings) => Open(PushService.OpenFcm, "fcm",
    [
        ("Endpoint", Sandbox.Endpoints.Fcm.ToString()), ("TrustFile", Sandbox.Credentials.CaFile),
        ("ServiceAccountFile", Sandbox.Credentials.FcmServiceAccountFile), .. settings,
    ]);

    protected static async Task<Attempt> SendAsync(IChannelSender sender, Message message, Permit? permit = null) =>
        await sender.SendAsync(message, permit ?? Messages.Always);

    protected static Task<Attempt[]> SendAllAsync(IChannelSender sender, IEnumerable<Message> messages) =>
        Task.WhenAll(messages.Select(message => SendAsync(sender, message)));

    protected static string IdOf(Message message) => Id.From(message.MessageId.Span).ToText(IdPrefix.Message);

    protected IEnumerable<OracleLine> ReceiptsOf(string provider, Message message) =>
        Sandbox.Receipts(provider).Where(receipt => receipt.MessageId == IdOf(message));

    private IChannelSender Open(SenderFactory factory, string provider, IEnumerable<(string Key, string Value)> settings)
    {
        var values = settings.GroupBy(it => it.Key).ToDictionary(it => $"Lane:{it.Key}", it => (string?)it.Last().Value);
        var section = new ConfigurationBuilder().AddInMemoryCollection(values).Build().GetSection("Lane");
        var services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(Clock ?? TimeProvider.System).AddSingleton<ApnsTokenBook>().BuildServiceProvider();
        var sender = factory(new LaneOptions { Name = $"{provider}-1", Provider = provider }, section, services);
        senders.Add(sender);
        senders.Add(services);
        return sender;
    }
}
