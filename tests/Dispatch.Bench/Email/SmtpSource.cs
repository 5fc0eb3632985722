using System.Diagnostics;

namespace Dispatch.Bench.Email;

/// <summary>Postfix's smtp-source: mails of 1 KB, all alike, as fast as the other end takes them.</summary>
static class SmtpSource
{
    public static Process Start(int port, int connections, long messages) => Process.Start(
        SmtpSink.Tool("smtp-source"),
        ["-d", "-s", $"{connections}", "-m", $"{messages}", "-l", "1024", "-f", "no-reply@shop.example", "-t", "ada@example.org", "-M", "client.example", $"127.0.0.1:{port}"]);
}
