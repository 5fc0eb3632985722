using System.Globalization;
using Dispatch.Bench.Caps;
using Dispatch.Bench.Email;
using Dispatch.Bench.Feedback;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;
using Dispatch.Store.Private;
using Dispatch.Testing;

namespace Dispatch.Bench.EndToEnd;

/// <summary>
/// The baseline: what the parts of the work cost in processor time when each is done alone by the means of its own benchmark's baseline, one after the other in equal slices
/// of the run. The sum is for a message that is a notification or a mail as often as in <see cref="CampaignBody"/>, counted in a cap and told of by two outcomes.
/// </summary>
sealed class Parts : IAsyncDisposable
{
    private const int Slices = 5;
    private const int OutcomesPerMessage = 2;
    private const int NotificationsGuess = 15_000; // a second, as are these
    private const int MailsGuess = 8_000;
    private const int UpsertsGuess = 40_000;
    private const int OutcomesGuess = 10_000; // messages that have them

    private readonly SandboxSide _sandbox;
    private readonly PrivateServer _server;
    private readonly SideProcess _bare;
    private readonly HttpLoad _load;
    private readonly int _inFlight;
    private readonly int _mailConnections;
    private int _runs;

    private Parts(SandboxSide sandbox, PrivateServer server, SideProcess bare, HttpLoad load, int inFlight, int mailConnections) =>
        (_sandbox, _server, _bare, _load, _inFlight, _mailConnections) = (sandbox, server, bare, load, inFlight, mailConnections);

    public static async Task<Parts> StartAsync(SandboxSide sandbox, string folder, int connections, int inFlight, int mailConnections, CancellationToken stop)
    {
        var server = new PrivateServer(Path.Combine(folder, "postgres"));
        await server.StartAsync(stop);
        var (port, admin) = (FreePorts.One(), FreePorts.One());
        var bare = await SideProcess.StartAsync(
            admin, ["bare", $"--Dispatch:Data={folder}", $"--Dispatch:Listen=http://127.0.0.1:{port}", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}"], stop);
        await OpenPort.WaitAsync(port, stop);
        return new Parts(sandbox, server, bare, new HttpLoad(port, connections, new Posts("none", CampaignBody.Text).Make), inFlight, mailConnections);
    }

    public async Task<Sample> MeasureAsync(TimeSpan run, CancellationToken stop)
    {
        await _sandbox.ResetAsync(TimeSpan.Zero, stop);
        var slice = run / Slices;
        Cost[] costs =
        [
            await ParseAsync(slice, stop), await NotifyAsync(Count(NotificationsGuess), stop), await MailAsync(Count(MailsGuess), stop), await CapAsync(Count(UpsertsGuess), stop),
            await FeedBackAsync(Count(OutcomesGuess), stop),
        ];
        await TellAsync(costs.Select(it => (it.Part, it.Each)));
        var whole = costs.Aggregate(TimeSpan.Zero, (sum, it) => sum + it.Whole);
        return new Sample(CampaignBody.Messages, whole, whole, 0, [], [.. costs.SelectMany(it => it.Faults)]);

        int Count(int perSecond) => (int)(perSecond * slice.TotalSeconds);
    }

    /// <summary>Where the time went: a sum alone does not say what to look at.</summary>
    public static Task TellAsync(IEnumerable<(string Part, TimeSpan Each)> costs) =>
        Console.Error.WriteLineAsync($"  us CPU a message: {string.Join(", ", costs.Select(it => string.Create(CultureInfo.InvariantCulture, $"{it.Part} {it.Each.TotalMicroseconds:0.0}")))}");

    public async ValueTask DisposeAsync()
    {
        await _bare.DisposeAsync();
        await _server.StopAsync(CancellationToken.None, fast: false);
    }

    private async Task<Cost> ParseAsync(TimeSpan slice, CancellationToken stop)
    {
        var before = _bare.Cpu;
        var result = await _load.RunAsync(slice, stop);
        return new Cost("parse", (_bare.Cpu - before) / (result.Accepted * CampaignBody.Messages), CampaignBody.Messages, result.Faults);
    }

    private async Task<Cost> NotifyAsync(int messages, CancellationToken stop)
    {
        var before = ProcessorTime.Self;
        using var client = new PlainClient(_sandbox.Apns, _sandbox.Credentials);
        await client.SendAsync(messages, _inFlight, stop);
        return new Cost("push", (ProcessorTime.Self - before) / messages, CampaignBody.Notifications, await _sandbox.FaultsAsync(SandboxSide.Push, messages, stop));
    }

    private async Task<Cost> MailAsync(int messages, CancellationToken stop)
    {
        var before = ProcessorTime.EndedChildren;
        using var source = SmtpSource.Start(_sandbox.MailPort, _mailConnections, messages);
        await source.WaitForExitAsync(stop);
        return new Cost("email", (ProcessorTime.EndedChildren - before) / messages, CampaignBody.Mails, await _sandbox.FaultsAsync(SandboxSide.Mail, messages, stop));
    }

    private async Task<Cost> CapAsync(int messages, CancellationToken stop)
    {
        await using var database = await FreshAsync(stop);
        await CounterUpserts.PrepareAsync(database, stop);
        var recipients = new Guid[messages];
        Random.Shared.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(recipients.AsSpan()));
        var before = WithServer();
        foreach (var some in recipients.Chunk(CounterUpserts.StatementRows))
        {
            await CounterUpserts.CountAsync(database, some, stop);
        }

        var used = WithServer() - before;
        var counted = await database.CountAsync("select sum(n)::bigint from counters", stop);
        return new Cost("caps", used / messages, CampaignBody.Messages, counted == messages ? [] : [$"{counted} messages were counted, not {messages}"]);
    }

    private async Task<Cost> FeedBackAsync(int messages, CancellationToken stop)
    {
        await using var database = await FreshAsync(stop);
        var sample = await RawInserts.RunAsync(database, [.. OutcomeLoad.Make(messages).Select(it => it.Value)], OutcomeLoad.Facts(messages), WithServer, stop);
        return new Cost("feedback", sample.Cpu / sample.Count * OutcomesPerMessage, CampaignBody.Messages, sample.Faults);
    }

    private TimeSpan WithServer() => ProcessorTime.Self + ProcessorTime.WithChildren(_server.ProcessId ?? throw new InvalidOperationException("PostgreSQL does not run"));

    private async Task<BenchDatabase> FreshAsync(CancellationToken stop) =>
        await BenchDatabase.CreateAsync(_server, $"bench_{(++_runs).ToString(CultureInfo.InvariantCulture)}", stop);

    /// <param name="Each">For a message that needs this part.</param>
    /// <param name="Messages">Of the 100 in a request, that need it.</param>
    private sealed record Cost(string Part, TimeSpan Each, int Messages, IReadOnlyList<string> Faults)
    {
        public TimeSpan Whole => Each * Messages;
    }
}
