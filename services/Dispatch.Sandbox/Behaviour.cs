using System.Buffers.Text;
using System.Text;

namespace Dispatch.Sandbox;

enum Act
{
    /// <summary>Nothing special: taken at once.</summary>
    Accept,
    Retry,
    Busy,
    Dead,
    Stale,
    BadToken,
    Answer,
    AnswerAtDot,
    Greylist,
    Slow,
    Silent,
    Cut,
    CutBeforeDot,
    Undelivered,
    Failed,
    NoReceipt,
    Disordered,
    Doubled,
}

/// <summary>
/// What an address asks of the stand-in that gets it. It stands at the start of a push token or of an email's local part, ends with a hyphen and is followed by
/// anything; a phone number says it with its last six digits. Any other address: taken at once. An unknown or broken behaviour is just an address.
/// <code>
/// address                push (APNs / FCM)                          email (SMTP)
/// retry-N-x              503 N times, then taken                    451 4.3.0 at the final dot N times, then taken
/// busy-x, busy-N-x       429 always, or N times                     450 4.2.1 at RCPT always, or N times
/// token-410-x            410 Unregistered / 404 UNREGISTERED        -
/// token-404-x            the same
/// stale-410-x            410 whose timestamp lies in 2001           -
/// bad-device-token-x     400 BadDeviceToken / 400 FcmError          -
/// answer-S-Reason-x      status S, that reason                      code S, enhanced code Reason, at RCPT (421 closes)
/// dot-S-Reason-x         -                                          the same, at the final dot
/// greylist-x             -                                          451 4.7.1 at the first RCPT, then taken
/// slow-Nms-x             taken after N ms                           250 N ms after the final dot
/// silent-x, silent-N-x   never answered, not taken; or N times      the same, at the final dot
/// cut-x, cut-N-x         taken, then cut instead of an answer       the same, after the final dot
/// cut-before-dot-x       -                                          cut in the middle of DATA, nothing taken
///
/// last six digits        SMS gateway
/// 99000N                 503 N times (1 to 9), then taken
/// 990100 + k             400 with code 21211, 21610, 21614, 21408, 21612, 21617 for k = 0..5
/// 990129                 429, code 20429, always
/// 990130, 990131         401 code 20003, 403 code 20403
/// 990150, 990153         500 code 20500, 503 code 20503
/// 9902EE                 taken; receipts: sent, then undelivered with error 300EE
/// 9903EE                 taken; receipts: failed with error 300EE
/// 990400, 990401         never answered, not taken; taken and cut
/// 990402, 990403, 990404 taken; no receipts at all; delivered before sent; each receipt twice
/// 9905DD                 taken after DD times 100 ms
/// </code>
/// </summary>
/// <param name="Count">How many times: 0 is always. For <see cref="Act.Slow"/> milliseconds, for an answer the status, for receipts the error code.</param>
/// <param name="Reason">The provider's own word, for an answer; else empty.</param>
readonly record struct Behaviour(Act Act, int Count = 0, string Reason = "")
{
    public static readonly Behaviour None = new(Act.Accept);

    /// <summary>It is over when the message has come <see cref="Count"/> times.</summary>
    public bool IsCounted => Act is Act.Retry or Act.Busy or Act.Silent or Act.Cut or Act.Greylist;

    /// <summary>For push tokens and local parts. Allocates only when there is a reason to keep.</summary>
    public static Behaviour Of(ReadOnlySpan<byte> address)
    {
        if (address.Length < 4 || address.IndexOf((byte)'-') < 0)
        {
            return None;
        }

        return address[0] switch
        {
            (byte)'r' => Counted(address, "retry-"u8, Act.Retry, always: false),
            (byte)'b' when address.StartsWith("bad-device-token-"u8) => new(Act.BadToken),
            (byte)'b' => Counted(address, "busy-"u8, Act.Busy),
            (byte)'t' when address.StartsWith("token-410-"u8) || address.StartsWith("token-404-"u8) => new(Act.Dead),
            (byte)'a' => Answered(address, "answer-"u8, Act.Answer),
            (byte)'d' => Answered(address, "dot-"u8, Act.AnswerAtDot),
            (byte)'g' when address.StartsWith("greylist-"u8) => new(Act.Greylist, 1),
            (byte)'c' when address.StartsWith("cut-before-dot-"u8) => new(Act.CutBeforeDot),
            (byte)'c' => Counted(address, "cut-"u8, Act.Cut),
            (byte)'s' when address.StartsWith("stale-410-"u8) => new(Act.Stale),
            (byte)'s' when address.StartsWith("slow-"u8) => Slow(address[5..]),
            (byte)'s' => Counted(address, "silent-"u8, Act.Silent),
            _ => None,
        };
    }

    /// <param name="number">E.164, as posted.</param>
    public static Behaviour OfPhone(string number)
    {
        if (number.Length < 7 || !int.TryParse(number.AsSpan(number.Length - 6), out var last) || last / 10_000 != 99)
        {
            return None;
        }

        return (last / 100 % 100, last % 100) switch
        {
            (0, var times) when times is > 0 and < 10 => new(Act.Retry, times),
            (1, var k) when SmsRefusals.TryGetValue(k, out var refusal) => new(Act.Answer, refusal.Status, refusal.Code),
            (2, var error) => new(Act.Undelivered, 30_000 + error),
            (3, var error) => new(Act.Failed, 30_000 + error),
            (4, 0) => new(Act.Silent),
            (4, 1) => new(Act.Cut),
            (4, 2) => new(Act.NoReceipt),
            (4, 3) => new(Act.Disordered),
            (4, 4) => new(Act.Doubled),
            (5, var tenths) when tenths > 0 => new(Act.Slow, tenths * 100),
            _ => None,
        };
    }

    static readonly Dictionary<int, (int Status, string Code)> SmsRefusals = new()
    {
        [0] = (400, "21211"), [1] = (400, "21610"), [2] = (400, "21614"), [3] = (400, "21408"), [4] = (400, "21612"), [5] = (400, "21617"),
        [29] = (429, "20429"), [30] = (401, "20003"), [31] = (403, "20403"), [50] = (500, "20500"), [53] = (503, "20503"),
    };

    /// <summary>"word-x" is always, "word-N-x" N times.</summary>
    static Behaviour Counted(ReadOnlySpan<byte> address, ReadOnlySpan<byte> word, Act act, bool always = true)
    {
        if (!address.StartsWith(word))
        {
            return None;
        }

        var rest = address[word.Length..];
        if (Utf8Parser.TryParse(rest, out int times, out var digits) && times > 0 && digits < rest.Length && rest[digits] == '-')
        {
            return new(act, times);
        }

        return always ? new(act) : None;
    }

    /// <summary>"500ms-x"</summary>
    static Behaviour Slow(ReadOnlySpan<byte> rest) =>
        Utf8Parser.TryParse(rest, out int milliseconds, out var digits) && milliseconds > 0 && rest[digits..].StartsWith("ms-"u8) ? new(Act.Slow, milliseconds) : None;

    /// <summary>"answer-550-5.1.1-x"</summary>
    static Behaviour Answered(ReadOnlySpan<byte> address, ReadOnlySpan<byte> word, Act act)
    {
        if (!address.StartsWith(word) || address.Length < word.Length + 5)
        {
            return None;
        }

        var rest = address[word.Length..];
        var reason = rest[4..];
        var end = reason.IndexOf((byte)'-');
        return Utf8Parser.TryParse(rest[..3], out int status, out var digits) && digits == 3 && status is >= 200 and < 600 && rest[3] == '-' && end > 0
            ? new(act, status, Encoding.ASCII.GetString(reason[..end]))
            : None;
    }
}
