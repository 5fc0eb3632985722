using System.Text;
using Dispatch.Email.Smtp;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Email.Tests.Smtp;

public class SmtpReplyReaderTests
{
    /// <summary>Reads all replies of a stream that hands out its bytes in pieces of the given size.</summary>
    private static async Task<List<SmtpReply>> ReadAsync(string wire, int pieces = 4096)
    {
        using var stream = new Pieces(Encoding.Latin1.GetBytes(wire), pieces);
        var reader = new SmtpReplyReader();
        var replies = new List<SmtpReply>();
        while (true)
        {
            while (reader.TryTake(keepText: true, out var reply))
            {
                replies.Add(reply);
            }

            try
            {
                await reader.FillAsync(stream, CancellationToken.None);
            }
            catch (EndOfStreamException)
            {
                return replies;
            }
        }
    }

    [Theory]
    [InlineData("250 2.1.0 Ok\r\n", 250, 1, 0, "Ok")]
    [InlineData("250\r\n", 250, -1, -1, "")]
    [InlineData("250 \n", 250, -1, -1, "")]
    [InlineData("550 5.1.1 <a@b>: unknown\r\n", 550, 1, 1, "<a@b>: unknown")]
    [InlineData("550 4.1.1 class does not fit\r\n", 550, -1, -1, "4.1.1 class does not fit")]
    [InlineData("550 5.1.x odd\r\n", 550, -1, -1, "5.1.x odd")]
    [InlineData("550-5.7.26 first\r\n550-5.7.26 second\r\n550 5.7.26 third\r\n", 550, 7, 26, "first\nsecond\nthird")]
    [InlineData("250-relay\r\n250-SIZE 100\r\n250 DSN\r\n", 250, -1, -1, "relay\nSIZE 100\nDSN")]
    public async Task Reads(string wire, int code, int subject, int detail, string text)
    {
        foreach (var pieces in (int[])[1, 2, 7, 4096])
        {
            (await ReadAsync(wire, pieces)).ShouldBe([new SmtpReply(code, new(subject, detail), text)]);
        }
    }

    [Fact]
    public async Task Answers_that_come_in_one_packet_are_told_apart() =>
        (await ReadAsync("250 2.1.0 Ok\r\n550-5.1.1 no\r\n550 5.1.1 such\r\n354 go on\r\n")).Select(reply => reply.Code).ShouldBe([250, 550, 354]);

    [Theory]
    [InlineData("hello\r\n")]
    [InlineData("25\r\n")]
    [InlineData("\r\n")]
    [InlineData("999 odd\r\n")]
    [InlineData("150 odd\r\n")]
    [InlineData("2x0 odd\r\n")]
    [InlineData("250_odd\r\n")]
    [InlineData("250-one\r\n550 other\r\n")]
    public async Task What_is_no_reply_is_said_so(string wire) => await Should.ThrowAsync<SmtpProtocolException>(ReadAsync(wire));

    [Fact]
    public async Task A_line_that_never_ends_is_cut_off() => await Should.ThrowAsync<SmtpProtocolException>(ReadAsync("250 " + new string('x', 10_000)));

    [Fact]
    public async Task A_reply_that_never_ends_is_cut_off() =>
        await Should.ThrowAsync<SmtpProtocolException>(ReadAsync(string.Concat(Enumerable.Repeat("250-x\r\n", SmtpReplyReader.LinesMax + 1))));

    /// <summary>Any bytes, in any pieces: replies, or an IOException that says what is wrong; and the pieces make no difference.</summary>
    [Fact]
    public void Any_soup_of_bytes_is_read_or_refused_the_same_in_all_pieces()
    {
        var words = Gen.Elements("250", "-", " ", "\r\n", "\n", "\r", "5.1.1", "text", "550", "354", "2", "\0", "é", new string('z', 3000));
        Prop.ForAll(words.ArrayOf().Select(string.Concat).ToArbitrary(), Gen.Choose(1, 9).ToArbitrary(), (wire, pieces) =>
            Outcome(wire, pieces).ShouldBe(Outcome(wire, 4096))).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    private static string Outcome(string wire, int pieces)
    {
        try
        {
            return string.Join('|', ReadAsync(wire, pieces).GetAwaiter().GetResult());
        }
        catch (SmtpProtocolException)
        {
            return "refused";
        }
    }

    [Fact]
    public void A_reason_repeats_no_address()
    {
        var reply = new SmtpReply(550, new(1, 1), "<Ada.L@Example.org>: user ada.l unknown (mail to ada.l) \u0007 é");
        reply.Reason("ada.l@example.org").ShouldBe("550 5.1.1 <address> user <address> unknown (mail to <address> ? ?");
    }

    [Theory]
    [InlineData("Ok: queued as 4C8D2A1", "4C8D2A1")]
    [InlineData("OK id=1tXyZ-0001-Ab", "1tXyZ-0001-Ab")]
    [InlineData("Ok: queued as \u0007", "")]
    [InlineData("Thanks", "")]
    public void The_relays_own_name_for_a_mail(string text, string id) => new SmtpReply(250, EnhancedCode.None, text).QueueId().ShouldBe(id);

    [Fact]
    public void Capabilities_are_what_ehlo_says() => SmtpCapabilities.Parse("relay.example\npipelining\nSIZE 1024\nSTARTTLS\nAUTH PLAIN LOGIN XOAUTH2\nSMTPUTF8\nDSN\n8BITMIME")
        .ShouldBe(new SmtpCapabilities(true, true, true, true, true, 1024, true, true));

    [Fact]
    public void The_greeting_is_no_capability() => SmtpCapabilities.Parse("PIPELINING STARTTLS").ShouldBe(SmtpCapabilities.None);

    private sealed class Pieces(byte[] bytes, int size) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
