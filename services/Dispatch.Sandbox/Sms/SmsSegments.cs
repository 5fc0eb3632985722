using System.Buffers;

namespace Dispatch.Sandbox.Sms;

/// <summary>How many parts a gateway would bill for a text: 3GPP TS 23.038 and 23.040, parts joined by a header of six octets. Counted here by the stand-in's own rules.</summary>
static class SmsSegments
{
    static readonly SearchValues<char> Extended = SearchValues.Create("\f^{}\\[~]|€");

    static readonly SearchValues<char> Gsm = SearchValues.Create(
        "\f^{}\\[~]|€@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");

    public static int Count(string text)
    {
        var isGsm = !text.AsSpan().ContainsAnyExcept(Gsm);
        var (whole, part) = isGsm ? (160, 153) : (70, 67);
        var (segments, used, total) = (1, 0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            var units = isGsm
                ? Extended.Contains(text[i]) ? 2 : 1
                : char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1; // neither an escape nor a pair is ever split
            i += !isGsm && units == 2 ? 1 : 0;
            total += units;
            if (used + units > part)
            {
                segments++;
                used = 0;
            }

            used += units;
        }

        return total <= whole ? 1 : segments;
    }
}
