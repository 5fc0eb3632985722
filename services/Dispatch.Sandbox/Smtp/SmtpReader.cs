using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>What a client sends, as lines and as mail data. One buffer, emptied at STARTTLS: what was sent before the handshake is not heard after it.</summary>
sealed class SmtpReader(Stream stream)
{
    /// <summary>RFC 5321, 4.5.3.1.4: 512, and more for the parameters of extensions.</summary>
    const int CommandMax = 4096;

    readonly byte[] buffer = new byte[64 * 1024];
    int at;
    int filled;

    /// <summary>A whole command is here already: the client pipelines.</summary>
    public bool HasLine => buffer.AsSpan(at, filled - at).Contains((byte)'\n');

    /// <returns>The line without its end; null: the client has closed.</returns>
    /// <exception cref="SmtpException">A line without end.</exception>
    public async ValueTask<string?> LineAsync(CancellationToken stop)
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

            if (!await MoreAsync(stop))
            {
                return null;
            }
        }
    }

    /// <summary>Reads up to the final dot.</summary>
    /// <returns>False: the client has closed before it.</returns>
    public async ValueTask<bool> DataAsync(SmtpData data, CancellationToken stop)
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

            if (!await MoreAsync(stop))
            {
                return false;
            }
        }
    }

    /// <returns>False: the client has closed.</returns>
    public async ValueTask<bool> MoreAsync(CancellationToken stop)
    {
        if (at > 0)
        {
            buffer.AsSpan(at, filled - at).CopyTo(buffer);
            (at, filled) = (0, filled - at);
        }

        var read = await stream.ReadAsync(buffer.AsMemory(filled), stop);
        filled += read;
        return read > 0;
    }

    public void Discard() => (at, filled) = (0, 0);
}

/// <summary>The session ends with this reply.</summary>
sealed class SmtpException(string reply) : Exception(reply);
