using System.Text;
using Dispatch.Email.Mime;
using Dispatch.Email.Smtp;

namespace Dispatch.Email.Tests.Smtp;

public class SmtpPayloadTests
{
    private static readonly SmtpOptions Options = new();

    private static string Write(Message message, out SmtpEnvelope envelope, SmtpOptions? options = null)
    {
        using var mail = new ByteWriter();
        SmtpPayload.Write(mail, message, options ?? Options, out envelope).ShouldBeNull();
        return Encoding.UTF8.GetString(mail.Written.Span);
    }

    private static Attempt Fault(Message message)
    {
        using var mail = new ByteWriter();
        return SmtpPayload.Write(mail, message, Options, out _).ShouldNotBeNull();
    }

    [Fact]
    public void A_message_is_rendered_escaped_for_each_part_and_ended_by_its_dot()
    {
        var content = new EmailContent
        {
            From = "Shop <no-reply@shop.example>", ReplyTo = "help@shop.example", Subject = "For {{name}}", Html = "<b>{{name}}</b>", Text = "Dear {{name}}",
        };
        var message = Messages.To("ada@example.org", content, """{"name":"A<b>\r\nBcc: x@y"}""");

        var wire = Write(message, out var envelope);

        wire.ShouldContain("Subject: For A<b>  Bcc: x@y\r\n");
        wire.ShouldContain("<b>A&lt;b&gt;\r\nBcc: x@y</b>\r\n");
        wire.ShouldContain("Dear A<b>\r\nBcc: x@y\r\n");
        wire.ShouldContain($"Message-ID: <{message.TextId()}@shop.example>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
        wire.ShouldContain("Reply-To: <help@shop.example>\r\n");
        wire.ShouldEndWith("--\r\n.\r\n");
        envelope.ShouldBe(new SmtpEnvelope(message.TextId(), "no-reply@shop.example", "ada@example.org", NeedsUtf8: false));
    }

    [Fact]
    public void The_same_message_is_the_same_mail_each_time()
    {
        var message = Messages.To("ada@example.org");
        Write(message, out _).ShouldBe(Write(message.Clone(), out _));
    }

    [Fact]
    public void A_relay_may_have_a_return_path_and_a_domain_of_its_own()
    {
        var wire = Write(Messages.To("ada@example.org"), out var envelope, new() { ReturnPath = "bounces@mail.example", MessageIdDomain = "mail.example" });

        envelope.Sender.ShouldBe("bounces@mail.example");
        wire.ShouldContain("@mail.example>\r\nDate: ");
        wire.ShouldContain("From: Shop <no-reply@shop.example>\r\n");
    }

    [Theory]
    [InlineData("no address", "", "ada@example.org", Scope.Message, "invalid_from")]
    [InlineData("Shop <a@b.example>\r\nBcc: x@y.example", "", "ada@example.org", Scope.Message, "invalid_from")]
    [InlineData("a@b.example", "nobody", "ada@example.org", Scope.Message, "invalid_reply_to")]
    [InlineData("a@b.example", "", "ada", Scope.Recipient, "invalid_address")]
    [InlineData("a@b.example", "", "ada@example.org> SIZE=1", Scope.Recipient, "invalid_address")]
    [InlineData("a@b.example", "", "Ada <ada@example.org>", Scope.Recipient, "invalid_address")]
    public void An_address_that_cannot_go_on_the_wire_is_refused(string from, string replyTo, string to, Scope scope, string reason) =>
        Fault(Messages.To(to, new EmailContent { From = from, ReplyTo = replyTo, Subject = "s", Text = "t" })).ShouldBe(Attempt.Rejected(scope, reason));

    [Fact]
    public void A_template_that_cannot_be_rendered_fails_its_message()
    {
        var fault = Fault(Messages.To("ada@example.org", Messages.Content("{{#if x}}")));
        (fault.Verdict, fault.Scope).ShouldBe((Verdict.Rejected, Scope.Message));
        fault.Reason.ShouldStartWith("template_syntax: ");
    }

    [Theory]
    [InlineData("", ".\r\n")]
    [InlineData("a\r\n", "a\r\n.\r\n")]
    [InlineData(".\r\n", "..\r\n.\r\n")]
    [InlineData("a\r\n.\r\n.b\r\n..\r\nc.\r\n", "a\r\n..\r\n..b\r\n...\r\nc.\r\n.\r\n")]
    public void A_dot_that_begins_a_line_is_doubled(string mail, string expected)
    {
        using var bytes = new ByteWriter();
        bytes.Write(mail);
        DotStuffing.Finish(bytes);
        Encoding.UTF8.GetString(bytes.Written.Span).ShouldBe(expected);
    }

    [Theory]
    [InlineData("http://relay.example", "", "", "neither smtp:")]
    [InlineData("smtp://relay.example", "user", "", "PasswordFile")]
    [InlineData("smtp://relay.example", "", "not an address", "ReturnPath")]
    public void Options_that_cannot_work_stop_the_start(string endpoint, string user, string returnPath, string fault) =>
        new SmtpOptionsValidator().Validate("lane", new SmtpOptions { Endpoint = new Uri(endpoint), User = user, ReturnPath = returnPath })
            .FailureMessage.ShouldNotBeNull().ShouldContain(fault);

    [Fact]
    public void Roots_that_are_not_there_yet_are_waited_for() =>
        new SmtpOptionsValidator().Validate("lane", new SmtpOptions { Endpoint = new Uri("smtp://relay.example"), TrustFile = "/no/such/file" }).Succeeded.ShouldBeTrue();

    [Theory]
    [InlineData("smtp://relay.example", false, false)]
    [InlineData("smtp://relay.example", true, false)]
    [InlineData("smtp://127.0.0.1", false, false)]
    [InlineData("smtp://127.0.0.1", true, true)]
    [InlineData("smtps://relay.example", false, true)]
    public void A_password_in_the_clear_stays_on_this_machine(string endpoint, bool plaintextAuth, bool good) =>
        new SmtpOptionsValidator().Validate("lane", new SmtpOptions { Endpoint = new Uri(endpoint), StartTls = StartTls.Off, User = "u", PasswordFile = "f", PlaintextAuth = plaintextAuth })
            .Succeeded.ShouldBe(good);

    [Theory]
    [InlineData("smtp://relay.example", 587)]
    [InlineData("smtps://relay.example", 465)]
    [InlineData("smtp://relay.example:25", 25)]
    public void A_port_that_is_not_named_is_the_submission_port(string endpoint, int port) => new SmtpOptions { Endpoint = new Uri(endpoint) }.Port.ShouldBe(port);
}
