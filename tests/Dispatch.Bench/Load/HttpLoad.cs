using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Dispatch.Bench.Load;

/// <summary>
/// POSTs over kept-alive HTTP/1.1 connections, one request in flight on each, written by hand: the generator shares the machine with what it measures, so it must
/// cost next to nothing. Counts an answer when it has read it whole.
/// </summary>
sealed class HttpLoad(int port, int connections, Func<long, ReadOnlyMemory<byte>> request)
{
    private long _sent;

    /// <summary>The number of the last request that left, from 1.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    public Task<HttpLoadResult> RunAsync(TimeSpan run, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        return RunAsync(() => Stopwatch.GetElapsedTime(since) < run, stop);
    }

    /// <summary>So many, however long it takes.</summary>
    public Task<HttpLoadResult> RunAsync(long requests, CancellationToken stop) => RunAsync(() => Interlocked.Decrement(ref requests) >= 0, stop);

    /// <summary>At an even pace, whatever the answers take: where all connections are busy, a request's latency counts from when it was due.</summary>
    public Task<HttpLoadResult> RunAsync(double perSecond, Func<bool> more, CancellationToken stop)
    {
        var (since, last) = (Stopwatch.GetTimestamp(), -1L);
        return RunAsync(NextAsync, stop);

        async ValueTask<long?> NextAsync()
        {
            var due = since + (long)(Interlocked.Increment(ref last) / perSecond * Stopwatch.Frequency);
            var early = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (early <= TimeSpan.Zero)
            {
                return more() ? due : null;
            }

            await Task.Delay(early, stop);
            return more() ? Stopwatch.GetTimestamp() : null; // a timer that is late is not the server's fault
        }
    }

    private Task<HttpLoadResult> RunAsync(Func<bool> more, CancellationToken stop) =>
        RunAsync(() => ValueTask.FromResult<long?>(more() ? Stopwatch.GetTimestamp() : null), stop);

    /// <param name="next">When the next request began, as soon as it may; null: there is none.</param>
    private async Task<HttpLoadResult> RunAsync(Func<ValueTask<long?>> next, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        var workers = Enumerable.Range(0, connections).Select(_ => WorkAsync(next, stop)).ToList();
        var results = await Task.WhenAll(workers);
        return new HttpLoadResult(
            results.Sum(it => it.Accepted), Stopwatch.GetElapsedTime(since), [.. results.SelectMany(it => it.Latencies)],
            results.SelectMany(it => it.Refused).GroupBy(it => it).ToDictionary(it => it.Key, it => it.Count()));
    }

    private async Task<(long Accepted, List<TimeSpan> Latencies, List<int> Refused)> WorkAsync(Func<ValueTask<long?>> next, CancellationToken stop)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), stop);
        var buffer = new byte[64 * 1024];
        var (accepted, latencies, refused) = (0L, new List<TimeSpan>(), new List<int>());
        while (await next() is { } began)
        {
            await socket.SendAsync(request(Interlocked.Increment(ref _sent)), SocketFlags.None, stop);
            var status = await AnswerAsync(socket, buffer, stop);
            latencies.Add(Stopwatch.GetElapsedTime(began));
            if (status == 202)
            {
                accepted++;
            }
            else
            {
                refused.Add(status);
            }
        }

        return (accepted, latencies, refused);
    }

    private static async Task<int> AnswerAsync(Socket socket, byte[] buffer, CancellationToken stop)
    {
        var filled = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled), SocketFlags.None, stop);
            if (read == 0)
            {
                throw new IOException("the server closed the connection");
            }

            filled += read;
            if (Whole(buffer.AsSpan(0, filled)))
            {
                return ((buffer[9] - '0') * 100) + ((buffer[10] - '0') * 10) + buffer[11] - '0';
            }
        }
    }

    private static bool Whole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return false;
        }

        var length = answer[..head].IndexOf("Content-Length: "u8);
        if (length < 0)
        {
            return answer[..head].IndexOf("chunked"u8) < 0 || answer.EndsWith("0\r\n\r\n"u8);
        }

        return Utf8Parser.TryParse(answer[(length + 16)..], out int body, out _) && answer.Length >= head + 4 + body;
    }
}

/// <param name="Refused">Answers other than 202, by status.</param>
sealed record HttpLoadResult(long Accepted, TimeSpan Elapsed, IReadOnlyList<TimeSpan> Latencies, IReadOnlyDictionary<int, int> Refused)
{
    public IReadOnlyList<string> Faults => [.. Refused.Select(it => $"{it.Value} answers {it.Key}")];
}
