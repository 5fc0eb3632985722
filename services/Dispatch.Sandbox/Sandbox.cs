using System.ComponentModel.DataAnnotations;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
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
        var apns = ListenApns(certificate);
        var fcm = ListenFcm(certificate);
        var relays = Enumerable.Range(0, options.Relays).Select(Relay(certificate)).ToList();
        var sms = await ListenSmsAsync();
        var admin = await PlainHttpServer.StartAsync(At(4), new AdminApi(providers, GoAway, logs.CreateLogger<AdminApi>()).HandleAsync, logs);
        running.Push(admin);
        Endpoints = new Endpoints(apns, fcm, relays, sms, admin.Address);
        logs.CreateLogger<Sandbox>().Listens(Endpoints.ToString(), options.Folder);
    }

    Uri ListenApns(SslStreamCertificateContext certificate)
    {
        var provider = Provider("apns", oracle.Open("apns"));
        var standIn = new ApnsStandIn(provider, new ApnsTokens(Credentials.ApnsKey(), clock), clock);
        return Run(provider, new Http2Server(Listener.Bind(At(0)), standIn, provider, certificate, wheel, logs.CreateLogger<ApnsStandIn>()));
    }

    Uri ListenFcm(SslStreamCertificateContext certificate)
    {
        var listener = Listener.Bind(At(1)); // first: the service account names its port
        var tokenEndpoint = Dispatch.Sandbox.Endpoints.TokenOf(new Uri($"https://127.0.0.1:{Listener.PortOf(listener)}"));
        Credentials.EnsureFcm(tokenEndpoint);
        var provider = Provider("fcm", oracle.Open("fcm"));
        var standIn = new FcmStandIn(provider, new FcmTokens(Credentials.FcmKey(), tokenEndpoint, clock));
        return Run(provider, new Http2Server(listener, standIn, provider, certificate, wheel, logs.CreateLogger<FcmStandIn>()));
    }

    /// <summary>Makes the relays: each has a name, a port and switches of its own; they share user, certificate, oracle log and mailboxes.</summary>
    Func<int, IPEndPoint> Relay(SslStreamCertificateContext certificate)
    {
        var file = oracle.Open("smtp");
        var tries = Tries.Recall(file.Path);
        var auth = new SmtpAuth(Credentials.SmtpUser, Credentials.SmtpPassword());
        return number =>
        {
            var (name, port) = number == 0 ? ("smtp", 2) : ($"smtp-{number + 1}", 19 + number);
            var server = new SmtpServer(At(port), new SmtpRelay(Provider(name, file, tries), options, auth, certificate), logs.CreateLogger<SmtpServer>());
            running.Push(server);
            return server.Endpoint;
        };
    }

    async Task<Uri> ListenSmsAsync()
    {
        var provider = Provider("http-sms", oracle.Open("http-sms"));
        var callbacks = new SmsCallbacks(options, Credentials.SmsToken(), provider.Counters);
        running.Push(callbacks);
        var standIn = new SmsStandIn(provider, options, Credentials.SmsToken(), callbacks, clock);
        var server = await PlainHttpServer.StartAsync(At(3), standIn.HandleAsync, logs);
        running.Push(server);
        return server.Address;
    }

    Uri Run(Provider provider, Http2Server server)
    {
        http2[provider.Name] = server;
        running.Push(server);
        return new Uri($"https://127.0.0.1:{server.Port}");
    }

    Provider Provider(string name, OracleFile file, Tries? tries = null)
    {
        var provider = new Provider(name, new ProviderSettings { StreamLimit = options.StreamLimit, RetryAfterS = options.RetryAfterSeconds }, file, tries ?? Tries.Recall(file.Path));
        providers[name] = provider;
        provider.Counters.Show(meter, name);
        return provider;
    }

    IPEndPoint At(int offset) => new(IPAddress.Loopback, options.BasePort == 0 ? 0 : options.BasePort + offset);
}
