using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>Between whom a mail travels; each may stand in a command as it is (see <see cref="Mime.Mailbox"/>).</summary>
/// <param name="Id">msg_..., what a delivery report calls the mail.</param>
readonly record struct SmtpEnvelope(string Id, string Sender, string Recipient, bool NeedsUtf8);

/// <summary>
/// One mail: MAIL, RCPT, DATA, the mail, the dot. With PIPELINING in two writes, without it in four.
/// Promise: <see cref="MayBeWhole"/> is set before the bytes that end the mail are handed to the socket, and not earlier: before it the relay has nothing that it could deliver,
/// after it only a reply tells. The permit is asked before either write.
/// Source: RFC 5321 3.3, RFC 2920 3.1.
/// </summary>
sealed class SmtpTransaction(SmtpWire wire, SmtpOptions options, SmtpCapabilities capabilities)
{
    private const int BlockLength = 64 * 1024;
    private static readonly int EndLength = "\r\n.\r\n"u8.Length;

    private bool reset;

    public bool MayBeWhole { get; private set; }

    /// <summary>The relay, or we, are about to close the connection.</summary>
    public bool Closing { get; private set; }

    /// <summary>Replies to this mail so far.</summary>
    public int Answers { get; private set; }

    /// <summary>What the first refusal means, also when the relay hangs up in the middle of the rest.</summary>
    public Attempt? Refusal { get; private set; }

    /// <param name="mail">Dot-stuffed, with its final dot.</param>
    public async ValueTask<Attempt> RunAsync(SmtpEnvelope envelope, ReadOnlyMemory<byte> mail, Permit permit)
    {
        (MayBeWhole, Answers, Refusal) = (false, 0, null);
        if (!permit.Holds)
        {
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        var refused = capabilities.Pipelining ? await OpenAtOnceAsync(envelope, mail.Length) : await OpenInStepsAsync(envelope, mail.Length);
        if (refused is not null)
        {
            return refused;
        }

        while (mail.Length > BlockLength)
        {
            var block = Math.Min(BlockLength, mail.Length - EndLength);
            await wire.WriteAsync(mail[..block], options.BlockTimeout);
            mail = mail[block..];
        }

        if (!permit.Holds)
        {
            Closing = true; // without the dot the relay throws away what it has
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        MayBeWhole = true;
        await wire.WriteAsync(mail, options.BlockTimeout);
        var reply = await ReadAsync(options.FinalDotTimeout, keepText: true);
        return Verdict(SmtpStage.Dot, reply, envelope);
    }

    /// <returns>Null: the relay waits for the mail.</returns>
    private async ValueTask<Attempt?> OpenAtOnceAsync(SmtpEnvelope envelope, int size)
    {
        var resetting = reset;
        if (resetting)
        {
            wire.Out.Write("RSET\r\n"u8);
        }

        WriteMail(envelope, size);
        WriteRcpt(envelope);
        wire.Out.Write("DATA\r\n"u8);
        await wire.FlushAsync(options.CommandTimeout);

        // Answers come in the order of the commands, and all of them come, whatever the first one says; unless the relay closes.
        if (resetting && await ReadAsync(options.CommandTimeout) is { Closes: true } closing)
        {
            return Refused(SmtpStage.Mail, closing, envelope);
        }

        reset = false;
        if (await ReadAsync(options.CommandTimeout) is { IsPositive: false } mail)
        {
            Refused(SmtpStage.Mail, mail, envelope);
        }

        if (!Closing && await ReadAsync(options.CommandTimeout) is { IsPositive: false } rcpt)
        {
            Refused(SmtpStage.Rcpt, rcpt, envelope);
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

        return data.Code == 354 ? Refusal : Refused(SmtpStage.Data, data, envelope);
    }

    private async ValueTask<Attempt?> OpenInStepsAsync(SmtpEnvelope envelope, int size)
    {
        if (reset)
        {
            wire.Out.Write("RSET\r\n"u8);
            if (await AskAsync(options.CommandTimeout) is { IsPositive: false } reply)
            {
                return Refused(SmtpStage.Mail, reply, envelope);
            }

            reset = false;
        }

        WriteMail(envelope, size);
        if (await AskAsync(options.CommandTimeout) is { IsPositive: false } mail)
        {
            return Refused(SmtpStage.Mail, mail, envelope);
        }

        WriteRcpt(envelope);
        if (await AskAsync(options.CommandTimeout) is { IsPositive: false } rcpt)
        {
            return Refused(SmtpStage.Rcpt, rcpt, envelope);
        }

        wire.Out.Write("DATA\r\n"u8);
        return await AskAsync(options.DataTimeout) is { Code: not 354 } data ? Refused(SmtpStage.Data, data, envelope) : null;
    }

    private void WriteMail(SmtpEnvelope envelope, int size)
    {
        wire.Out.Write("MAIL FROM:<"u8);
        wire.Out.Write(envelope.Sender);
        wire.Out.Write(">"u8);
        if (capabilities.Size)
        {
            wire.Out.Write(" SIZE="u8);
            wire.Out.Write(size);
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

    private void WriteRcpt(SmtpEnvelope envelope)
    {
        wire.Out.Write("RCPT TO:<"u8);
        wire.Out.Write(envelope.Recipient);
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
    private Attempt Refused(SmtpStage stage, SmtpReply reply, SmtpEnvelope envelope)
    {
        reset = true;
        return Refusal ??= Verdict(stage, reply, envelope);
    }

    private static Attempt Verdict(SmtpStage stage, SmtpReply reply, SmtpEnvelope envelope) => SmtpVerdicts.Of(stage, reply, envelope.Recipient);
}
