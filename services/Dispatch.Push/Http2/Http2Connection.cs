using Dispatch.Channels;

namespace Dispatch.Push.Http2;

/// <summary>
/// One connection: a wire, a session under a lock, one loop that reads, one that writes while there is something to write, and a sweep for deadlines and pings.
/// It never reconnects and never sends anything twice: that is the pool's and the dispatcher's to decide.
/// </summary>
sealed class Http2Connection : IThreadPoolWorkItem, IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly Http2Session session;
    private readonly Stream wire;
    private readonly Http2Options options;
    private readonly TimeProvider clock;
    private readonly ITimer sweep;
    private readonly TaskCompletionSource settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] output = new byte[65_536];
    private bool writing;
    private bool failed;
    private long heardAt;
    private long pingedAt; // 0: no ping is on its way
    private volatile int streamsMax;
    private volatile bool draining;

    private Http2Connection(Stream wire, Http2Options options, TimeProvider clock)
    {
        (this.wire, this.options, this.clock) = (wire, options, clock);
        session = new Http2Session(this, options.StreamsMax);
        heardAt = Now;
        sweep = clock.CreateTimer(_ => Sweep(), null, SweepEvery, SweepEvery);
    }

    /// <summary>The peer's limit of this moment.</summary>
    public int StreamsMax => streamsMax;

    /// <summary>No new streams: the peer said GOAWAY, or it was given up.</summary>
    public bool Draining => draining;

    /// <summary>Why the connection ended, as soon as it has; every exchange on it has ended before.</summary>
    public Task<string> Ended => ended.Task;

    public int Busy
    {
        get
        {
            lock (gate)
            {
                return session.Busy;
            }
        }
    }

    public string GoAwaySaid
    {
        get
        {
            lock (gate)
            {
                return session.GoAwaySaid;
            }
        }
    }

    private long Now => clock.GetTimestamp() / (clock.TimestampFrequency / 1_000);

    /// <summary>Says hello and waits for the peer's first SETTINGS, so that its limit is known before the first stream.</summary>
    /// <param name="wire">Owned from here on.</param>
    /// <exception cref="IOException">The peer hung up, or speaks something else.</exception>
    public static async Task<Http2Connection> OpenAsync(Stream wire, Http2Options options, TimeProvider clock, CancellationToken stop)
    {
        var connection = new Http2Connection(wire, options, clock);
        try
        {
            lock (connection.gate)
            {
                connection.session.Open();
                connection.Wake();
            }

            _ = connection.ReadAsync();
            await connection.settled.Task.WaitAsync(stop);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public ValueTask<Http2Answer> SendAsync(Http2Request request, Permit permit)
    {
        var exchange = new Http2Exchange(request, permit, Now + (long)options.Timeout.TotalMilliseconds);
        lock (gate)
        {
            session.Add(exchange);
            Wake();
        }

        return exchange.Task;
    }

    /// <summary>Takes nothing new; what is open may end well, then the connection closes.</summary>
    public void Retire()
    {
        lock (gate)
        {
            session.Drain();
            draining = true;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Fail("closed by us", ErrorCode.NoError);
        await Ended;
    }

    /// <summary>Under the lock. One writer at a time; what comes while it writes goes with its next round, which is what fills its buffers.</summary>
    private void Wake()
    {
        if (!writing && !failed)
        {
            writing = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = WriteAsync();

    private async Task WriteAsync()
    {
        try
        {
            while (true)
            {
                int count;
                lock (gate)
                {
                    count = failed ? 0 : session.Write(output);
                    if (count == 0)
                    {
                        writing = false;
                        return;
                    }
                }

                await wire.WriteAsync(output.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or Http2Exception)
        {
            Fail($"write: {e.Message}", ErrorCode.InternalError);
        }
    }

    private async Task ReadAsync()
    {
        var input = new byte[65_536];
        var filled = 0;
        try
        {
            while (true)
            {
                var count = await wire.ReadAsync(input.AsMemory(filled));
                if (count == 0)
                {
                    Fail("closed by peer", ErrorCode.NoError);
                    return;
                }

                filled += count;
                var consumed = Receive(input.AsSpan(0, filled));
                input.AsSpan(consumed, filled - consumed).CopyTo(input);
                filled -= consumed;
            }
        }
        catch (Http2Exception e)
        {
            Fail($"protocol: {e.Message}", e.Code);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            Fail($"read: {e.Message}", ErrorCode.InternalError);
        }
    }

    private int Receive(ReadOnlySpan<byte> bytes)
    {
        lock (gate)
        {
            var consumed = session.Read(bytes);
            heardAt = Now;
            streamsMax = session.StreamsMax;
            draining = session.Draining;
            if (consumed > 0)
            {
                settled.TrySetResult();
                Wake();
            }

            return consumed;
        }
    }

    private void Sweep()
    {
        lock (gate)
        {
            var now = Now;
            session.Sweep(now);
            if (session.PingAnswered)
            {
                pingedAt = 0;
            }

            var quiet = session.Busy > 0 ? options.PingAfterBusy : options.PingAfter;
            if (pingedAt == 0 && now - heardAt > quiet.TotalMilliseconds)
            {
                session.Ping();
                pingedAt = now;
            }

            if (!session.Drained && (pingedAt == 0 || now - pingedAt <= options.PingTimeout.TotalMilliseconds))
            {
                Wake();
                return;
            }
        }

        Fail(draining ? "drained" : "no answer to ping", ErrorCode.NoError);
    }

    private void Fail(string detail, ErrorCode code)
    {
        bool mayWrite;
        lock (gate)
        {
            if (failed)
            {
                return;
            }

            failed = draining = true;
            mayWrite = !writing;
            session.Fail("connection_lost");
        }

        sweep.Dispose();
        settled.TrySetException(new IOException(detail));
        _ = CloseAsync(detail, code, mayWrite);
    }

    private async Task CloseAsync(string detail, ErrorCode code, bool mayWrite)
    {
        try
        {
            if (mayWrite)
            {
                await wire.WriteAsync(output.AsMemory(0, session.Close(code, output))).AsTask().WaitAsync(TimeSpan.FromSeconds(1), clock);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or TimeoutException)
        {
            // A courtesy: whoever does not hear it sees the connection close.
        }

        await wire.DisposeAsync();
        ended.TrySetResult(detail);
    }
}
