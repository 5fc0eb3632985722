using System.Buffers;
using System.Text;

namespace Dispatch.Channels.Templates;

/// <summary>Where a template renders to: bounded, in a rented array. A <see cref="TextWriter"/>, because that is what Handlebars.Net writes to.</summary>
sealed class Output : TextWriter
{
    /// <summary>UTF-16 units; a part of a message that is longer is no message but a bomb.</summary>
    public const int LengthMax = 1 << 20;

    private char[] chars = ArrayPool<char>.Shared.Rent(4096);
    private int length;

    public override Encoding Encoding => Encoding.Unicode;

    public ReadOnlySpan<char> Written => chars.AsSpan(0, length);

    public void Append(ReadOnlySpan<char> text)
    {
        if (text.Length > chars.Length - length)
        {
            Grow(text.Length);
        }

        text.CopyTo(chars.AsSpan(length));
        length += text.Length;
    }

    public override void Write(char value) => Append([value]);

    public override void Write(string? value) => Append(value);

    public override void Write(ReadOnlySpan<char> buffer) => Append(buffer);

    public override void Write(char[] buffer, int index, int count) => Append(buffer.AsSpan(index, count));

    public void Clear() => length = 0;

    public override string ToString() => Written.ToString();

    private void Grow(int by)
    {
        if (length + (long)by > LengthMax)
        {
            throw new TemplateException($"template_output_too_long: more than {LengthMax} characters");
        }

        var larger = ArrayPool<char>.Shared.Rent(Math.Max(length + by, chars.Length * 2));
        Written.CopyTo(larger);
        ArrayPool<char>.Shared.Return(chars, clearArray: true); // it holds somebody's name
        chars = larger;
    }

    protected override void Dispose(bool disposing)
    {
        if (chars.Length > 0)
        {
            ArrayPool<char>.Shared.Return(chars, clearArray: true);
            (chars, length) = ([], 0);
        }

        base.Dispose(disposing);
    }
}
