using System.Text;
using Dispatch.Email.Mime;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Email.Tests.Mime;

public class MimeWriterTests
{
    private static readonly Mail Plain = new(
        "msg_1@shop.example", DateTimeOffset.UnixEpoch, new("no-reply@shop.example", "Shop"), new("ada@example.org", ""), null, "Your code", "", "Hello\nthere\n");

    private static string Wire(Mail mail)
    {
        using var bytes = new ByteWriter();
        MimeWriter.Write(bytes, mail);
        return Encoding.UTF8.GetString(bytes.Written.Span);
    }

    [Fact]
    public void A_text_mail_to_the_letter() => Wire(Plain).ShouldBe(
        "Message-ID: <msg_1@shop.example>\r\n"
        + "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
        + "From: Shop <no-reply@shop.example>\r\n"
        + "To: <ada@example.org>\r\n"
        + "Subject: Your code\r\n"
        + "MIME-Version: 1.0\r\n"
        + "Content-Type: text/plain; charset=utf-8\r\n"
        + "Content-Transfer-Encoding: 7bit\r\n"
        + "\r\n"
        + "Hello\r\nthere\r\n");

    [Fact]
    public void Text_and_html_to_the_letter() => Wire(Plain with { Html = "<p>Zürich = schön</p>", ReplyTo = new("help@shop.example", "Ünïcode") }).ShouldBe(
        "Message-ID: <msg_1@shop.example>\r\n"
        + "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
        + "From: Shop <no-reply@shop.example>\r\n"
        + "To: <ada@example.org>\r\n"
        + "Reply-To: =?utf-8?B?w5xuw69jb2Rl?= <help@shop.example>\r\n"
        + "Subject: Your code\r\n"
        + "MIME-Version: 1.0\r\n"
        + "Content-Type: multipart/alternative; boundary=\"=_msg_1\"\r\n"
        + "\r\n"
        + "--=_msg_1\r\n"
        + "Content-Type: text/plain; charset=utf-8\r\n"
        + "Content-Transfer-Encoding: 7bit\r\n"
        + "\r\n"
        + "Hello\r\nthere\r\n"
        + "--=_msg_1\r\n"
        + "Content-Type: text/html; charset=utf-8\r\n"
        + "Content-Transfer-Encoding: base64\r\n"
        + "\r\n"
        + "PHA+WsO8cmljaCA9IHNjaMO2bjwvcD4NCg==\r\n"
        + "--=_msg_1--\r\n");

    [Theory]
    [InlineData("Shop", "From: Shop <a@b.example>\r\n")]
    [InlineData("Shop, Inc.", "From: \"Shop, Inc.\" <a@b.example>\r\n")]
    [InlineData("Shop \"Inc\"", "From: =?utf-8?B?U2hvcCAiSW5jIg==?= <a@b.example>\r\n")]
    [InlineData("=?utf-8?B?QQ==?=", "From: =?utf-8?B?PT91dGYtOD9CP1FRPT0/PQ==?= <a@b.example>\r\n")]
    [InlineData("a\r\nBcc: x@y", "From: =?utf-8?B?YSAgQmNjOiB4QHk=?= <a@b.example>\r\n")]
    public void A_display_name(string name, string header) => Wire(Plain with { From = new("a@b.example", name) }).ShouldContain(header);

    [Theory]
    [InlineData("plain ASCII", "7bit")]
    [InlineData("a line of 998", "7bit")]
    [InlineData("a line of 999", "quoted-printable")]
    [InlineData("a few ümlauts in a long enough line of text that is plain otherwise", "quoted-printable")]
    [InlineData("ελληνικά", "base64")]
    [InlineData("control \u0007 character", "quoted-printable")]
    [InlineData("the boundary --=_msg_1 itself", "quoted-printable")]
    public void The_shortest_encoding_that_can_carry_it(string text, string encoding)
    {
        var lines = text.EndsWith("998", StringComparison.Ordinal) ? new string('x', 998) : text.EndsWith("999", StringComparison.Ordinal) ? new string('x', 999) : text;
        var mail = Reader.Of(Wire(Plain with { Text = lines }));
        mail["Content-Transfer-Encoding"].ShouldBe(encoding);
        mail.Text.ShouldBe(lines + "\r\n");
    }

    [Theory]
    [InlineData("a\rb\nc\r\nd", "a\r\nb\r\nc\r\nd\r\n")]
    [InlineData("\n.\n", "\r\n.\r\n")]
    [InlineData("", "")]
    [InlineData("a\0b", "ab\r\n")]
    public void Lines_end_as_SMTP_wants_them(string text, string expected) => Reader.Of(Wire(Plain with { Text = text })).Text.ShouldBe(expected);

    [Fact]
    public void An_address_that_is_not_ascii_is_written_in_utf8() => Wire(Plain with { To = new("jörg@example.org", "") }).ShouldContain("To: <jörg@example.org>\r\n");

    /// <summary>The same headers and parts as of a harmless mail, whatever the strings hold, and each is read back as it was given.</summary>
    [Fact]
    public void No_input_injects_a_header_or_a_part()
    {
        var word = Gen.Elements(
            "a", " ", "  ", "\r", "\n", "\r\n", "\r\n\r\n", "\0", "\t", "Bcc: x@y\r\n", ".\r\n", "=?utf-8?B?QQ==?=", "--=_msg_1\r\n", "--=_msg_1--", "é", "😀", "\ud800", "\udc00",
            "\u2028", "\u0085", "<", ">", "\"", "\\", "=", ": ", new string('x', 100), "long words in a row that need a fold ", "<p>ü</p>");
        var text = word.ArrayOf().Select(string.Concat).Or(ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""));
        Prop.ForAll(text.Four().ToArbitrary(), of =>
        {
            var (name, subject, html, plain) = of;
            var wire = Wire(Plain with { From = Plain.From with { DisplayName = name }, Subject = subject, Html = $"h{html}", Text = $"t{plain}" });
            var mail = Reader.Of(wire);

            mail.Headers.Select(h => h.Name).ShouldBe(["Message-ID", "Date", "From", "To", "Subject", "MIME-Version", "Content-Type"]);
            Reader.DecodeWords(mail["Subject"]).ShouldBe(Shown(subject));
            mail.Parts.Select(part => part["Content-Type"]).ShouldBe(["text/plain; charset=utf-8", "text/html; charset=utf-8"]);
            mail.Parts[0].Text.ShouldBe(Lines($"t{plain}"));
            mail.Parts[1].Text.ShouldBe(Lines($"h{html}"));
            wire.ShouldNotContain('\0');
            wire.Replace("\r\n", "", StringComparison.Ordinal).ShouldNotContain(c => c == '\r' || c == '\n');
            wire.Split("\r\n").Max(line => Encoding.UTF8.GetByteCount(line)).ShouldBeLessThanOrEqualTo(998);
            wire[..wire.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Split("\r\n").ShouldAllBe(line => line.Length <= 78 && line.Trim().Length > 0);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    private static string Shown(string header) => Unicode(string.Concat(header.Select(c => c is < ' ' or '\x7f' ? ' ' : c)));

    private static string Lines(string text)
    {
        var lines = Unicode(text.Replace("\0", "", StringComparison.Ordinal).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n')).Replace("\n", "\r\n", StringComparison.Ordinal);
        return lines.EndsWith("\r\n", StringComparison.Ordinal) ? lines : lines + "\r\n";
    }

    private static string Unicode(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
