using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>How far a conversation had come when the relay answered.</summary>
enum SmtpStage
{
    /// <summary>Banner, EHLO, STARTTLS.</summary>
    Connect,
    Auth,
    Mail,
    Rcpt,
    Data,

    /// <summary>The message was whole.</summary>
    Dot,
}

/// <summary>
/// What a relay's answer means: decided on the reply's class, the enhanced code (RFC 3463), else the three digits (RFC 5321 4.2.3), else its words.
/// An answer that is not listed is the relay's fault, not the recipient's. Only an answer that says that there is no such mailbox suppresses the address.
/// </summary>
static class SmtpVerdicts
{
    /// <summary>Greylisting wants the same relay, sender and recipient again after 5 to 15 minutes.</summary>
    public static readonly TimeSpan Greylisted = TimeSpan.FromMinutes(5);

    /// <summary>A relay that refuses us with its first word is asked again after so long.</summary>
    public static readonly TimeSpan TurnedAway = TimeSpan.FromMinutes(1);

    private static readonly string[] UnknownMailbox =
        ["user unknown", "unknown user", "no such user", "no such recipient", "does not exist", "doesn't exist", "mailbox not found", "invalid recipient", "unknown recipient"];

    public static Attempt Of(SmtpStage stage, SmtpReply reply, string recipient)
    {
        var reason = reply.Reason(recipient);
        return (stage, reply.Code) switch
        {
            (SmtpStage.Dot, >= 200 and < 300) => Attempt.Accepted(reply.QueueId()),
            (SmtpStage.Dot, < 400) => Attempt.Unknown($"unexpected {reason}"), // neither yes nor no
            (_, 421) => Attempt.Retry(Scope.Provider, reason),
            (SmtpStage.Connect, 554) => Attempt.Retry(Scope.Provider, reason, TurnedAway),
            (SmtpStage.Connect, _) => Attempt.Retry(Scope.Provider, reason),
            (_, 530 or 534 or 535 or 538) => Attempt.Retry(Scope.Credential, reason),
            (SmtpStage.Auth, >= 500) => Attempt.Retry(Scope.Credential, reason),
            (SmtpStage.Auth, _) => Attempt.Retry(Scope.Provider, reason),
            (_, >= 400 and < 500) => Transient(stage, reply, reason),
            (_, >= 500) => Permanent(stage, reply, reason),
            _ => Attempt.Retry(Scope.Provider, $"unexpected {reason}"),
        };
    }

    private static Attempt Transient(SmtpStage stage, SmtpReply reply, string reason) => (reply.Enhanced.Subject, reply.Enhanced.Detail, reply.Code) switch
    {
        (7, _, _) when stage >= SmtpStage.Rcpt => Attempt.Retry(Scope.Recipient, reason, Greylisted),
        (2, 0, _) => Attempt.Retry(Scope.Recipient, reason, Greylisted),
        (1 or 2, _, _) => Attempt.Retry(Scope.Recipient, reason),
        (4, _, _) when stage == SmtpStage.Rcpt => Attempt.Retry(Scope.Recipient, reason), // the way to its domain
        (5, 3, _) or (6, _, _) => Attempt.Retry(Scope.Message, reason),
        (>= 0, _, _) => Attempt.Retry(Scope.Provider, reason),
        _ when Says(reply, "greylist", "graylist", "grey-list") => Attempt.Retry(Scope.Recipient, reason, Greylisted),
        (_, _, 450) when stage == SmtpStage.Rcpt => Attempt.Retry(Scope.Recipient, reason),
        _ => Attempt.Retry(Scope.Provider, reason),
    };

    private static Attempt Permanent(SmtpStage stage, SmtpReply reply, string reason) => (reply.Enhanced.Subject, reply.Enhanced.Detail, reply.Code) switch
    {
        (1, 1 or 3 or 6 or 10, _) when stage is SmtpStage.Rcpt or SmtpStage.Dot => NoSuchMailbox(reason),
        (1, 7 or 8, _) => Attempt.Rejected(Scope.Message, reason), // the sender's address
        (1, _, _) => Attempt.Rejected(stage == SmtpStage.Mail ? Scope.Message : Scope.Recipient, reason),
        (2, 3, _) => Attempt.Rejected(Scope.Message, reason), // too long for that mailbox
        (2, _, _) => Attempt.Rejected(Scope.Recipient, reason), // full, disabled: may live again
        (3, 1 or 2 or 5, _) => Attempt.Retry(Scope.Provider, reason),
        (4, _, _) => Attempt.Rejected(Scope.Recipient, reason), // no way to its domain
        (7, 8 or 9 or 11 or 14, _) => Attempt.Retry(Scope.Credential, reason),
        (5, _, 503) or (-1, _, 503) => Attempt.Retry(Scope.Provider, reason), // the two ends disagree about where they are
        (>= 0, _, _) => Attempt.Rejected(Scope.Message, reason), // 5.3.4 too large, 5.5 protocol, 5.6 content, 5.7 policy: never the address's fault
        (_, _, 550 or 551 or 553) when stage == SmtpStage.Rcpt && Says(reply, UnknownMailbox) => NoSuchMailbox(reason),
        (_, _, >= 550 and <= 553) when stage == SmtpStage.Rcpt => Attempt.Rejected(Scope.Recipient, reason),
        _ => Attempt.Rejected(Scope.Message, reason),
    };

    private static Attempt NoSuchMailbox(string reason) => Attempt.Rejected(Scope.Recipient, reason) with { Suppress = true };

    private static bool Says(SmtpReply reply, params ReadOnlySpan<string> phrases)
    {
        foreach (var phrase in phrases)
        {
            if (reply.Text.Contains(phrase, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
