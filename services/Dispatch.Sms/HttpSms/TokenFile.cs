using System.Net.Http.Headers;
using System.Text;

namespace Dispatch.Sms.HttpSms;

/// <summary>The account's Basic credential, read again when its file changes. Thread-safe: a race reads the file twice.</summary>
sealed class TokenFile(string accountSid, string path)
{
    private volatile Entry? current;

    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    public AuthenticationHeaderValue Header()
    {
        var written = File.GetLastWriteTimeUtc(path); // the year 1601 where there is none; reading it then says so
        if (current is { } known && known.Written == written)
        {
            return known.Header;
        }

        var token = File.ReadAllText(path).Trim();
        var header = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{accountSid}:{token}")));
        current = new Entry(written, header);
        return header;
    }

    private sealed record Entry(DateTime Written, AuthenticationHeaderValue Header);
}
