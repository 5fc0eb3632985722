using System.Buffers.Binary;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Tests.Http2;

/// <summary>The other end of a session, frame by frame: what it sends goes in, what the session would send is taken apart.</summary>
sealed class Peer(Http2Session session)
{
    private readonly byte[] buffer = new byte[65_536];

    public static byte[] Frame(FrameType type, byte flags, int stream, params ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[Push.Http2.Frame.HeaderSize + payload.Length];
        new Frame(payload.Length, type, flags, stream).Write(bytes);
        payload.CopyTo(bytes.AsSpan(Push.Http2.Frame.HeaderSize));
        return bytes;
    }

    public void Send(FrameType type, byte flags, int stream, params ReadOnlySpan<byte> payload)
    {
        var frame = Frame(type, flags, stream, payload);
        session.Read(frame).ShouldBe(frame.Length);
    }

    public void Settings(params (ushort Id, uint Value)[] settings)
    {
        var payload = new byte[6 * settings.Length];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6 * i), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((6 * i) + 2), settings[i].Value);
        }

        Send(FrameType.Settings, 0, 0, payload);
    }

    public void Streams(uint max) => Settings((Http2Control.MaxConcurrentStreams, max));

    public void Ok(int stream) => Send(FrameType.Headers, Push.Http2.Frame.EndHeaders | Push.Http2.Frame.EndStream, stream, 0x88);

    public void GoAway(int last) => Send(FrameType.GoAway, 0, 0, [.. Number(last), .. Number((int)ErrorCode.NoError)]);

    public void Reset(int stream, ErrorCode code) => Send(FrameType.RstStream, 0, stream, Number((int)code));

    public void Window(int stream, int more) => Send(FrameType.WindowUpdate, 0, stream, Number(more));

    /// <summary>Everything that leaves now, as frames.</summary>
    public List<(Frame Frame, byte[] Payload)> Take()
    {
        var frames = new List<(Frame, byte[])>();
        for (int count; (count = session.Write(buffer)) > 0;)
        {
            var rest = buffer.AsSpan(0, count);
            if (rest.StartsWith("PRI"u8))
            {
                rest = rest[24..];
            }

            while (!rest.IsEmpty)
            {
                var frame = Push.Http2.Frame.Read(rest);
                frames.Add((frame, rest.Slice(Push.Http2.Frame.HeaderSize, frame.Length).ToArray()));
                rest = rest[(Push.Http2.Frame.HeaderSize + frame.Length)..];
            }
        }

        return frames;
    }

    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
