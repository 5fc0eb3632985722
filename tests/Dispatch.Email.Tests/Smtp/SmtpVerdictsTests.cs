using Dispatch.Contracts;
using Dispatch.Email.Smtp;

namespace Dispatch.Email.Tests.Smtp;

/// <summary>Row by row: the stage, the relay's answer, and what it means.</summary>
public class SmtpVerdictsTests
{
    [Theory]
    // 2xx after the dot: responsibility has passed.
    [InlineData("Dot", "250 2.0.0 Ok: queued as 4C8", Verdict.Accepted, Scope.Message)]
    [InlineData("Dot", "250 ok", Verdict.Accepted, Scope.Message)]
    // 421 at any time: the lane backs off.
    [InlineData("Connect", "421 4.3.2 shutting down", Verdict.Retry, Scope.Provider)]
    [InlineData("Mail", "421 4.7.0 too many connections", Verdict.Retry, Scope.Provider)]
    [InlineData("Rcpt", "421 4.4.2 bye", Verdict.Retry, Scope.Provider)]
    [InlineData("Dot", "421 4.3.0 try later", Verdict.Retry, Scope.Provider)]
    // Turned away with the first word.
    [InlineData("Connect", "554 5.7.1 no SMTP service here", Verdict.Retry, Scope.Provider, 60)]
    [InlineData("Connect", "550 blocked", Verdict.Retry, Scope.Provider)]
    [InlineData("Connect", "451 4.3.0 later", Verdict.Retry, Scope.Provider)]
    // Credentials hold the lane.
    [InlineData("Auth", "535 5.7.8 authentication failed", Verdict.Retry, Scope.Credential)]
    [InlineData("Auth", "534 5.7.9 mechanism too weak", Verdict.Retry, Scope.Credential)]
    [InlineData("Auth", "504 5.5.4 unknown mechanism", Verdict.Retry, Scope.Credential)]
    [InlineData("Auth", "454 4.7.0 temporary authentication failure", Verdict.Retry, Scope.Provider)]
    [InlineData("Mail", "530 5.7.0 authentication required", Verdict.Retry, Scope.Credential)]
    [InlineData("Mail", "530 5.7.0 must issue a STARTTLS command first", Verdict.Retry, Scope.Credential)]
    [InlineData("Rcpt", "550 5.7.8 credentials invalid", Verdict.Retry, Scope.Credential)]
    // 450, 451, 452: again later.
    [InlineData("Rcpt", "450 4.2.1 mailbox busy", Verdict.Retry, Scope.Recipient)]
    [InlineData("Rcpt", "450 mailbox busy", Verdict.Retry, Scope.Recipient)]
    [InlineData("Rcpt", "452 4.2.2 mailbox full", Verdict.Retry, Scope.Recipient)]
    [InlineData("Rcpt", "451 local error", Verdict.Retry, Scope.Provider)]
    [InlineData("Rcpt", "451 4.3.0 temporary lookup failure", Verdict.Retry, Scope.Provider)]
    [InlineData("Rcpt", "450 4.4.3 no answer from the domain's name server", Verdict.Retry, Scope.Recipient)]
    [InlineData("Mail", "452 4.3.1 insufficient storage", Verdict.Retry, Scope.Provider)]
    [InlineData("Rcpt", "452 4.5.3 too many recipients", Verdict.Retry, Scope.Message)]
    [InlineData("Dot", "451 4.6.0 cannot be scanned now", Verdict.Retry, Scope.Message)]
    [InlineData("Dot", "452 out of space", Verdict.Retry, Scope.Provider)]
    // Greylisting: the same again after five minutes.
    [InlineData("Rcpt", "450 4.2.0 greylisted, see http://postgrey.example", Verdict.Retry, Scope.Recipient, 300)]
    [InlineData("Rcpt", "451 4.7.1 please try again later", Verdict.Retry, Scope.Recipient, 300)]
    [InlineData("Dot", "451 4.7.1 greylisted", Verdict.Retry, Scope.Recipient, 300)]
    [InlineData("Rcpt", "451 Greylisted, come back in 5 minutes", Verdict.Retry, Scope.Recipient, 300)]
    [InlineData("Mail", "450 4.7.1 client host rejected", Verdict.Retry, Scope.Provider)]
    // Hard bounce: no such mailbox.
    [InlineData("Rcpt", "550 5.1.1 user unknown", Verdict.Rejected, Scope.Recipient, 0, true)]
    [InlineData("Dot", "550 5.1.1 user unknown", Verdict.Rejected, Scope.Recipient, 0, true)]
    [InlineData("Rcpt", "553 5.1.3 bad address syntax", Verdict.Rejected, Scope.Recipient, 0, true)]
    [InlineData("Rcpt", "551 5.1.6 has moved", Verdict.Rejected, Scope.Recipient, 0, true)]
    [InlineData("Rcpt", "556 5.1.10 domain takes no mail", Verdict.Rejected, Scope.Recipient, 0, true)]
    [InlineData("Rcpt", "550 No such user here", Verdict.Rejected, Scope.Recipient, 0, true)]
    // The address may be alive: not suppressed.
    [InlineData("Rcpt", "550 5.1.2 domain not found", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "550 5.1.0 address rejected", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "550 mailbox unavailable", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "552 5.2.2 over quota", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "552 storage exceeded", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "550 5.2.1 mailbox disabled", Verdict.Rejected, Scope.Recipient)]
    [InlineData("Rcpt", "550 5.4.4 no route to host", Verdict.Rejected, Scope.Recipient)]
    // The sender's address, size, content, policy: the message's fault, or its tenant's.
    [InlineData("Mail", "553 5.1.8 sender's domain not found", Verdict.Rejected, Scope.Message)]
    [InlineData("Mail", "550 5.1.0 sender rejected", Verdict.Rejected, Scope.Message)]
    [InlineData("Mail", "553 sender not allowed", Verdict.Rejected, Scope.Message)]
    [InlineData("Mail", "552 5.3.4 message too large", Verdict.Rejected, Scope.Message)]
    [InlineData("Dot", "552 5.2.3 too large for that mailbox", Verdict.Rejected, Scope.Message)]
    [InlineData("Dot", "552 too much mail data", Verdict.Rejected, Scope.Message)]
    [InlineData("Dot", "554 5.6.0 bad content", Verdict.Rejected, Scope.Message)]
    [InlineData("Rcpt", "550 5.7.1 relaying denied", Verdict.Rejected, Scope.Message)]
    [InlineData("Dot", "550 5.7.26 not authenticated: SPF and DKIM fail", Verdict.Rejected, Scope.Message)]
    [InlineData("Dot", "554 transaction failed", Verdict.Rejected, Scope.Message)]
    [InlineData("Rcpt", "554 rejected", Verdict.Rejected, Scope.Message)]
    [InlineData("Rcpt", "501 5.5.4 syntax error", Verdict.Rejected, Scope.Message)]
    // The relay's fault.
    [InlineData("Rcpt", "550 5.3.2 not accepting messages", Verdict.Retry, Scope.Provider)]
    [InlineData("Rcpt", "554 5.3.5 misconfigured", Verdict.Retry, Scope.Provider)]
    [InlineData("Data", "503 5.5.1 bad sequence of commands", Verdict.Retry, Scope.Provider)]
    [InlineData("Data", "503 bad sequence", Verdict.Retry, Scope.Provider)]
    [InlineData("Data", "250 ok", Verdict.Retry, Scope.Provider)]
    [InlineData("Dot", "354 go on", Verdict.Unknown, Scope.Provider)]
    public void Answer_means(string stage, string answer, Verdict verdict, Scope scope, int retryAfterSeconds = 0, bool suppress = false)
    {
        var code = int.Parse(answer[..3], null);
        var words = answer[4..];
        words = words[EnhancedCode.TryParse(code, words, out var enhanced)..].Trim();

        var attempt = SmtpVerdicts.Of(Enum.Parse<SmtpStage>(stage), new(code, enhanced, words), "ada@example.org");

        (attempt.Verdict, attempt.Scope).ShouldBe((verdict, scope));
        attempt.RetryAfter.ShouldBe(retryAfterSeconds > 0 ? TimeSpan.FromSeconds(retryAfterSeconds) : null);
        attempt.Suppress.ShouldBe(suppress);
        attempt.NothingLeft.ShouldBe(verdict is Verdict.Retry or Verdict.Rejected);
    }
}
