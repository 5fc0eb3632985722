using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>
/// One mail: MAIL, RCPT, DATA, the mail, the dot. With PIPELINING in two writes, and the first of them may travel behind the dot of the mail before; without it in four.
/// Promise: <see cref="MayBeWhole"/> is set before the bytes that end the mail are handed to the socket, and not earlier: before it the relay has nothing that it could deliver,
/// after it only a reply tells. The permit is asked before either write, and no mail gets its dot when it is older than <see cref="BeforeDotMax"/>: with the longest wait for the
/// answer behind it that is the longest attempt that a cap's place reckons with.
/// Source: RFC 5321 3.3, RFC 2920 3.1 (a mail's content may be the first of a group of commands).
/// </summary>
/// <param name="next">Asked once a mail, when it leaves: what is to be asked of the relay along with it.</param>
sealed class SmtpTransaction(SmtpWire wire, SmtpOptions options, SmtpCapabilities capabilities, Func<SmtpJob?> next)
{
    public static readonly TimeSpan BeforeDotMax = TimeSpan.FromMinutes(1);

    private const int BlockLength = 64 * 1024;
    private const int CopiedMax = 16 * 1024; // copying costs less than a second write
    private static readonly int EndLength = "\r\n.\r\n"u8.Length;

    private bool reset;

    public bool MayBeWhole { get; private set; }

    /// <summary>The relay, or we, are about to close the connection.</summary>
    public bool Closing { get; private set; }

    /// <summary>Replies to this mail so far.</summary>
    public int Answers { get; private set; }

    /// <summary>What the first refusal means, also when the relay hangs up in the middle of the rest.</summary>
    public Attempt? Refusal { get; private set; }

