using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Sandbox.Oracle;

/// <summary>
/// Promise: when an answer has left, its receipt is in the file, also if the process is killed a moment later: whoever sends the answers first hands the lines of the
/// whole batch to the kernel, in one write that never waits for the disk. Receipts without an answer follow within 50 ms.
/// When it breaks (disk full), lines wait in memory and are tried again, and when there is no more room for them, answers wait: an oracle may be slow, it may not lie.
/// </summary>
sealed class OracleFile : IDisposable
{
    const int WaitingBytesMax = 64 * 1024 * 1024;

    readonly Lock gate = new();    // of the lines
    readonly Lock writing = new(); // of the file; taken first
    readonly ManualResetEventSlim room = new(initialState: true);
    readonly OracleWriter writer;
    readonly byte[] provider;
    readonly SafeFileHandle file;
    long end; // where the next line goes: a write that failed half-way is written over
    ByteBuffer waiting = new(64 * 1024);
    ByteBuffer leaving = new(64 * 1024); // under `writing`

    /// <param name="path">Appended to when it exists. A last line that was torn by a kill stays, alone on its line; readers pass over it.</param>
    public OracleFile(string path, string provider, OracleWriter writer)
    {
        this.writer = writer;
        this.provider = Encoding.UTF8.GetBytes(provider);
        Path = path;
        file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        end = RandomAccess.GetLength(file);
        if (EndsInsideALine())
        {
            RandomAccess.Write(file, "\n"u8, end++);
        }
    }

    public string Path { get; }

    public void Append(in Receipt receipt)
    {
        room.Wait(); // set but for a disk that has been full for a long time
        bool wake;
        lock (gate)
        {
            wake = waiting.Length == 0;
            Line(waiting, receipt);
            if (waiting.Length > WaitingBytesMax)
            {
                room.Reset();
            }
        }

        if (wake)
        {
            writer.Wake();
        }
    }

    /// <summary>Returns when every line that was appended before is in the file, or at once with false when the file system refuses: the writer's thread tries again.</summary>
    public bool WriteOut()
    {
        lock (writing)
        {
            while (Lines())
            {
                try
                {
                    RandomAccess.Write(file, leaving.Written, end);
                }
                catch (IOException e)
                {
                    writer.Stuck(Path, e);
                    return false;
                }

                end += leaving.Length;
                leaving.Clear();
            }
        }

        room.Set();
        return true;
    }

    /// <summary>What a fault left behind goes first.</summary>
    bool Lines()
    {
        if (leaving.Length == 0)
        {
            lock (gate)
            {
                (waiting, leaving) = (leaving, waiting);
            }
        }

        return leaving.Length > 0;
    }

    public void Dispose()
    {
        file.Dispose();
        room.Dispose();
    }

    void Line(ByteBuffer to, in Receipt receipt)
    {
        to.Append("{\"at\":"u8);
        Number(to, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        to.Append(",\"provider\":\""u8);
        to.Append(provider);
        Text(to, "\",\"lane\":\""u8, receipt.Lane);
        Text(to, "\",\"message_id\":\""u8, receipt.MessageId);
        to.Append("\",\"recipient\":\""u8);
        Escaped(to, receipt.Recipient);
        to.Append(receipt.Accepted ? "\",\"accepted\":true"u8 : "\",\"accepted\":false"u8);
        to.Append(receipt.Answered ? ",\"answered\":true"u8 : ",\"answered\":false"u8);
        to.Append(receipt.Accepted && receipt.Delivered ? ",\"delivered\":true"u8 : ",\"delivered\":false"u8);
        Text(to, ",\"status\":\""u8, receipt.Status);
        Text(to, "\",\"reason\":\""u8, receipt.Reason);
        to.Append("\",\"bytes\":"u8);
        Number(to, receipt.Bytes);
        to.Append("}\n"u8);
    }

    static void Number(ByteBuffer to, long value)
    {
        Utf8Formatter.TryFormat(value, to.Room(20), out var written);
        to.Advance(written);
    }

    static void Text(ByteBuffer to, ReadOnlySpan<byte> before, string text)
    {
        to.Append(before);
        Span<byte> utf8 = stackalloc byte[256];
        if (Encoding.UTF8.TryGetBytes(text, utf8, out var written))
        {
            Escaped(to, utf8[..written]);
        }
        else
        {
            Escaped(to, Encoding.UTF8.GetBytes(text));
        }
    }

    static void Escaped(ByteBuffer to, ReadOnlySpan<byte> text)
    {
        if (text.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0 && text.IndexOfAny((byte)'"', (byte)'\\') < 0)
        {
            to.Append(text);
            return;
        }

        to.Append(JsonEncodedText.Encode(Encoding.UTF8.GetString(text)).EncodedUtf8Bytes); // replaces what is not UTF-8
    }

    bool EndsInsideALine()
    {
        Span<byte> last = stackalloc byte[1];
        return end > 0 && RandomAccess.Read(file, last, end - 1) == 1 && last[0] != '\n';
    }
}
