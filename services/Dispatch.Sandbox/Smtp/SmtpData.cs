namespace Dispatch.Sandbox.Smtp;

/// <summary>
/// Mail data as it comes in: dots unstuffed, and looked at as strict receivers do. A bare LF or CR is refused because a front that reads it as a line end would see
/// another message in it (SMTP smuggling).
/// </summary>
sealed class SmtpData
{
    public const int SizeMax = 10 * 1024 * 1024;

    /// <summary>With its CRLF; RFC 5321, 4.5.3.1.6.</summary>
    const int LineMax = 1000;

    readonly ByteBuffer content = new(16 * 1024);

    public ReadOnlySpan<byte> Content => content.Written;

    /// <summary>Octets that arrived, also those beyond <see cref="SizeMax"/>, which are not kept.</summary>
    public int Bytes { get; private set; }

    public bool IsWhole { get; private set; }

    public bool HasBareLineEnd { get; private set; }

    public bool HasLongLine { get; private set; }

    public bool HasEightBit { get; private set; }

    public void Clear()
    {
        content.Shrink(256 * 1024);
        content.Clear();
        Bytes = 0;
        (IsWhole, HasBareLineEnd, HasLongLine, HasEightBit) = (false, false, false, false);
    }

    /// <returns>How much was used: whole lines, up to the final dot.</returns>
    public int Take(ReadOnlySpan<byte> input)
    {
        var at = 0;
        while (!IsWhole)
        {
            var end = input[at..].IndexOf((byte)'\n');
            if (end < 0)
            {
                break;
            }

            Line(input.Slice(at, end + 1));
            at += end + 1;
        }

        return at;
    }

    void Line(ReadOnlySpan<byte> line)
    {
        if (line.SequenceEqual(".\r\n"u8))
        {
            IsWhole = true;
            return;
        }

        line = line[0] == '.' ? line[1..] : line;
        Bytes += line.Length;
        HasLongLine |= line.Length > LineMax;
        HasBareLineEnd |= line.IndexOf((byte)'\r') != line.Length - 2;
        HasEightBit |= line.IndexOfAnyInRange((byte)0x80, (byte)0xFF) >= 0;
        if (Bytes <= SizeMax)
        {
            content.Append(line);
        }
    }
}
