using System.Net.Sockets;

namespace Dispatch.Sandbox.Http2;

/// <summary>
/// What a connection has to say, gathered under its lock and written by whoever flushes first: frames that come up during a write leave together in the next one.
/// </summary>
/// <param name="gate">The connection's lock; <see cref="Frames"/> is touched only under it.</param>
/// <param name="beforeLeaving">Called before each write, outside the lock: what must be on file when the answers are out.</param>
/// <param name="end">Closes the socket; called once, when all is written after <see cref="End"/>, or when the peer is gone.</param>
sealed class Http2Output(Stream stream, Lock gate, Action beforeLeaving, Action end)
{
    const int CongestedBytes = 1024 * 1024;
    const int KeptBytes = 256 * 1024;

    ByteBuffer pending = new(32 * 1024);
    ByteBuffer leaving = new(32 * 1024);
    TaskCompletionSource? drained;
    bool writing;
    bool ending;
    bool stopped; // for good

    public ByteBuffer Frames => pending;

    /// <summary>The client does not read: stop reading from it.</summary>
    public bool Congested => pending.Length > CongestedBytes;

    /// <summary>Nothing is written after what is pending now. Safe to call again.</summary>
    public void End()
    {
        lock (gate)
        {
            ending = true;
        }

        Flush();
    }

    public Task DrainAsync()
    {
        lock (gate)
        {
            if (!writing || stopped)
            {
                return Task.CompletedTask;
            }

            drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return drained.Task;
        }
    }

    /// <summary>Starts a write unless one is under way. Runs on the caller's thread as far as the socket takes it.</summary>
    public void Flush()
    {
        lock (gate)
        {
            if (writing || stopped || (pending.Length == 0 && !ending))
            {
                return;
            }

            writing = true;
        }

        _ = WriteAsync();
    }

    async Task WriteAsync()
    {
        try
        {
            while (Next() is { } frames)
            {
                beforeLeaving();
                await stream.WriteAsync(frames);
                leaving.Shrink(KeptBytes);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            Stop(); // the reader of this connection finds the same and says so
        }
    }

    ReadOnlyMemory<byte>? Next()
    {
        lock (gate)
        {
            leaving.Clear();
            if (pending.Length > 0)
            {
                (pending, leaving) = (leaving, pending);
                return leaving.Memory;
            }

            if (!ending)
            {
                writing = false;
                drained?.TrySetResult();
                drained = null;
                return null;
            }
        }

        Stop();
        return null;
    }

    /// <summary>`writing` stays set, so that nobody writes any more.</summary>
    void Stop()
    {
        lock (gate)
        {
            stopped = true;
            drained?.TrySetResult();
            drained = null;
        }

        end();
    }
}
