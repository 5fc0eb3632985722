using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Dispatch.Channels;
using Microsoft.Extensions.Logging;

namespace Dispatch.Push.Http2;

/// <summary>
/// The connections to one endpoint. Connects when there is something to send, again at once when the peer says GOAWAY, and after a failure not before its
/// back-off ends: until then an attempt is told so, and nothing has left. An attempt is never moved or repeated here.
/// </summary>
sealed class Http2Pool(string lane, Uri endpoint, Http2Options options, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource stopping = new();
    private Http2Connection[] usable = []; // replaced, never changed
    private readonly HashSet<Http2Connection> all = []; // the draining ones too
    private Task<Connected>? connecting;
    private int failures;
    private long notBefore; // a timestamp: a clock that is set back must not prolong a back-off

    /// <summary>
    /// How many may be in flight now. Without a connection it is one: that one opens it, authenticates it, and brings the peer's true limit
    /// (APNs allows a single stream until it has seen a valid token).
    /// </summary>
    public int InFlightMax
    {
        get
        {
            var sum = 0;
            foreach (var connection in usable)
            {
                sum += connection.Draining ? 0 : connection.StreamsMax;
            }

            return Math.Max(1, sum);
        }
    }

    /// <summary>How long the endpoint is to be left alone; null: it is not.</summary>
    public TimeSpan? Pause => clock.GetElapsedTime(clock.GetTimestamp(), Volatile.Read(ref notBefore)) is { Ticks: > 0 } rest ? rest : null;

    public async ValueTask<Http2Answer> SendAsync(Http2Request request, Permit permit)
    {
        if (Freest() is { } connection)
        {
            return await connection.SendAsync(request, permit);
        }

        var connected = await ConnectAsync(1);
        return connected.Connection is { } fresh
            ? await fresh.SendAsync(request, permit)
            : new Http2Answer(Http2End.NothingLeft, connected.Fault);
    }

    /// <summary>Gives a connection up, as the peer asked: what is open on it may end well, new attempts go over a new one.</summary>
    public void Replace(Http2Connection connection)
    {
        connection.Retire();
        Remove(connection);
        _ = ConnectAsync(1);
    }

    public async ValueTask DisposeAsync()
    {
        if (stopping.IsCancellationRequested)
        {
            return;
        }

        await stopping.CancelAsync();
        Http2Connection[] rest;
        lock (gate)
        {
            usable = [];
            rest = [.. all];
        }

        foreach (var connection in rest)
        {
            await connection.DisposeAsync();
        }

        stopping.Dispose();
    }

    private Http2Connection? Freest()
    {
        Http2Connection? best = null;
        var room = int.MinValue;
        var connections = usable;
        foreach (var connection in connections)
        {
            if (connection.Draining)
            {
                continue;
            }

            var free = connections.Length == 1 && options.Connections == 1 ? 0 : connection.StreamsMax - connection.Busy;
            if (best is null || free > room)
            {
                (best, room) = (connection, free);
            }
        }

        // A limit of one is a door that opens with the first answer: no reason to knock at another.
        if (best is { StreamsMax: > 1 } && room <= 1 && connections.Length < options.Connections)
        {
            _ = ConnectAsync(connections.Length + 1);
        }

        return best;
    }

    /// <summary>One at a time, whoever asks; the others wait for the same connection.</summary>
    /// <param name="wanted">How many connections there should be: another may have been opened since the caller looked.</param>
    private Task<Connected> ConnectAsync(int wanted)
    {
        lock (gate)
        {
            if (stopping.IsCancellationRequested)
            {
                return Task.FromResult(new Connected(null, "closed"));
            }

            if (connecting is { IsCompleted: false })
            {
                return connecting;
            }

            var taking = usable.Where(connection => !connection.Draining).ToList();
            if (taking.Count >= wanted)
            {
                return Task.FromResult(new Connected(taking[^1], ""));
            }

            if (Pause is not null)
            {
                return Task.FromResult(new Connected(null, "connection_backoff"));
            }

            return connecting = OpenAsync();
        }
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The connection owns its wire, whether it comes to be or not.")]
    private async Task<Connected> OpenAsync()
    {
        await Task.Yield(); // the caller holds the lock
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        patience.CancelAfter(options.ConnectTimeout);
        try
        {
            var connection = await Http2Connection.OpenAsync(await Tls.ConnectAsync(endpoint, options.TrustFile, patience.Token), options, clock, patience.Token);
            bool late;
            lock (gate)
            {
                failures = 0;
                late = stopping.IsCancellationRequested;
                if (!late)
                {
                    usable = [.. usable, connection];
                    all.Add(connection);
                }
            }

            if (late)
            {
                await connection.DisposeAsync();
                return new Connected(null, "closed");
            }

            PushMetrics.Connections.Add(1, new KeyValuePair<string, object?>("lane", lane));
            log.Connected(lane, connection.StreamsMax);
            _ = WatchAsync(connection);
            return new Connected(connection, "");
        }
        catch (Exception e) when (FaultOf(e) is not null)
        {
            var fault = FaultOf(e)!;
            Volatile.Write(ref notBefore, clock.GetTimestamp() + (long)(Backoff(failures++).TotalSeconds * clock.TimestampFrequency));
            log.ConnectFailed(lane, fault, e.Message, Pause ?? TimeSpan.Zero);
            return new Connected(null, fault);
        }
    }

    private async Task WatchAsync(Http2Connection connection)
    {
        var why = await connection.Ended;
        Remove(connection);
        lock (gate)
        {
            all.Remove(connection);
        }

        PushMetrics.Connections.Add(-1, new KeyValuePair<string, object?>("lane", lane));
        log.ConnectionEnded(lane, why, connection.GoAwaySaid);
    }

    private void Remove(Http2Connection connection)
    {
        lock (gate)
        {
            usable = [.. usable.Where(other => other != connection)];
        }
    }

    private static TimeSpan Backoff(int failures)
    {
        var step = Math.Min(BackoffMin.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 16)), BackoffMax.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(step * RandomNumberGenerator.GetInt32(500, 1_001) / 1_000);
    }

    private static string? FaultOf(Exception e) => e switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "connection_refused",
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } => "name_resolution",
        SocketException => "connect_failed",
        AuthenticationException => "tls_failed",
        OperationCanceledException => "connect_timeout",
        ObjectDisposedException => "closed",
        UnauthorizedAccessException => "connect_failed", // the trust file
        IOException => "connect_failed",
        _ => null,
    };

    private readonly record struct Connected(Http2Connection? Connection, string Fault);
}
