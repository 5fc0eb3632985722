using System.Buffers;

namespace Dispatch.Sms;

/// <summary>How a text is carried, and in how many messages; each is paid for.</summary>
enum SmsCoding
{
    /// <summary>7 bits a character: 160, or 153 a part.</summary>
    Gsm7,

    /// <summary>16 bits a UTF-16 unit: 70, or 67 a part.</summary>
    Ucs2,
}

/// <summary>
/// Cuts a text into parts as phones and gateways do: one message of 140 octets, or parts of 134 that share a header of six (8-bit reference).
/// One character that GSM 7-bit lacks makes the whole text UCS-2. An escape pair (the euro sign, brackets, braces...) and a surrogate pair are never cut in two.
/// Source: 3GPP TS 23.038 6.2.1 (alphabet), TS 23.040 9.2.3.24 (user data header).
/// </summary>
static class Segments
{
    private static readonly SearchValues<char> Extension = SearchValues.Create("\f^{}\\[~]|€");
    private static readonly SearchValues<char> Gsm = SearchValues.Create(
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà" + "\f^{}\\[~]|€");

    public static SmsCoding CodingOf(ReadOnlySpan<char> text) => text.ContainsAnyExcept(Gsm) ? SmsCoding.Ucs2 : SmsCoding.Gsm7;

    /// <returns>At least 1: an empty text is a message too.</returns>
    public static int Count(string text) => Split(text).Count();

    /// <summary>The parts in their order; together they are the text.</summary>
    public static IEnumerable<Range> Split(string text)
    {
        var coding = CodingOf(text);
        var (whole, part) = coding == SmsCoding.Gsm7 ? (160, 153) : (70, 67);
        if (Enumerable.Range(0, text.Length).Sum(i => UnitsAt(text, i, coding)) <= whole)
        {
            yield return ..text.Length;
            yield break;
        }

        for (var start = 0; start < text.Length;)
        {
            var end = start;
            for (var used = 0; end < text.Length && used + UnitsTogether(text, end, coding) <= part; end += IsPair(text, end) ? 2 : 1)
            {
                used += UnitsTogether(text, end, coding);
            }

            yield return start..end;
            start = end;
        }
    }

    /// <summary>Septets or UTF-16 units of one char; an escape pair is one char and two septets.</summary>
    private static int UnitsAt(string text, int i, SmsCoding coding) => coding == SmsCoding.Gsm7 && Extension.Contains(text[i]) ? 2 : 1;

    /// <summary>Of the character that begins here.</summary>
    private static int UnitsTogether(string text, int i, SmsCoding coding) => IsPair(text, i) ? 2 : UnitsAt(text, i, coding);

    private static bool IsPair(string text, int i) => i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
}
