using System.Globalization;

namespace Dispatch.Email.Mime;

/// <summary>What a mail says, rendered, before it has a wire form.</summary>
/// <param name="MessageId">Without angle brackets: msg_...@domain.</param>
/// <param name="Html">Empty: the mail is text alone.</param>
/// <param name="Text">Empty: the mail is HTML alone.</param>
sealed record Mail(string MessageId, DateTimeOffset Date, Mailbox From, Mailbox To, Mailbox? ReplyTo, string Subject, string Html, string Text);

/// <summary>
/// A mail as RFC 5322 and MIME want it on the wire, before dot-stuffing. Pure: the same mail gives the same bytes, so an attempt that is repeated sends what was sent.
/// Promise: no value of the mail starts a header or a part of its own; every line ends with CRLF and has at most 998 bytes.
/// </summary>
static class MimeWriter
{
    public static void Write(ByteWriter to, Mail mail)
    {
        to.Write("Message-ID: <"u8);
        to.Write(mail.MessageId);
        to.Write(">\r\nDate: "u8);
        WriteDate(to, mail.Date);
        to.Write("\r\n"u8);
        HeaderWriter.Address(to, "From"u8, mail.From);
        HeaderWriter.Address(to, "To"u8, mail.To);
        if (mail.ReplyTo is not null)
        {
            HeaderWriter.Address(to, "Reply-To"u8, mail.ReplyTo);
        }

        HeaderWriter.Text(to, "Subject"u8, mail.Subject);
        to.Write("MIME-Version: 1.0\r\n"u8);
        if (mail.Html.Length > 0 && mail.Text.Length > 0)
        {
            WriteAlternatives(to, mail);
        }
        else
        {
            WritePart(to, mail.Html.Length > 0 ? "html"u8 : "plain"u8, mail.Html.Length > 0 ? mail.Html : mail.Text, Boundary(mail));
        }
    }

    /// <summary>Plain text first: the last that a reader understands is the one it shows. RFC 2046 5.1.4.</summary>
    private static void WriteAlternatives(ByteWriter to, Mail mail)
    {
        var boundary = Boundary(mail);
        to.Write("Content-Type: multipart/alternative; boundary=\""u8);
        to.Write(boundary);
        to.Write("\"\r\n\r\n"u8);
        WriteDelimiter(to, boundary, "\r\n"u8);
        WritePart(to, "plain"u8, mail.Text, boundary);
        WriteDelimiter(to, boundary, "\r\n"u8);
        WritePart(to, "html"u8, mail.Html, boundary);
        WriteDelimiter(to, boundary, "--\r\n"u8);
    }

    private static void WriteDelimiter(ByteWriter to, string boundary, ReadOnlySpan<byte> end)
    {
        to.Write("--"u8);
        to.Write(boundary);
        to.Write(end);
    }

    private static void WritePart(ByteWriter to, ReadOnlySpan<byte> subtype, string text, string boundary)
    {
        to.Write("Content-Type: text/"u8);
        to.Write(subtype);
        to.Write("; charset=utf-8\r\n"u8);
        TransferEncoding.WriteBody(to, text, boundary);
    }

    /// <summary>"=_" cannot occur in quoted-printable or base64; a text that holds the whole boundary as it is gets encoded.</summary>
    private static string Boundary(Mail mail) => string.Concat("=_", mail.MessageId.AsSpan(0, mail.MessageId.IndexOf('@', StringComparison.Ordinal)));

    private static void WriteDate(ByteWriter to, DateTimeOffset date)
    {
        date.TryFormat(to.GetSpan(29), out var written, "R", CultureInfo.InvariantCulture);
        to.Advance(written - 3); // "GMT" is the obsolete form of the zone
        to.Write("+0000"u8);
    }
}
