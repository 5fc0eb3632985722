using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Dispatch.Bench.Sides;
using Dispatch.Cli.Gameday;
using Dispatch.Sandbox;
using Dispatch.Testing;

namespace Dispatch.Bench.Push;

/// <summary>The Sandbox in a process of its own, and what it has counted.</summary>
sealed class SandboxSide : IAsyncDisposable
{
    /// <summary>Providers that are counted, by their names in the Sandbox.</summary>
    public const string Push = "apns";
    public const string Mail = "smtp";

    private const int MailOffset = 2;
    private const int AdminOffset = 4;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SideProcess _process;
    private readonly int _basePort;
    private readonly HttpClient _http = new();

    private SandboxSide(SideProcess process, int basePort, string folder) => (_process, _basePort, Credentials) = (process, basePort, Credentials.Ensure(folder));

    public Uri Apns => new($"https://localhost:{_basePort}");

    /// <summary>Of a relay that trusts its network: no TLS, no AUTH, as smtp-sink is.</summary>
    public int MailPort => _basePort + MailOffset;

    public Credentials Credentials { get; }

    /// <summary>What the providers themselves wrote down, a file each; it stays over resets.</summary>
    public string OracleFolder => Path.Combine(Path.GetDirectoryName(Credentials.Folder)!, "oracle");

    public static async Task<SandboxSide> StartAsync(string folder, CancellationToken stop)
    {
        var (admin, basePort) = (FreePorts.One(), FreePorts.Row(25));
        Credentials.Ensure(folder);
        var process = await SideProcess.StartAsync(
            admin,
            [
                "sandbox", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}", $"--Dispatch:Sandbox:Folder={folder}", $"--Dispatch:Sandbox:BasePort={basePort}",
                "--Dispatch:Sandbox:SmtpTls=false", "--Dispatch:Sandbox:SmtpAuth=false",
            ],
            stop);
        await OpenPort.WaitAsync(basePort + AdminOffset, stop);
        return new SandboxSide(process, basePort, folder);
    }

    /// <summary>Counts from zero, and answers so late.</summary>
    public async Task ResetAsync(TimeSpan latency, CancellationToken stop)
    {
        await PostAsync("reset", new JsonObject { ["provider"] = "*" }, stop);
        await PostAsync("settings", new JsonObject { ["provider"] = "*", ["latency_ms"] = (int)latency.TotalMilliseconds }, stop);
    }

    /// <param name="patience">With nothing that moves; 30 s by default.</param>
    /// <returns>How long it took from message number <paramref name="from"/> to number <paramref name="to"/>; null: they did not come while anything moved.</returns>
    public async Task<TimeSpan?> TakesAsync(string provider, long from, long to, Func<Task> atFrom, CancellationToken stop, TimeSpan? patience = null)
    {
        var (began, moved, last) = (0L, Stopwatch.GetTimestamp(), 0L);
        while (true)
        {
            var received = await ReceivedAsync(provider, stop);
            if (received >= to)
            {
                return Stopwatch.GetElapsedTime(began);
            }

            if (began == 0 && received >= from)
            {
                began = Stopwatch.GetTimestamp();
                await atFrom();
            }

            if (received != last)
            {
                (moved, last) = (Stopwatch.GetTimestamp(), received);
            }
            else if (Stopwatch.GetElapsedTime(moved) > (patience ?? Patience))
            {
                return null;
            }

            await Task.Delay(Look, stop);
        }
    }

    public Task<long> ReceivedAsync(string provider, CancellationToken stop) => CountAsync(provider, "received", stop);

    /// <summary>Empty: the providers' books have each of so many messages once, by its id.</summary>
    /// <param name="since">The books are older than what is looked for.</param>
    public IReadOnlyList<string> ReceiptFaults(long messages, DateTimeOffset since)
    {
        var from = DateTimeOffset.FromUnixTimeMilliseconds(since.ToUnixTimeMilliseconds()); // as exactly as they write it
        var receipts = Oracle.Read(OracleFolder).Where(it => it.At >= from && it.Accepted).GroupBy(it => it.MessageId).ToList();
        return receipts.Count == messages && receipts.All(it => it.Count() == 1)
            ? [] : [$"{messages} messages were accepted: {messages - receipts.Count} reached no provider, {receipts.Count(it => it.Count() > 1)} came more than once"];
    }

    /// <summary>Empty: so many messages were accepted, and nothing else came.</summary>
    public async Task<IReadOnlyList<string>> FaultsAsync(string provider, long messages, CancellationToken stop)
    {
        var (accepted, received, violations) = (await CountAsync(provider, "accepted", stop), await CountAsync(provider, "received", stop), await CountAsync(provider, "violations", stop));
        return accepted == messages && received == messages && violations == 0
            ? [] : [$"{messages} messages were to be sent to {provider}: {received} were received, {accepted} accepted, {violations} streams were above the limit"];
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
    }

    private async Task<long> CountAsync(string provider, string counter, CancellationToken stop)
    {
        var state = await _http.GetFromJsonAsync<JsonObject>(Admin("state"), stop);
        return state!["providers"]![provider]![counter]!.GetValue<long>();
    }

    private async Task PostAsync(string path, JsonObject body, CancellationToken stop)
    {
        using var answer = await _http.PostAsJsonAsync(Admin(path), body, stop);
        answer.EnsureSuccessStatusCode();
    }

    private Uri Admin(string path) => new($"http://127.0.0.1:{_basePort + AdminOffset}/{path}");
}
