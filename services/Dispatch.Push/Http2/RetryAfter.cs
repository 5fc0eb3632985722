using System.Globalization;

namespace Dispatch.Push.Http2;

/// <summary>The header of that name: seconds, or a date. Source: RFC 9110, section 10.2.3.</summary>
static class RetryAfter
{
    /// <summary>A wait that is longer than any message lives; keeps a hostile number out of date arithmetic.</summary>
    private static readonly TimeSpan Max = TimeSpan.FromDays(28);

    /// <returns>Null: there is none, or none that can be read.</returns>
    public static TimeSpan? Parse(string header, DateTimeOffset now)
    {
        if (header.Length == 0)
        {
            return null;
        }

        if (long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return TimeSpan.FromSeconds(Math.Min(seconds, (long)Max.TotalSeconds));
        }

        if (DateTimeOffset.TryParseExact(header, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
        {
            return at <= now ? TimeSpan.Zero : at - now < Max ? at - now : Max;
        }

        return null;
    }
}
