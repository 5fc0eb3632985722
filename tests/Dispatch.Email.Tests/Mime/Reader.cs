using System.Text;
using System.Text.RegularExpressions;

namespace Dispatch.Email.Tests.Mime;

/// <summary>Reads a mail back as a receiver would: unfolds headers, decodes encoded words and bodies. Written from the RFCs, not from the writer.</summary>
sealed partial class Reader
{
    private Reader(List<(string Name, string Value)> headers, string body) => (Headers, Body) = (headers, body);

    public List<(string Name, string Value)> Headers { get; }

    /// <summary>As it stands on the wire.</summary>
    public string Body { get; }

    public string this[string name] => Headers.Single(header => header.Name == name).Value;

    public string Text => this["Content-Transfer-Encoding"] switch
    {
        "7bit" => Body,
        "base64" => Encoding.UTF8.GetString(Convert.FromBase64String(Body.Replace("\r\n", "", StringComparison.Ordinal))),
        "quoted-printable" => QuotedPrintable(Body),
        var other => throw new InvalidDataException(other),
    };

    public IReadOnlyList<Reader> Parts
    {
        get
        {
            var boundary = "--" + Boundary().Match(this["Content-Type"]).Groups[1].Value;
            var parts = ("\r\n" + Body).Split("\r\n" + boundary);
            parts[0].ShouldBe(""); // nothing before the first part
            parts[^1].ShouldBe("--\r\n");
            return [.. parts[1..^1].Select(part => Of(part[2..] + "\r\n"))];
        }
    }

    public static Reader Of(string wire)
    {
        var end = wire.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var lines = Fold().Replace(wire[..end], m => m.Value[2..]).Split("\r\n");
        return new(
            [.. lines.Select(line => (line[..line.IndexOf(": ", StringComparison.Ordinal)], line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]))],
            wire[(end + 4)..]);
    }

    public static string DecodeWords(string value) => EncodedWord().Replace(
        BetweenWords().Replace(value, "?==?"), m => Encoding.UTF8.GetString(Convert.FromBase64String(m.Groups[1].Value)));

    private static string QuotedPrintable(string body)
    {
        var bytes = new List<byte>();
        var text = body.Replace("=\r\n", "", StringComparison.Ordinal);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=')
            {
                bytes.Add(Convert.ToByte(text.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
            {
                bytes.Add((byte)text[i]);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    [GeneratedRegex("\r\n[ \t]")] private static partial Regex Fold();
    [GeneratedRegex("boundary=\"([^\"]+)\"")] private static partial Regex Boundary();
    [GeneratedRegex(@"=\?utf-8\?B\?([A-Za-z0-9+/=]*)\?=")] private static partial Regex EncodedWord();
    [GeneratedRegex(@"\?= =\?")] private static partial Regex BetweenWords();
}
