using Dispatch.Channels.Templates;
using Dispatch.Contracts;
using Dispatch.Email.Mime;

namespace Dispatch.Email.Smtp;

/// <summary>
/// A message as it goes on the wire; pure. Or why it cannot: a fault of the message or of its address, the same one each time.
/// </summary>
static class SmtpPayload
{
    /// <param name="to">Takes the mail, dot-stuffed and ended by its dot.</param>
    /// <returns>Null: the mail is written.</returns>
    public static Attempt? Write(ByteWriter to, Message message, SmtpOptions options, out SmtpEnvelope envelope)
    {
        envelope = default;
        var content = EmailContent.Parser.ParseFrom(message.Content);
        if (!Mailbox.TryParse(content.From, out var from))
        {
            return Attempt.Rejected(Scope.Message, "invalid_from");
        }

        Mailbox? replyTo = null;
        if (content.ReplyTo.Length > 0 && !Mailbox.TryParse(content.ReplyTo, out replyTo))
        {
            return Attempt.Rejected(Scope.Message, "invalid_reply_to");
        }

        if (!Mailbox.TryParse(message.Address.Value, out var recipient) || recipient.DisplayName.Length > 0)
        {
            return Attempt.Rejected(Scope.Recipient, "invalid_address");
        }

        var id = Id.From(message.MessageId.Span).ToText(IdPrefix.Message);
        try
        {
            var variables = Variables.Of(message);
            MimeWriter.Write(to, new Mail(
                $"{id}@{(options.MessageIdDomain.Length > 0 ? options.MessageIdDomain : from.Domain)}",
                DateTimeOffset.FromUnixTimeMilliseconds(message.AcceptedAt), // of the request, so that a repetition is the same mail
                from,
                recipient,
                replyTo,
                TemplateRenderer.Render(content.Subject, variables, Escape.Header),
                TemplateRenderer.Render(content.Html, variables, Escape.Html),
                TemplateRenderer.Render(content.Text, variables, Escape.Text)));
        }
        catch (TemplateException e)
        {
            return Attempt.Rejected(Scope.Message, e.Reason);
        }

        DotStuffing.Finish(to);
        var sender = options.ReturnPath.Length > 0 ? options.ReturnPath : from.Address;
        envelope = new(id, sender, recipient.Address, recipient.NeedsUtf8 || from.NeedsUtf8 || replyTo is { NeedsUtf8: true });
        return null;
    }
}

/// <summary>A line that begins with a dot gets a second one, so that none of them ends the mail. RFC 5321 4.5.2.</summary>
static class DotStuffing
{
    /// <summary>Stuffs in place, and ends the mail with its dot. The mail's own last line ends with CRLF.</summary>
    public static void Finish(ByteWriter mail)
    {
        if (mail.Written.Span is [(byte)'.', ..] || mail.Written.Span.IndexOf("\r\n."u8) >= 0)
        {
            var plain = mail.Written.Span.ToArray();
            mail.Clear();
            Stuff(mail, plain);
        }

        mail.Write(".\r\n"u8);
    }

    private static void Stuff(ByteWriter to, ReadOnlySpan<byte> plain)
    {
        if (plain is [(byte)'.', ..])
        {
            to.Write("."u8);
        }

        for (int dot; (dot = plain.IndexOf("\r\n."u8)) >= 0;)
        {
            to.Write(plain[..(dot + 3)]);
            to.Write("."u8);
            plain = plain[(dot + 3)..];
        }

        to.Write(plain);
    }
}