    /// <summary>The mail whose envelope has left behind the last one's dot, and whose answers come next; nothing of it is whole.</summary>
    public SmtpJob? Ahead { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    public async ValueTask<Attempt> RunAsync(SmtpJob job)
    {
        (MayBeWhole, Answers, Refusal) = (false, 0, null);
        var asked = Ahead == job;
        Ahead = null;
        if (!job.TryLeave() || !job.Permit.Holds)
        {
            Closing = asked; // its envelope lies half open at the relay, and nothing will follow
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        var refused = capabilities.Pipelining ? await OpenAtOnceAsync(job, asked) : await OpenInStepsAsync(job);
        if (refused is not null)
        {
            return refused;
        }

        var mail = job.Mail;
        while (mail.Length > BlockLength)
        {
            var block = Math.Min(BlockLength, mail.Length - EndLength);
            await wire.WriteAsync(mail[..block], options.BlockTimeout);
            mail = mail[block..];
        }

        if (!job.Permit.Holds || job.Age > BeforeDotMax)
        {
            Closing = true; // without the dot the relay throws away what it has
            return job.Permit.Holds ? Attempt.Retry(Scope.Provider, "too_slow_before_final_dot") : Attempt.Retry(Scope.Message, Permit.Lost);
        }

        MayBeWhole = true;
        await EndAsync(mail);
        var reply = await ReadAsync(options.FinalDotTimeout, keepText: true);
        return Verdict(SmtpStage.Dot, reply, job);
    }

    /// <summary>The mail's last bytes, and behind them the next one's envelope.</summary>
    private async ValueTask EndAsync(ReadOnlyMemory<byte> mail)
    {
        if (mail.Length > CopiedMax)
        {
            await wire.WriteAsync(mail, options.BlockTimeout);
        }
        else
        {
            wire.Out.Write(mail.Span);
        }

        if (capabilities.Pipelining && (Ahead = next()) is { } ahead)
        {
            WriteEnvelope(ahead);
        }

        await wire.FlushAsync(options.BlockTimeout);
    }

    /// <returns>Null: the relay waits for the mail.</returns>
    private async ValueTask<Attempt?> OpenAtOnceAsync(SmtpJob job, bool asked)
    {
        var resetting = reset;
        if (resetting)
        {
            wire.Out.Write("RSET\r\n"u8);
        }

        if (!asked)
        {
            WriteEnvelope(job);
            await wire.FlushAsync(options.CommandTimeout);
        }

        // Answers come in the order of the commands, and all of them come, whatever the first one says; unless the relay closes.
        if (resetting && await ReadAsync(options.CommandTimeout) is { Closes: true } closing)
        {
            return Refused(SmtpStage.Mail, closing, job);
        }

        reset = false;
        if (await ReadAsync(options.CommandTimeout) is { IsPositive: false } mail)
        {
            Refused(SmtpStage.Mail, mail, job);
        }

        if (!Closing && await ReadAsync(options.CommandTimeout) is { IsPositive: false } rcpt)
        {
            Refused(SmtpStage.Rcpt, rcpt, job);
        }

        if (Closing)
        {
            return Refusal;
        }

        var data = await ReadAsync(options.DataTimeout);
        if (data.Code == 354 && Refusal is not null)
        {
            // It takes a mail for nobody. RFC 2920: give it an empty one, which it refuses.
            wire.Out.Write(".\r\n"u8);
            await wire.FlushAsync(options.CommandTimeout);
            await ReadAsync(options.CommandTimeout);
        }

        return data.Code == 354 ? Refusal : Refused(SmtpStage.Data, data, job);
    }

    private async ValueTask<Attempt?> OpenInStepsAsync(SmtpJob job)
    {
        if (reset)
        {
            wire.Out.Write("RSET\r\n"u8);
            if (await AskAsync(options.CommandTimeout) is { IsPositive: false } reply)
            {
                return Refused(SmtpStage.Mail, reply, job);
            }

            reset = false;
        }

        WriteMail(job);
        if (await AskAsync(options.CommandTimeout) is { IsPositive: false } mail)
        {
            return Refused(SmtpStage.Mail, mail, job);
        }

        WriteRcpt(job);
        if (await AskAsync(options.CommandTimeout) is { IsPositive: false } rcpt)
        {
            return Refused(SmtpStage.Rcpt, rcpt, job);
        }

        wire.Out.Write("DATA\r\n"u8);
        return await AskAsync(options.DataTimeout) is { Code: not 354 } data ? Refused(SmtpStage.Data, data, job) : null;
    }

    private void WriteEnvelope(SmtpJob job)
    {
        WriteMail(job);
        WriteRcpt(job);
        wire.Out.Write("DATA\r\n"u8);
    }

    private void WriteMail(SmtpJob job)
    {
        var envelope = job.Envelope;
        wire.Out.Write("MAIL FROM:<"u8);
        wire.Out.Write(envelope.Sender);
        wire.Out.Write(">"u8);
        if (capabilities.Size)
        {
            wire.Out.Write(" SIZE="u8);
            wire.Out.Write(job.Mail.Length);
        }

        if (envelope.NeedsUtf8)
        {
            wire.Out.Write(" SMTPUTF8"u8);
        }

        if (capabilities.Dsn)
        {
            wire.Out.Write(" RET=HDRS ENVID="u8);
            wire.Out.Write(envelope.Id);
        }

        wire.Out.Write("\r\n"u8);
    }

    private void WriteRcpt(SmtpJob job)
    {
        wire.Out.Write("RCPT TO:<"u8);
        wire.Out.Write(job.Envelope.Recipient);
        wire.Out.Write(capabilities.Dsn ? "> NOTIFY=FAILURE,DELAY\r\n"u8 : ">\r\n"u8);
    }

    private async ValueTask<SmtpReply> AskAsync(TimeSpan timeout)
    {
        await wire.FlushAsync(timeout);
        return await ReadAsync(timeout);
    }

    private async ValueTask<SmtpReply> ReadAsync(TimeSpan timeout, bool keepText = false)
    {
        var reply = await wire.ReadAsync(timeout, keepText);
        Answers++;
        Closing |= reply.Closes;
        return reply;
    }

    /// <summary>The first refusal is the one that counts. The transaction stays half open at the relay: the next one begins with RSET.</summary>
    private Attempt Refused(SmtpStage stage, SmtpReply reply, SmtpJob job)
    {
        reset = true;
        return Refusal ??= Verdict(stage, reply, job);
    }

    private static Attempt Verdict(SmtpStage stage, SmtpReply reply, SmtpJob job) => SmtpVerdicts.Of(stage, reply, job.Envelope.Recipient);
}
