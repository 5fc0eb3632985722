using System.Net;
using System.Net.Sockets;
using System.Text;
using Dispatch.Channels;
using Dispatch.Sandbox;
using Dispatch.Sms.HttpSms;
using Dispatch.Testing;
using Mode = Dispatch.Sandbox.Mode;

namespace Dispatch.Sms.Tests.HttpSms;

/// <summary>Against the Sandbox's gateway, and what its oracle log saw.</summary>
public sealed class HttpSmsSenderTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private Sandbox.Sandbox sandbox = null!;

    public async Task InitializeAsync() => sandbox = await Sandbox.Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = 0 });

    public async Task DisposeAsync()
    {
        await sandbox.DisposeAsync();
        folder.Dispose();
    }

    private HttpSmsSender Sender(Uri? endpoint = null, string? token = null) => new(
        new HttpSmsOptions
        {
            Endpoint = endpoint ?? sandbox.Endpoints.Sms,
            AccountSid = Credentials.SmsAccountSid,
            TokenFile = token ?? sandbox.Credentials.SmsTokenFile,
            Timeout = TimeSpan.FromSeconds(2),
        },
        "http://127.0.0.1:1/hooks/http-sms/sms-1",
        TimeProvider.System);

    [Fact]
    public async Task Every_message_arrives_once_under_its_own_id_with_its_segments()
    {
        var messages = Enumerable.Range(0, 100).Select(i => Messages.To($"+3361234{i:0000}", new string('x', 200))).ToList();
        await using var sender = Sender();

        var attempts = await Task.WhenAll(messages.Select(message => sender.SendAsync(message, Messages.Always).AsTask()));

        attempts.ShouldAllBe(attempt => attempt.Verdict == Verdict.Accepted && attempt.Segments == 2 && attempt.ProviderMessageId.StartsWith("SM"));
        attempts.Select(attempt => attempt.ProviderMessageId).Distinct().Count().ShouldBe(100);
        sandbox.Receipts("http-sms").Select(line => (line.MessageId, line.Recipient, line.Accepted)).ShouldBe(messages.Select(it => (it.TextId(), it.Address.Value, true)), ignoreOrder: true);
    }

    [Theory]
    [InlineData("+336990100", Verdict.Rejected, Scope.Recipient, true)]
    [InlineData("+336990101", Verdict.Rejected, Scope.Recipient, true)]
    [InlineData("+336990102", Verdict.Rejected, Scope.Recipient, true)]
    [InlineData("+336990103", Verdict.Rejected, Scope.Message, false)]
    [InlineData("+336990129", Verdict.Retry, Scope.Provider, false)]
    [InlineData("+336990130", Verdict.Retry, Scope.Credential, false)]
    [InlineData("+336990131", Verdict.Retry, Scope.Credential, false)]
    [InlineData("+336990150", Verdict.Retry, Scope.Provider, false)]
    [InlineData("+336990153", Verdict.Retry, Scope.Provider, false)]
    [InlineData("+336990400", Verdict.Unknown, Scope.Provider, false)]
    [InlineData("+336990401", Verdict.Unknown, Scope.Provider, false)]
    [InlineData("+336990503", Verdict.Accepted, Scope.Message, false)]
    public async Task An_answer_of_the_gateway(string phone, Verdict verdict, Scope scope, bool suppress)
    {
        await using var sender = Sender();

        var attempt = await sender.SendAsync(Messages.To(phone), Messages.Always);

        (attempt.Verdict, attempt.Scope, attempt.Suppress).ShouldBe((verdict, scope, suppress));
        attempt.Reason.ShouldNotContain(phone[1..]);
    }

    [Fact]
    public async Task What_fails_twice_is_taken_at_the_third_time()
    {
        await using var sender = Sender();
        var message = Messages.To("+336990002");

        var verdicts = new List<Verdict>();
        for (var i = 0; i < 3; i++)
        {
            verdicts.Add((await sender.SendAsync(message, Messages.Always)).Verdict);
        }

        verdicts.ShouldBe([Verdict.Retry, Verdict.Retry, Verdict.Accepted]);
    }

    [Fact]
    public async Task A_Retry_After_of_the_gateway_is_kept()
    {
        sandbox.Change("http-sms", settings => settings with { Mode = Mode.Throttle, RetryAfterS = 70 });
        await using var sender = Sender();

        (await sender.SendAsync(Messages.To("+33612345678"), Messages.Always)).RetryAfter.ShouldBe(TimeSpan.FromSeconds(70));
    }

    [Fact]
    public async Task A_wrong_token_holds_the_credential_and_a_right_one_needs_no_restart()
    {
        var token = folder["token"];
        await File.WriteAllTextAsync(token, "wrong");
        File.SetLastWriteTimeUtc(token, DateTime.UtcNow.AddMinutes(-1)); // the clock of the file system may be coarse
        await using var sender = Sender(token: token);

        var refused = await sender.SendAsync(Messages.To("+33612345678"), Messages.Always);
        await File.WriteAllTextAsync(token, await File.ReadAllTextAsync(sandbox.Credentials.SmsTokenFile));
        var accepted = await sender.SendAsync(Messages.To("+33612345678"), Messages.Always);
        File.Delete(token);
        var missing = await sender.SendAsync(Messages.To("+33612345678"), Messages.Always);

        (refused.Verdict, refused.Scope).ShouldBe((Verdict.Retry, Scope.Credential));
        accepted.Verdict.ShouldBe(Verdict.Accepted);
        (missing.Verdict, missing.Scope, missing.Reason).ShouldBe((Verdict.Retry, Scope.Credential, "token_file_cannot_be_read"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Without_a_permit_nothing_whole_reaches_the_gateway(int looks)
    {
        await using var sender = Sender();

        (await sender.SendAsync(Messages.To("+33612345678"), Messages.Looks(looks))).ShouldBe(Attempt.Retry(Scope.Message, Permit.Lost));
        (await sender.SendAsync(Messages.To("+33612345679"), Messages.Always)).Verdict.ShouldBe(Verdict.Accepted);
        sandbox.Receipts("http-sms").Select(line => line.Recipient).ShouldBe(["+33612345679"]);
    }

    [Fact]
    public async Task Nobody_there_is_the_lanes_matter()
    {
        await using var sender = Sender(new Uri($"http://127.0.0.1:{FreePorts.One()}"));

        (await sender.SendAsync(Messages.To("+33612345678"), Messages.Always)).ShouldBe(Attempt.Retry(Scope.Provider, "no_connection: ConnectionError"));
    }

    [Theory]
    [InlineData("", Verdict.Unknown)]
    [InlineData("HTTP/1.1 201 Created\r\n", Verdict.Unknown)]
    [InlineData("garbage\r\n\r\n", Verdict.Unknown)]
    [InlineData("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>", Verdict.Unknown)]
    [InlineData("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"sid\":", Verdict.Accepted)]
    [InlineData("HTTP/1.1 201 Created\r\nContent-Length: 32\r\n\r\n{\"sid\":\"SM1\",\"status\":\"failed\"} ", Verdict.Rejected)]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Verdict.Retry)]
    public async Task An_answer_that_breaks_off(string answer, Verdict verdict)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var heard = AnswerAsync(listener, answer);
        await using var sender = Sender(new Uri($"http://{listener.LocalEndpoint}"));

        (await sender.SendAsync(Messages.To("+33612345678"), Messages.Always)).Verdict.ShouldBe(verdict);
        (await heard).ShouldStartWith($"POST /2010-04-01/Accounts/{Credentials.SmsAccountSid}/Messages.json HTTP/1.1\r\n");
    }

    private static async Task<string> AnswerAsync(TcpListener listener, string answer)
    {
        using var client = await listener.AcceptTcpClientAsync();
        var stream = client.GetStream();
        var heard = new StringBuilder();
        var bytes = new byte[8192];
        while (!heard.ToString().Contains("message_id", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(bytes);
            read.ShouldBeGreaterThan(0);
            heard.Append(Encoding.ASCII.GetString(bytes, 0, read));
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        return heard.ToString();
    }
}
