using System.ComponentModel.DataAnnotations;
using System.Diagnostics.Metrics;
using System.Net;
using Dispatch.Sandbox.Admin;
using Dispatch.Sandbox.Apns;
using Dispatch.Sandbox.Fcm;
using Dispatch.Sandbox.Http2;
using Dispatch.Sandbox.Oracle;
using Dispatch.Sandbox.Sms;
using Dispatch.Sandbox.Smtp;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Sandbox;

/// <summary>
/// Stand-ins for every provider, on loopback: they speak the true protocols, check what the real ones check, do what an address asks for (<see cref="Behaviour"/>),
/// are steered while they run (<see cref="AdminApi"/>), and write down every message that reached them whole (<see cref="OracleFile"/>).
/// </summary>
public sealed class Sandbox : IAsyncDisposable
{
    readonly Dictionary<string, Provider> providers = [];
    readonly Stack<IAsyncDisposable> running = new();
    readonly SandboxOptions options;
    readonly ILoggerFactory logs;
    readonly TimeProvider clock;
    readonly OracleWriter oracle;
    readonly TimerWheel wheel = new();
    readonly Dictionary<string, Http2Server> http2 = [];
    readonly Meter meter = new("Dispatch.Sandbox");
    int disposed;

    Sandbox(SandboxOptions options, ILoggerFactory logs, TimeProvider clock)
    {
        (this.options, this.logs, this.clock) = (options, logs, clock);
        Credentials = Credentials.Ensure(options.Folder);
        oracle = new OracleWriter(Path.Combine(options.Folder, "oracle"), logs.CreateLogger<OracleWriter>());
    }

    public Credentials Credentials { get; }

    public Endpoints Endpoints { get; private set; } = null!; // set by StartAsync, before anybody has this object

    /// <summary>Returns when all listen.</summary>
    /// <exception cref="ValidationException">Bad options; the message lists every fault.</exception>
    /// <exception cref="IOException">A port is taken; nothing listens any more.</exception>
    public static async Task<Sandbox> StartAsync(SandboxOptions options, ILoggerFactory? logs = null, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var sandbox = new Sandbox(options, logs ?? NullLoggerFactory.Instance, clock ?? TimeProvider.System);
        try
        {
            await sandbox.ListenAsync();
            return sandbox;
        }
        catch
        {
            await sandbox.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the admin API's POST /settings does.</summary>
    /// <param name="provider">apns, fcm, smtp, smtp-2, ..., http-sms.</param>
    public void Change(string provider, Func<ProviderSettings, ProviderSettings> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        providers[provider].Change(change(providers[provider].Settings));
    }

    public ProviderSettings Settings(string provider) => providers[provider].Settings;

    public Counters Counters(string provider) => providers[provider].Counters;

    /// <summary>Tells the clients of apns or fcm to open new connections.</summary>
    public void GoAway(string provider)
    {
        if (http2.TryGetValue(provider, out var server))
        {
            server.GoAway("");
        }
    }

    /// <summary>Every receipt so far, oldest first; those of all relays are under "smtp".</summary>
    public IReadOnlyList<OracleLine> Receipts(string provider)
    {
        oracle.Flush();
        return [.. OracleLine.Read(Path.Combine(options.Folder, "oracle", provider + ".jsonl"))];
    }

    /// <summary>Open requests are answered, then the oracle logs are written out and closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 1)
        {
            return;
        }

        while (running.TryPop(out var part))
        {
            await part.DisposeAsync();
        }

        meter.Dispose();
        wheel.Dispose();
        oracle.Dispose();
    }

    async Task ListenAsync()
    {
        var certificate = Credentials.ServerCertificate();
        var apns = Provider("apns", oracle.Open("apns"));
        var apnsServer = new Http2Server(
            Listener.Bind(At(0)), new ApnsStandIn(apns, new ApnsTokens(Credentials.ApnsKey(), clock), clock), apns, certificate, wheel, logs.CreateLogger<ApnsStandIn>());
        Run("apns", apnsServer);

        var fcmPort = Listener.Bind(At(1)); // bound first: the service account names its port
        var fcmAddress = new Uri($"https://127.0.0.1:{Listener.PortOf(fcmPort)}");
        var tokenEndpoint = Dispatch.Sandbox.Endpoints.TokenOf(fcmAddress);
        Credentials.EnsureFcm(tokenEndpoint);
        var fcm = Provider("fcm", oracle.Open("fcm"));
        Run("fcm", new Http2Server(fcmPort, new FcmStandIn(fcm, new FcmTokens(Credentials.FcmKey(), tokenEndpoint, clock)), fcm, certificate, wheel, logs.CreateLogger<FcmStandIn>()));

        var smtpLog = oracle.Open("smtp");
        var auth = new SmtpAuth(Credentials.SmtpUser, Credentials.SmtpPassword());
        var relays = new List<IPEndPoint>();
        for (var i = 0; i < options.Relays; i++)
        {
            var relay = new SmtpRelay(Provider(i == 0 ? "smtp" : $"smtp-{i + 1}", smtpLog), options, auth, certificate);
            var server = new SmtpServer(At(i == 0 ? 2 : 19 + i), relay, logs.CreateLogger<SmtpServer>());
            running.Push(server);
            relays.Add(server.Endpoint);
        }

        var sms = Provider("http-sms", oracle.Open("http-sms"));
        var callbacks = new SmsCallbacks(options, Credentials.SmsToken(), sms.Counters);
        running.Push(callbacks);
        var smsServer = await PlainHttpServer.StartAsync(At(3), new SmsStandIn(sms, options, Credentials.SmsToken(), callbacks, clock).HandleAsync, logs);
        running.Push(smsServer);

        var admin = await PlainHttpServer.StartAsync(At(4), new AdminApi(providers, GoAway, logs.CreateLogger<AdminApi>()).HandleAsync, logs);
        running.Push(admin);
        Endpoints = new Endpoints(new Uri($"https://127.0.0.1:{apnsServer.Port}"), fcmAddress, relays, smsServer.Address, admin.Address);
        logs.CreateLogger<Sandbox>().Listens(Endpoints.ToString(), options.Folder);
    }

    void Run(string name, Http2Server server)
    {
        http2[name] = server;
        running.Push(server);
    }

    Provider Provider(string name, OracleFile file)
    {
        var provider = new Provider(name, new ProviderSettings { StreamLimit = options.StreamLimit }, file);
        providers[name] = provider;
        provider.Counters.Show(meter, name);
        return provider;
    }

    IPEndPoint At(int offset) => new(IPAddress.Loopback, options.BasePort == 0 ? 0 : options.BasePort + offset);
}
