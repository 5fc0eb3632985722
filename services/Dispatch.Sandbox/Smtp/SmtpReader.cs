using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>What a client sends, as lines and as mail data. One buffer, emptied at STARTTLS: what was sent before the handshake is not heard after it.</summary>
sealed class SmtpReader(Stream stream, CancellationToken stop)
{
    /// <summary>RFC 5321, 4.5.3.2.7: what a server waits for the client's next move.</summary>
    static readonly TimeSpan IdleMax = TimeSpan.FromMinutes(5);

    /// <summary>RFC 5321, 4.5.3.1.4: 512, and more for the parameters of extensions.</summary>
    const int CommandMax = 4096;

    readonly byte[] buffer = new byte[64 * 1024];
    int at;
    int filled;

    /// <summary>A whole command is here already: the client pipelines.</summary>
    public bool HasLine => buffer.AsSpan(at, filled - at).Contains((byte)'\n');

    /// <returns>The line without its end; null: the client has closed.</returns>
    /// <exception cref="SmtpException">A line without end.</exception>
    public async ValueTask<string?> LineAsync()
    {
        while (true)
        {
            var end = buffer.AsSpan(at, filled - at).IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = buffer.AsSpan(at, end);
                at += end + 1;
                return Encoding.UTF8.GetString(line.EndsWith("\r"u8) ? line[..^1] : line);
            }

            if (filled - at > CommandMax)
            {
                throw new SmtpException("500 5.5.2 line too long");
            }

            if (!await MoreAsync())
            {
                return null;
            }
        }
    }

    /// <summary>Reads up to the final dot.</summary>
    /// <returns>False: the client has closed before it.</returns>
    public async ValueTask<bool> DataAsync(SmtpData data)
    {
        while (true)
        {
            at += data.Take(buffer.AsSpan(at, filled - at));
            if (data.IsWhole)
            {
                return true;
            }

            if (filled - at == buffer.Length)
            {
                throw new SmtpException("500 5.5.2 line of data too long");
            }

            if (!await MoreAsync())
            {
                return false;
            }
        }
    }

    /// <param name="over">Ends the wait early, as if the client had closed.</param>
    /// <returns>False: the client has closed.</returns>
    /// <exception cref="SmtpException">It has been silent for too long.</exception>
    public async ValueTask<bool> MoreAsync(CancellationToken over = default)
    {
        if (at > 0)
        {
            buffer.AsSpan(at, filled - at).CopyTo(buffer);
            (at, filled) = (0, filled - at);
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop, over);
        patience.CancelAfter(IdleMax);
        try
        {
            var read = await stream.ReadAsync(buffer.AsMemory(filled), patience.Token);
            filled += read;
            return read > 0;
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return false;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new SmtpException("421 4.4.2 timed out waiting for you");
        }
    }

    public void Discard() => (at, filled) = (0, 0);
}

/// <summary>The session ends with this reply.</summary>
sealed class SmtpException(string reply) : Exception(reply);
