using System.Buffers;
using System.Globalization;

namespace Dispatch.Ingest.Json;

static class Texts
{
    private static readonly SearchValues<char> Control = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Select(it => (char)it), '\u2028', '\u2029']);

    private static readonly SearchValues<char> Word = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

    private const int YearMin = 2000;

    private static readonly string[] TimeForms =
        ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>C0, DEL, C1, and the two separators that some readers take for line breaks.</summary>
    public static bool HasControl(ReadOnlySpan<char> text) => text.ContainsAny(Control);

    /// <summary>Letters, digits and . _ : - only: labels, names of apps.</summary>
    public static TextFault? IsWord(string text) =>
        text.AsSpan().ContainsAnyExcept(Word) ? new TextFault("invalid_characters", "has letters, digits and . _ : - only") : null;

    /// <summary>RFC 3339; the offset must be there, because a time without one means something else on every machine. Nothing of ours is older than this century.</summary>
    public static bool TryTime(string text, out DateTimeOffset time)
    {
        time = default;
        return text.Length is >= 20 and <= 40
            && (text[^1] is 'Z' || text[^6] is '+' or '-')
            && DateTimeOffset.TryParseExact(text, TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out time)
            && time.Year >= YearMin;
    }

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
