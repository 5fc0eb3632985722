using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Text;
using Dispatch.Sandbox.Http2;
using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox.Smtp;

/// <summary>What a relay makes of a mail whose final dot has come.</summary>
readonly record struct SmtpVerdict(Fate Fate, string Reply, bool Accepted, int DelayMs);

/// <summary>One relay: its switches, its user, its opinion of addresses (<see cref="Behaviour"/>) and its receipts, one for each recipient of a mail.</summary>
sealed class SmtpRelay(Provider provider, SandboxOptions options, SmtpAuth auth, SslStreamCertificateContext certificate)
{
    public Provider Provider => provider;

    public SandboxOptions Options => options;

    public SmtpAuth Auth => auth;

    public SslStreamCertificateContext Certificate => certificate;

    /// <returns>Null: the recipient is taken.</returns>
    public string? AtRecipient(string from, string address, Behaviour asked)
    {
        var next = provider.Next(asked, from, address);
        return next.Act switch
        {
            Act.Busy => "450 4.2.1 mailbox busy",
            Act.Greylist => "451 4.7.1 greylisted, try again later",
            Act.Answer when next.Count >= 400 => Answer(next),
            _ => null,
        };
    }

    public SmtpVerdict AtDot(SmtpTransaction mail)
    {
        var settings = provider.Settings;
        var delay = settings.LatencyMs;
        if (settings.Mode == Mode.Mute)
        {
            return new SmtpVerdict(Fate.Silence, "", Accepted: false, 0);
        }

        var refusal = mail.DataFault ?? (provider.FailsNow() ? "451 4.3.0 local error, try again later" : null);
        var fate = Fate.Answer;
        var messageId = mail.MessageId();
        foreach (var (address, asked) in mail.Recipients)
        {
            if (asked.Act is not (Act.Accept or Act.Busy or Act.Greylist))
            {
                var next = provider.Next(asked, messageId, address);
                refusal ??= next.Act switch
                {
                    Act.Retry => "451 4.3.0 try again later",
                    Act.AnswerAtDot when next.Count >= 400 => Answer(next),
                    _ => null,
                };
                fate = next.Act switch { Act.Silent => Fate.Silence, Act.Cut => Fate.Cut, _ => fate };
                delay += next.Act == Act.Slow ? next.Count : 0;
            }
        }

        return refusal is not null
            ? new SmtpVerdict(Fate.Answer, refusal, Accepted: false, delay)
            : new SmtpVerdict(fate, $"250 2.0.0 ok: queued as {RandomNumberGenerator.GetHexString(12)}", Accepted: fate != Fate.Silence, delay);
    }

    public void Record(SmtpTransaction mail, SmtpVerdict verdict, bool answered)
    {
        var messageId = mail.MessageId();
        var words = verdict.Reply.Split(' ', 3);
        foreach (var (address, _) in mail.Recipients)
        {
            provider.Record(new Receipt
            {
                Lane = provider.Name,
                MessageId = messageId,
                Recipient = Encoding.UTF8.GetBytes(address),
                Accepted = verdict.Accepted,
                Answered = answered,
                Delivered = provider.Settings.Mode != Mode.Swallow,
                Status = words[0],
                Reason = verdict.Accepted || words.Length < 3 ? "" : words[1],
                Bytes = mail.Data.Bytes,
            });
        }
    }

    /// <summary>A reason that is no enhanced code is left out: some relays send none.</summary>
    static string Answer(Behaviour asked)
    {
        var code = asked.Count.ToString(CultureInfo.InvariantCulture);
        var isEnhanced = asked.Reason.Split('.') is { Length: 3 } parts && parts.All(part => part.Length is > 0 and < 4 && part.All(char.IsAsciiDigit));
        return isEnhanced ? $"{code} {asked.Reason} as the address asks" : $"{code} as the address asks";
    }
}
