using System.Text;

namespace Dispatch.Email.Smtp;

/// <summary>What came is no SMTP; the connection is of no use any more.</summary>
sealed class SmtpProtocolException(string reason) : IOException(reason);

/// <summary>
/// Takes replies from a stream of bytes, one or many a read: pipelined answers come in one packet.
/// Promise: it never holds more than a line of 4 KiB and a reply of 64 KiB, whatever the other end sends; what is no reply is a <see cref="SmtpProtocolException"/>.
/// Source: RFC 5321 4.2, lines of 512 bytes there; some relays exceed it.
/// </summary>
sealed class SmtpReplyReader
{
    public const int LineLengthMax = 4096;
    public const int LinesMax = 128;
    private const int TextLengthMax = 64 * 1024;

    private readonly byte[] bytes = new byte[LineLengthMax];
    private readonly StringBuilder text = new();
    private int start;
    private int end;
    private int code;
    private int lines;

    /// <summary>Bytes that came after the last reply that was taken.</summary>
    public bool HasMore => end > start;

    /// <param name="keepText">Keep the words of a good reply too.</param>
    public bool TryTake(bool keepText, out SmtpReply reply)
    {
        reply = default;
        for (int length; (length = bytes.AsSpan(start, end - start).IndexOf((byte)'\n')) >= 0;)
        {
            var line = bytes.AsSpan(start, length);
            start += length + 1;
            if (Add(line is [.. var inner, (byte)'\r'] ? inner : line, keepText))
            {
                reply = Finish();
                return true;
            }
        }

        return false;
    }

    /// <exception cref="EndOfStreamException">The relay closed.</exception>
    public async ValueTask FillAsync(Stream from, CancellationToken stop)
    {
        if (start > 0)
        {
            bytes.AsSpan(start, end - start).CopyTo(bytes);
            (start, end) = (0, end - start);
        }

        if (end == bytes.Length)
        {
            throw new SmtpProtocolException("reply_line_too_long");
        }

        var read = await from.ReadAsync(bytes.AsMemory(end), stop);
        end += read > 0 ? read : throw new EndOfStreamException("connection_closed");
    }

    /// <returns>True: that was the last line.</returns>
    private bool Add(ReadOnlySpan<byte> line, bool keepText)
    {
        if (line.Length < 3 || !TryCode(line, out var lineCode) || (line.Length > 3 && line[3] is not ((byte)' ' or (byte)'-')) || (lines > 0 && lineCode != code))
        {
            throw new SmtpProtocolException("no_smtp_reply");
        }

        (code, lines) = (lineCode, lines + 1);
        if (lines > LinesMax || text.Length > TextLengthMax)
        {
            throw new SmtpProtocolException("reply_too_long");
        }

        if ((keepText || code >= 400) && line.Length > 4)
        {
            text.Append(text.Length > 0 ? "\n" : "").Append(Encoding.Latin1.GetString(line[4..]));
        }

        return line.Length == 3 || line[3] == ' ';
    }

    private SmtpReply Finish()
    {
        var words = text.ToString();
        var taken = EnhancedCode.TryParse(code, words, out var enhanced);
        if (taken > 0)
        {
            words = words.Replace($"\n{words.AsSpan(0, taken)} ", "\n", StringComparison.Ordinal)[taken..].TrimStart(' '); // each line of a reply repeats it
        }

        var reply = new SmtpReply(code, enhanced, words);
        text.Clear();
        lines = 0;
        return reply;
    }

    private static bool TryCode(ReadOnlySpan<byte> line, out int code)
    {
        code = 0;
        foreach (var digit in line[..3])
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            code = (code * 10) + digit - '0';
        }

        return code is >= 200 and < 600;
    }
}
