using System.Buffers;
using System.Globalization;
using System.Text;

namespace Dispatch.Ingest.Messages;

/// <summary>
/// What an address looks like, and its one canonical form: two spellings of one address must not pass a cap or a suppression. Pure.
/// Sources: RFC 5321 section 4.1.2 and 4.5.3.1 (mailbox), RFC 1035 section 2.3.1 (domain), ITU-T E.164 (phone).
/// </summary>
static class AddressRules
{
    private const int LocalPartMax = 64;
    private const int DomainMax = 253;
    private const int DomainLabelMax = 63;

    private static readonly SearchValues<char> Atom =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.");

    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:~=-");

    private static readonly IdnMapping Idn = new();

    /// <summary>Domain in lower case and as A-labels; the local part as given, because only its own server knows what it ignores.</summary>
    public static string? Email(string text)
    {
        var at = text.LastIndexOf('@');
        if (at < 1 || at > LocalPartMax || !IsLocalPart(text.AsSpan(0, at)))
        {
            return null;
        }

        return Domain(text[(at + 1)..]) is { } domain ? $"{text.AsSpan(0, at)}@{domain}" : null;
    }

    public static string? Phone(string text) =>
        text.Length is >= 8 and <= 16 && text[0] == '+' && text[1] is >= '1' and <= '9' && !text.AsSpan(1).ContainsAnyExceptInRange('0', '9') ? text : null;

    /// <summary>What may stand in a URL path or a JSON string of the provider's without escaping; its true form is the provider's affair.</summary>
    public static string? Token(string text) => text.AsSpan().ContainsAnyExcept(TokenCharacters) ? null : text;

    private static bool IsLocalPart(ReadOnlySpan<char> local) =>
        !local.ContainsAnyExcept(Atom) && local[0] != '.' && local[^1] != '.' && !local.Contains("..", StringComparison.Ordinal);

    private static string? Domain(string text)
    {
        var domain = text;
        if (!Ascii.IsValid(text))
        {
            try
            {
                domain = Idn.GetAscii(text);
            }
            catch (ArgumentException)
            {
                return null;
            }
        }

        if (domain.Length is 0 or > DomainMax || !domain.Contains('.', StringComparison.Ordinal))
        {
            return null;
        }

        foreach (var range in domain.AsSpan().Split('.'))
        {
            if (!IsDomainLabel(domain.AsSpan(range)))
            {
                return null;
            }
        }

        return domain.ToLowerInvariant();
    }

    private static bool IsDomainLabel(ReadOnlySpan<char> label)
    {
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
            {
                return false;
            }
        }

        return label.Length is > 0 and <= DomainLabelMax && label[0] != '-' && label[^1] != '-';
    }
}
