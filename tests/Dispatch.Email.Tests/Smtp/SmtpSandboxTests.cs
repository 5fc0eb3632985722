using System.Collections.Concurrent;
using Dispatch.Email.Smtp;
using Dispatch.Sandbox;
using Dispatch.Testing;
using Mode = Dispatch.Sandbox.Mode;

namespace Dispatch.Email.Tests.Smtp;

/// <summary>Against the Sandbox's relay: TLS, AUTH, and what its oracle log saw.</summary>
public sealed class SmtpSandboxTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly TempFolder folder = new();
    private Sandbox.Sandbox sandbox = null!;

    public async Task InitializeAsync() => sandbox = await Sandbox.Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = 0, Relays = 2 });

    public async Task DisposeAsync()
    {
        await sandbox.DisposeAsync();
        folder.Dispose();
    }

    private SmtpOptions Options(int connections = 4, int messagesMax = 100, string? host = null, string? trust = null, string user = Credentials.SmtpUser, string? password = null) => new()
    {
        Endpoint = new Uri($"smtp://{host ?? "127.0.0.1"}:{sandbox.Endpoints.Smtp[0].Port}"),
        TrustFile = trust ?? sandbox.Credentials.CaFile,
        User = user,
        PasswordFile = password ?? sandbox.Credentials.SmtpPasswordFile,
        ConnectionsMax = connections,
        MessagesPerConnectionMax = messagesMax,
        FinalDotTimeout = TimeSpan.FromSeconds(2),
    };

    [Fact]
    public async Task Through_TLS_and_AUTH_every_mail_arrives_once_under_its_own_id()
    {
        var messages = Enumerable.Range(0, 300).Select(i => Messages.To($"user{i}@example.org")).ToList();
        var attempts = new ConcurrentBag<Attempt>();
        await using (var sender = new SmtpSender(Options(connections: 8, messagesMax: 10)))
        {
            await Parallel.ForEachAsync(
                messages, new ParallelOptions { MaxDegreeOfParallelism = sender.InFlightMax }, async (message, _) => attempts.Add(await sender.SendAsync(message, Messages.Always)));
        }

        attempts.ShouldAllBe(attempt => attempt.Verdict == Verdict.Accepted);
        var receipts = sandbox.Receipts("smtp");
        receipts.Select(line => (line.MessageId, line.Recipient)).ShouldBe(messages.Select(it => (it.TextId(), it.Address.Value)), ignoreOrder: true);
        receipts.ShouldAllBe(line => line.Accepted && line.Lane.Length > 0);
    }

    /// <summary>Connections that break, refuse and stall in the middle of others' mails: what a mail's verdict says is what the relay saw of it.</summary>
    [Fact]
    public async Task In_any_turmoil_a_verdict_is_true_of_its_own_mail()
    {
        string[] kinds = ["user", "user", "user", "slow-30ms-", "retry-1-", "cut-", "cut-before-dot-", "answer-421-4.3.2-", "answer-550-5.1.1-", "dot-421-4.3.0-", "dot-554-5.6.0-", "busy-"];
        var messages = Enumerable.Range(0, 600).Select(i => Messages.To($"{kinds[i * 7 % kinds.Length]}{i}@example.org")).ToList();
        var attempts = new ConcurrentDictionary<string, Attempt>();
        await using (var sender = new SmtpSender(Options(connections: 5, messagesMax: 30)))
        {
            await sender.SendAsync(Messages.To("first@example.org"), Messages.Always);
            sender.InFlightMax.ShouldBe(10);
            await Parallel.ForEachAsync(messages, new ParallelOptions { MaxDegreeOfParallelism = sender.InFlightMax }, async (message, _) =>
                attempts[message.TextId()] = await sender.SendAsync(message, Messages.Always));
        }

        var taken = sandbox.Receipts("smtp").Where(line => line.Accepted).GroupBy(line => line.MessageId).ToDictionary(mail => mail.Key, mail => mail.Count());
        foreach (var message in messages)
        {
            var (verdict, times) = (attempts[message.TextId()].Verdict, taken.GetValueOrDefault(message.TextId()));
            times.ShouldBeInRange(verdict == Verdict.Accepted ? 1 : 0, verdict is Verdict.Accepted or Verdict.Unknown ? 1 : 0, $"{message.Address.Value} {attempts[message.TextId()]}");
            (verdict == Verdict.Unknown).ShouldBe(message.Address.Value.StartsWith("cut-", StringComparison.Ordinal), message.Address.Value);
        }

        attempts.Values.Count(attempt => attempt.Verdict == Verdict.Accepted).ShouldBeGreaterThan(150);
    }

    [Theory]
    [InlineData("answer-550-5.1.1-x@example.org", Verdict.Rejected, Scope.Recipient, true)]
    [InlineData("answer-552-5.2.2-x@example.org", Verdict.Rejected, Scope.Recipient, false)]
    [InlineData("answer-550-5.7.1-x@example.org", Verdict.Rejected, Scope.Message, false)]
    [InlineData("dot-554-5.6.0-x@example.org", Verdict.Rejected, Scope.Message, false)]
    [InlineData("dot-451-4.3.0-x@example.org", Verdict.Retry, Scope.Provider, false)]
    [InlineData("answer-421-4.3.2-x@example.org", Verdict.Retry, Scope.Provider, false)]
    [InlineData("busy-x@example.org", Verdict.Retry, Scope.Recipient, false)]
    [InlineData("greylist-x@example.org", Verdict.Retry, Scope.Recipient, false)]
    [InlineData("cut-x@example.org", Verdict.Unknown, Scope.Provider, false)]
    [InlineData("cut-before-dot-x@example.org", Verdict.Unknown, Scope.Provider, false)]
    [InlineData("silent-x@example.org", Verdict.Unknown, Scope.Provider, false)]
    [InlineData("slow-200ms-x@example.org", Verdict.Accepted, Scope.Message, false)]
    public async Task An_answer_of_the_relay(string address, Verdict verdict, Scope scope, bool suppress)
    {
        await using var sender = new SmtpSender(Options());

        var attempt = await sender.SendAsync(Messages.To(address), Messages.Always);
        var after = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);

        (attempt.Verdict, attempt.Scope, attempt.Suppress).ShouldBe((verdict, scope, suppress));
        after.Verdict.ShouldBe(Verdict.Accepted);
        sandbox.Receipts("smtp").Count(line => line.Accepted && line.Recipient == address).ShouldBe(address.StartsWith("cut-x", StringComparison.Ordinal) || verdict == Verdict.Accepted ? 1 : 0);
    }

    [Fact]
    public async Task A_mail_that_fails_twice_is_taken_at_the_third_time_as_the_same_mail()
    {
        await using var sender = new SmtpSender(Options());
        var message = Messages.To("retry-2-x@example.org");

        var verdicts = new List<Verdict>();
        for (var i = 0; i < 3; i++)
        {
            verdicts.Add((await sender.SendAsync(message, Messages.Always)).Verdict);
        }

        verdicts.ShouldBe([Verdict.Retry, Verdict.Retry, Verdict.Accepted]);
        sandbox.Receipts("smtp").Single(line => line.Accepted).MessageId.ShouldBe(message.TextId());
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_not_spoken_to()
    {
        await using var sender = new SmtpSender(Options(host: "127.0.0.2"));

        var attempt = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);

        (attempt.Verdict, attempt.Scope, attempt.NothingLeft).ShouldBe((Verdict.Retry, Scope.Provider, true));
        sandbox.Receipts("smtp").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_root_that_is_not_trusted_is_not_spoken_to()
    {
        await using var sender = new SmtpSender(Options(trust: ""));

        var attempt = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);

        attempt.Reason.ShouldStartWith("tls: ");
        (attempt.Verdict, attempt.Scope).ShouldBe((Verdict.Retry, Scope.Provider));
    }

    [Fact]
    public async Task A_wrong_password_holds_the_credential_and_a_right_one_needs_no_restart()
    {
        var password = Path.Combine(folder.Path, "password");
        await File.WriteAllTextAsync(password, "wrong");
        await using var sender = new SmtpSender(Options(password: password));

        var refused = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);
        File.Copy(sandbox.Credentials.SmtpPasswordFile, password, overwrite: true);
        var accepted = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);

        (refused.Verdict, refused.Scope).ShouldBe((Verdict.Retry, Scope.Credential));
        accepted.Verdict.ShouldBe(Verdict.Accepted);
    }

    [Fact]
    public async Task Without_AUTH_the_relay_says_which_lane_to_hold()
    {
        await using var sender = new SmtpSender(Options(user: ""));

        (await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always)).Scope.ShouldBe(Scope.Credential);
    }

    [Theory]
    [InlineData(Mode.Unavailable, Scope.Provider)]
    [InlineData(Mode.Throttle, Scope.Provider)]
    [InlineData(Mode.Revoked, Scope.Credential)]
    public async Task A_relay_in_trouble_says_whose_matter_it_is(Mode mode, Scope scope)
    {
        await using var sender = new SmtpSender(Options());
        sandbox.Change("smtp", settings => settings with { Mode = mode });

        var attempt = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);
        sandbox.Change("smtp", settings => settings with { Mode = Mode.Normal });
        var after = await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always);

        (attempt.Verdict, attempt.Scope).ShouldBe((Verdict.Retry, scope));
        after.Verdict.ShouldBe(Verdict.Accepted);
    }

    [Fact]
    public async Task A_connection_serves_so_many_mails_and_no_more()
    {
        await using (var sender = new SmtpSender(Options(connections: 1, messagesMax: 5)))
        {
            for (var i = 0; i < 12; i++)
            {
                (await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always)).Verdict.ShouldBe(Verdict.Accepted);
            }

            sandbox.Counters("smtp").ConnectionsTotal.ShouldBe(3);
        }
    }

    [Fact]
    public async Task A_connection_without_work_is_closed()
    {
        await using var sender = new SmtpSender(new SmtpOptions
        {
            Endpoint = Options().Endpoint,
            TrustFile = sandbox.Credentials.CaFile,
            User = Credentials.SmtpUser,
            PasswordFile = sandbox.Credentials.SmtpPasswordFile,
            ConnectionIdleMax = TimeSpan.FromMilliseconds(200),
        });
        (await sender.SendAsync(Messages.To("ada@example.org"), Messages.Always)).Verdict.ShouldBe(Verdict.Accepted);

        await Eventually.HoldsAsync(() => sandbox.Counters("smtp").Connections == 0, Deadline);
    }
}
