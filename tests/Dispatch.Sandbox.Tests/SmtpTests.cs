using System.Diagnostics;
using System.Text;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

public sealed class SmtpTests(SandboxFixture at) : IClassFixture<SandboxFixture>
{
    private const string Mail = "From: shop@example.org\r\nSubject: x\r\nMessage-ID: <msg_1@example.org>\r\n\r\nHello";

    [Fact]
    public async Task A_mail_is_taken_and_written_down_by_its_message_id()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.MailAsync("From: a@b.c\r\nmessage-id:\r\n <msg_folded@example.org>\r\n\r\nHello\r\n..dots", "good@example.org")).ShouldStartWith("250 2.0.0 ");
        at.Sandbox.Receipts("smtp").Single(line => line.Recipient == "good@example.org").ShouldSatisfyAllConditions(
            line => line.MessageId.ShouldBe("msg_folded"),
            line => line.Accepted.ShouldBeTrue(),
            line => line.Lane.ShouldBe("smtp"),
            line => line.Status.ShouldBe("250"),
            line => line.Bytes.ShouldBe("From: a@b.c\r\nmessage-id:\r\n <msg_folded@example.org>\r\n\r\nHello\r\n.dots\r\n".Length));
    }

    [Fact]
    public async Task Before_TLS_there_is_no_AUTH_and_without_AUTH_no_MAIL()
    {
        await using var client = await SmtpClientScript.ConnectAsync(at.Sandbox.Endpoints.Smtp[0]);
        await client.ReplyAsync();
        (await client.SayAsync("MAIL FROM:<a@b.c>")).ShouldStartWith("503 ");
        var greeting = await client.SayAsync("EHLO test");
        greeting.ShouldContain("STARTTLS");
        greeting.ShouldContain("PIPELINING");
        greeting.ShouldNotContain("AUTH");
        (await client.SayAsync("MAIL FROM:<a@b.c>")).ShouldStartWith("530 5.7.0");
        (await client.SayAsync("AUTH PLAIN AGEAYg==")).ShouldStartWith("530 5.7.0");
        await client.StartTlsAsync(at.Sandbox);
        (await client.SayAsync("EHLO test")).ShouldNotContain("STARTTLS");
        (await client.SayAsync("MAIL FROM:<a@b.c>")).ShouldStartWith("530 5.7.0");
    }

    [Fact]
    public async Task What_was_slipped_in_before_the_handshake_is_not_heard()
    {
        await using var client = await SmtpClientScript.ConnectAsync(at.Sandbox.Endpoints.Smtp[0]);
        await client.ReplyAsync();
        await client.SayAsync("EHLO test");
        await client.WriteAsync("STARTTLS\r\nNOOP\r\n");
        (await client.ReplyAsync()).ShouldStartWith("220 ");
        await Should.ThrowAsync<TimeoutException>(() => client.ReplyAsync(TimeSpan.FromMilliseconds(200))); // no second reply
    }

    [Fact]
    public async Task LOGIN_works_and_the_third_wrong_password_is_the_last()
    {
        var password = Convert.ToBase64String(Encoding.UTF8.GetBytes((await File.ReadAllTextAsync(at.Sandbox.Credentials.SmtpPasswordFile)).Trim()));
        await using var good = await Secure();
        (await good.SayAsync("AUTH LOGIN")).ShouldBe("334 VXNlcm5hbWU6");
        (await good.SayAsync("ZGlzcGF0Y2g=")).ShouldBe("334 UGFzc3dvcmQ6");
        (await good.SayAsync(password)).ShouldStartWith("235 ");

        await using var bad = await Secure();
        (await bad.SayAsync("AUTH PLAIN !")).ShouldStartWith("501 ");
        (await bad.SayAsync("AUTH CRAM-MD5")).ShouldStartWith("504 ");
        for (var i = 0; i < 3; i++)
        {
            (await bad.SayAsync("AUTH PLAIN AGRpc3BhdGNoAHdyb25n")).ShouldStartWith("535 5.7.8");
        }

        (await bad.ReplyAsync()).ShouldStartWith("421 4.7.0");
        (await bad.ReplyAsync()).ShouldBe("");
    }

    [Theory]
    [InlineData("answer-550-5.1.1-a@b.c", "550 5.1.1 ")]
    [InlineData("answer-552-5.2.2-a@b.c", "552 5.2.2 ")]
    [InlineData("answer-550-none-a@b.c", "550 as ")]
    [InlineData("answer-421-4.3.2-a@b.c", "421 4.3.2 ")]
    [InlineData("busy-a@b.c", "450 4.2.1 ")]
    [InlineData("greylist-a@b.c", "451 4.7.1 ")]
    [InlineData("dot-554-5.7.1-a@b.c", "554 5.7.1 ")]
    [InlineData("retry-1-a@b.c", "451 4.3.0 ")]
    public async Task An_address_gets_the_reply_that_it_asks_for(string address, string reply)
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.MailAsync(Mail, address)).ShouldStartWith(reply);
        at.Sandbox.Receipts("smtp").ShouldNotContain(line => line.Recipient == address && line.Accepted);
    }

    [Theory]
    [InlineData("retry-2-b@b.c", 2)]
    [InlineData("greylist-b@b.c", 1)]
    [InlineData("busy-3-b@b.c", 3)]
    public async Task An_address_that_refuses_for_a_while_takes_in_the_end(string address, int times)
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        for (var i = 0; i < times; i++)
        {
            (await client.MailAsync(Mail, address)).ShouldStartWith("45");
            await client.SayAsync("RSET");
        }

        (await client.MailAsync(Mail, address)).ShouldStartWith("250 ");
    }

    [Fact]
    public async Task One_refused_recipient_does_not_stop_the_others()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        await client.WriteAsync("MAIL FROM:<a@b.c>\r\nRCPT TO:<one@b.c>\r\nRCPT TO:<answer-550-5.1.1-two@b.c>\r\nRCPT TO:<three@b.c>\r\nDATA\r\n");
        (await client.ReplyAsync()).ShouldStartWith("250 2.1.0");
        (await client.ReplyAsync()).ShouldStartWith("250 2.1.5");
        (await client.ReplyAsync()).ShouldStartWith("550 5.1.1");
        (await client.ReplyAsync()).ShouldStartWith("250 2.1.5");
        (await client.ReplyAsync()).ShouldStartWith("354 ");
        (await client.SayAsync("Message-ID: <msg_many@x>\r\n\r\nHello\r\n.")).ShouldStartWith("250 ");
        at.Sandbox.Receipts("smtp").Where(line => line.MessageId == "msg_many").Select(line => line.Recipient).ShouldBe(["one@b.c", "three@b.c"]);
    }

    [Fact]
    public async Task Cut_takes_and_says_nothing_before_the_dot_it_takes_nothing()
    {
        await using (var client = await SmtpClientScript.ReadyAsync(at.Sandbox))
        {
            (await client.MailAsync(Mail, "cut-c@b.c")).ShouldBe("");
        }

        await using (var client = await SmtpClientScript.ReadyAsync(at.Sandbox))
        {
            (await client.MailAsync(Mail, "cut-before-dot-c@b.c")).ShouldBe("");
        }

        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("smtp").Any(line => line is { Recipient: "cut-c@b.c", Accepted: true, Answered: false }));
        at.Sandbox.Receipts("smtp").ShouldNotContain(line => line.Recipient == "cut-before-dot-c@b.c");
    }

    [Fact]
    public async Task Silence_after_the_dot_takes_nothing()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.SayAsync("MAIL FROM:<a@b.c>")).ShouldStartWith("250");
        (await client.SayAsync("RCPT TO:<silent-s@b.c>")).ShouldStartWith("250");
        (await client.SayAsync("DATA")).ShouldStartWith("354");
        await client.WriteAsync(Mail + "\r\n.\r\n");
        await Should.ThrowAsync<TimeoutException>(() => client.ReplyAsync(TimeSpan.FromMilliseconds(200)));
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("smtp").Any(line => line is { Recipient: "silent-s@b.c", Accepted: false, Answered: false }));
    }

    [Fact]
    public async Task A_slow_address_is_answered_later()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        var started = Stopwatch.StartNew();
        (await client.MailAsync(Mail, "slow-300ms-s@b.c")).ShouldStartWith("250 ");
        started.ElapsedMilliseconds.ShouldBeGreaterThanOrEqualTo(290);
    }

    [Theory]
    [InlineData("bare\nline", "554 5.6.0")]
    [InlineData("bare\rreturn", "554 5.6.0")]
    [InlineData("ünicode", "554 5.6.1")]
    public async Task Data_that_strict_receivers_refuse(string body, string reply)
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.MailAsync($"Subject: x\r\n\r\n{body}", "strict@b.c")).ShouldStartWith(reply);
    }

    [Fact]
    public async Task A_line_has_a_thousand_octets_at_most()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.MailAsync("\r\n" + new string('x', 998), "long@b.c")).ShouldStartWith("250 ");
        (await client.MailAsync("\r\n" + new string('x', 999), "long@b.c")).ShouldStartWith("554 5.6.0");
    }

    [Fact]
    public async Task Eight_bits_and_foreign_letters_are_taken_when_announced()
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.SayAsync("MAIL FROM:<jürgen@b.c>")).ShouldStartWith("553 5.6.7");
        (await client.SayAsync("MAIL FROM:<jürgen@b.c> BODY=8BITMIME SMTPUTF8 SIZE=100")).ShouldStartWith("250 ");
        (await client.SayAsync("RCPT TO:<zoë@b.c>")).ShouldStartWith("250 ");
        (await client.SayAsync("DATA")).ShouldStartWith("354 ");
        (await client.SayAsync("Subject: ü\r\n\r\nü\r\n.")).ShouldStartWith("250 ");
        at.Sandbox.Receipts("smtp").ShouldContain(line => line.Recipient == "zoë@b.c");
    }

    [Theory]
    [InlineData("MAIL FROM:a@b.c", "501 5.1.7")]
    [InlineData("MAIL FROM:<a b@c.d>", "501 5.1.7")]
    [InlineData("MAIL FROM:<a@b.c> BOGUS=1", "555 5.5.4")]
    [InlineData("MAIL FROM:<a@b.c> SIZE=99999999", "552 5.3.4")]
    [InlineData("MAIL FROM:<> SIZE=10", "250 2.1.0")]
    [InlineData("MAIL FROM:<\"quoted > one\"@b.c>", "250 2.1.0")]
    [InlineData("RCPT TO:<a@b.c>", "503 5.5.1")]
    [InlineData("DATA", "503 5.5.1")]
    [InlineData("BDAT 3", "500 5.5.2")]
    [InlineData("NOOP", "250 2.0.0")]
    [InlineData("VRFY a", "252 2.0.0")]
    [InlineData("QUIT", "221 2.0.0")]
    public async Task A_command_gets_its_reply(string command, string reply)
    {
        await using var client = await SmtpClientScript.ReadyAsync(at.Sandbox);
        (await client.SayAsync(command)).ShouldStartWith(reply);
    }

    [Fact]
    public async Task Each_relay_has_switches_of_its_own()
    {
        await using var own = new OwnSandbox(path => new SandboxOptions { Folder = path, BasePort = 0, Relays = 3 });
        await own.InitializeAsync();
        var sandbox = own.At.Sandbox;
        await own.At.AdminAsync("/settings", new { provider = "smtp-2", mode = "mute" });
        await own.At.AdminAsync("/settings", new { provider = "smtp-3", mode = "swallow" });

        await using (var first = await SmtpClientScript.ReadyAsync(sandbox))
        {
            (await first.MailAsync(Mail, "a@b.c")).ShouldStartWith("250 ");
        }

        await using var second = await SmtpClientScript.ConnectAsync(sandbox.Endpoints.Smtp[1]);
        var banner = second.ReplyAsync();
        await Should.ThrowAsync<TimeoutException>(() => banner.WaitAsync(TimeSpan.FromMilliseconds(200)));
        await using (var third = await SmtpClientScript.ReadyAsync(sandbox, relay: 2))
        {
            (await third.MailAsync(Mail, "a@b.c")).ShouldStartWith("250 ");
        }

        sandbox.Receipts("smtp").Select(line => (line.Lane, line.Accepted, line.Delivered)).ShouldBe([("smtp", true, true), ("smtp-3", true, false)]);
        await own.At.AdminAsync("/settings", new { provider = "smtp-2", mode = "normal" });
        (await banner).ShouldBe(""); // whoever was kept waiting finds the connection closed
        await using var again = await SmtpClientScript.ReadyAsync(sandbox, relay: 1);
    }

    [Fact]
    public async Task A_relay_goes_mute_in_the_middle_of_a_session()
    {
        await using var own = new OwnSandbox();
        await own.InitializeAsync();
        await using var client = await SmtpClientScript.ReadyAsync(own.At.Sandbox);
        own.At.Sandbox.Change("smtp", settings => settings with { Mode = Mode.Mute });
        await client.WriteAsync("MAIL FROM:<a@b.c>\r\n");
        await Should.ThrowAsync<TimeoutException>(() => client.ReplyAsync(TimeSpan.FromMilliseconds(200)));
    }

    [Theory]
    [InlineData("throttle", "421 4.7.0")]
    [InlineData("unavailable", "421 4.3.2")]
    [InlineData("revoked", "530 5.7.0")]
    public async Task A_relay_turns_mail_away(string mode, string reply)
    {
        await using var own = new OwnSandbox();
        await own.InitializeAsync();
        await using var client = await SmtpClientScript.ReadyAsync(own.At.Sandbox);
        (await own.At.AdminAsync("/settings", new { provider = "smtp", mode }))["http"]!.GetValue<int>().ShouldBe(200);
        (await client.SayAsync("MAIL FROM:<a@b.c>")).ShouldStartWith(reply);
    }

    [Fact]
    public async Task A_relay_without_TLS_takes_AUTH_in_the_clear_and_one_that_trusts_its_network_needs_none()
    {
        await using var own = new OwnSandbox(path => new SandboxOptions { Folder = path, BasePort = 0, SmtpTls = false, SmtpAuth = false, SmtpPipelining = false, SmtpUtf8 = false });
        await own.InitializeAsync();
        await using var client = await SmtpClientScript.ConnectAsync(own.At.Sandbox.Endpoints.Smtp[0]);
        await client.ReplyAsync();
        var greeting = await client.SayAsync("EHLO test");
        foreach (var word in new[] { "STARTTLS", "AUTH", "PIPELINING", "SMTPUTF8" })
        {
            greeting.ShouldNotContain(word);
        }

        (await client.MailAsync(Mail, "plain@b.c")).ShouldStartWith("250 ");
    }

    private async Task<SmtpClientScript> Secure()
    {
        var client = await SmtpClientScript.ConnectAsync(at.Sandbox.Endpoints.Smtp[0]);
        await client.ReplyAsync();
        await client.SayAsync("EHLO test");
        await client.StartTlsAsync(at.Sandbox);
        await client.SayAsync("EHLO test");
        return client;
    }
}
