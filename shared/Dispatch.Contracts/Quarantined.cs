using Google.Protobuf;

namespace Dispatch.Contracts;

public sealed partial class Quarantined
{
    /// <summary>Characters of the exception that are kept: at most 24 KiB, the deepest frames are the first ones.</summary>
    public const int ExceptionLengthMax = 8 * 1024;

    /// <summary>
    /// The record as it is appended: the exception cut, and without the value where it would not fit even so; topic, partition and offset still say where it stands.
    /// Quarantine is the way out for what nothing else can take, so it must never be too large itself.
    /// </summary>
    /// <param name="bytesMax">What the log takes.</param>
    public byte[] ToBytes(int bytesMax)
    {
        Exception = Cut(Exception, ExceptionLengthMax);
        if (CalculateSize() > bytesMax)
        {
            Exception = $"(the value of {Value.Length} bytes is left out: too large beside this text) {Exception}";
            Value = ByteString.Empty;
        }

        return this.ToByteArray();
    }

    /// <summary>The first characters of it, and no half of one.</summary>
    public static string Cut(string text, int lengthMax) =>
        text.Length <= lengthMax ? text : text[..(char.IsHighSurrogate(text[lengthMax - 1]) ? lengthMax - 1 : lengthMax)];
}
