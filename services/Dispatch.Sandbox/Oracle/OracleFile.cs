using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Sandbox.Oracle;

/// <summary>
/// Promise: a receipt that was appended is in the file after at most 50 ms, and after a clean stop in any case; the path that is measured never waits for the disk.
/// When it breaks (disk full), lines wait in memory, and when there is no more room for them, so do the stand-in's answers: an oracle may be slow, it may not lie.
/// </summary>
sealed class OracleFile : IDisposable
{
    const int WaitingBytesMax = 64 * 1024 * 1024;

    readonly Lock gate = new();
    readonly ManualResetEventSlim room = new(initialState: true);
    readonly OracleWriter writer;
    readonly byte[] provider;
    readonly SafeFileHandle file;
    long end; // where the next line goes: a write that failed half-way is written over
    ByteBuffer waiting = new(64 * 1024);
    ByteBuffer leaving = new(64 * 1024);

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

    /// <summary>One call at a time, under the writer's lock. Throws what the file system throws; the lines stay and are tried again.</summary>
    public void WriteOut()
    {
        if (leaving.Length == 0)
        {
            lock (gate)
            {
                (waiting, leaving) = (leaving, waiting);
            }
        }

        if (leaving.Length > 0)
        {
            RandomAccess.Write(file, leaving.Written, end);
            end += leaving.Length;
            leaving.Clear();
            room.Set();
        }
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
