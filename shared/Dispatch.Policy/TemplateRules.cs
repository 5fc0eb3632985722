namespace Dispatch.Policy;

/// <summary>What is wrong with a template, and where.</summary>
/// <param name="Position">In characters, from 0.</param>
public sealed record TemplateFault(int Position, string Message);

/// <summary>
/// The part of Handlebars that callers may use; the same rules hold at the door and in the renderer, so that what was accepted can be rendered.
/// Allowed: <c>{{name}}</c>, <c>{{a.b}}</c>, <c>{{this}}</c>, <c>{{../name}}</c>, <c>{{@index}}</c>, <c>{{items.0.name}}</c>, and the sections <c>if</c>, <c>unless</c> (with <c>else</c>), <c>each</c> and <c>with</c>.
/// Not allowed: raw output (<c>{{{</c>, <c>{{&amp;</c>), partials, comments, helpers with arguments, inline code: nothing that reaches beyond the variables.
/// A text without <c>{{</c> is no template and has no limit here.
/// </summary>
public static class TemplateRules
{
    /// <summary>Characters of one template.</summary>
    public const int LengthMax = 64 * 1024;

    /// <summary>Sections inside sections; loops in loops multiply, so the renderer bounds its output too.</summary>
    public const int NestingMax = 8;

    public const int TagsMax = 1_000;

    /// <summary>In a template that <see cref="NeedsCompiling"/>; that costs more than its share with every tag (measured: 250 tags 50 ms, 2 000 tags 0.9 s).</summary>
    public const int CompiledTagsMax = 250;

    private const int NameLengthMax = 128;

    public static bool IsTemplate(ReadOnlySpan<char> text) => text.Contains("{{", StringComparison.Ordinal);

    /// <summary>More than names of variables: a section, or a name that only Handlebars understands. The renderer walks everything else, at no cost to speak of.</summary>
    public static bool NeedsCompiling(ReadOnlySpan<char> text)
    {
        for (int open; (open = text.IndexOf("{{", StringComparison.Ordinal)) >= 0;)
        {
            text = text[(open + 2)..];
            var close = text.IndexOf("}}", StringComparison.Ordinal);
            if (IsSpecial(text[..(close < 0 ? text.Length : close)].Trim()))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How many tags begin in it.</summary>
    public static int TagsOf(ReadOnlySpan<char> text) => text.Count("{{");

    private static bool IsSpecial(ReadOnlySpan<char> tag) => tag is ['#' or '@' or '.', ..] or "this" || tag.StartsWith("this.", StringComparison.Ordinal);

    /// <returns>The first fault; null: the text may be compiled.</returns>
    public static TemplateFault? Check(ReadOnlySpan<char> text)
    {
        var at = text.IndexOf("{{", StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        if (text.Length > LengthMax)
        {
            return new TemplateFault(LengthMax, $"a text with variables has at most {LengthMax} characters");
        }

        var open = new Stack<string>();
        var tagsMax = NeedsCompiling(text) ? CompiledTagsMax : TagsMax;
        var tags = 0;
        while (at >= 0)
        {
            if (++tags > tagsMax)
            {
                return new TemplateFault(at, $"more than {tagsMax} tags");
            }

            if (at > 0 && text[at - 1] == '\\')
            {
                return new TemplateFault(at, "escaped braces are not supported");
            }

            var inside = text[(at + 2)..];
            var length = inside.IndexOf("}}", StringComparison.Ordinal);
            if (length < 0)
            {
                return new TemplateFault(at, "a tag is not closed by }}");
            }

            if (Tag(inside[..length], open) is { } message)
            {
                return new TemplateFault(at, message);
            }

            var end = at + 2 + length + 2;
            if (end < text.Length && text[end] == '}')
            {
                return new TemplateFault(end, "a tag ends with }}, not with }}}; put a space before a brace that follows");
            }

            var next = text[end..].IndexOf("{{", StringComparison.Ordinal);
            at = next < 0 ? -1 : end + next;
        }

        return open.Count == 0 ? null : new TemplateFault(text.Length, $"the section {open.Peek()} is not closed");
    }

    private static string? Tag(ReadOnlySpan<char> tag, Stack<string> open)
    {
        if (tag.IsEmpty)
        {
            return "a tag is empty";
        }

        switch (tag[0])
        {
            case '{' or '&': return "raw output is not allowed; variables are always escaped";
            case '>': return "partials are not allowed";
            case '!': return "comments are not allowed";
            case '#': return Open(tag[1..].Trim(), open);
            case '/': return Close(tag[1..].Trim(), open);
        }

        var name = tag.Trim();
        if (name is "else")
        {
            return open.Count > 0 && open.Peek() is "if" or "unless" ? null : "else stands outside of if and unless";
        }

        return IsPath(name) ? null : "a tag holds the name of one variable, such as {{code}} or {{order.id}}";
    }

    private static string? Open(ReadOnlySpan<char> section, Stack<string> open)
    {
        var space = section.IndexOf(' ');
        if (space < 0)
        {
            return "a section needs a helper and the name of one variable, such as {{#if code}}";
        }

        var helper = section[..space];
        if (helper is not ("if" or "unless" or "each" or "with"))
        {
            return "sections are if, unless, each and with";
        }

        if (open.Count == NestingMax)
        {
            return $"sections are nested deeper than {NestingMax}";
        }

        open.Push(helper.ToString());
        return IsPath(section[space..].Trim()) ? null : "a section asks about the name of one variable";
    }

    private static string? Close(ReadOnlySpan<char> section, Stack<string> open)
    {
        if (open.Count == 0 || !section.Equals(open.Peek(), StringComparison.Ordinal))
        {
            return open.Count == 0 ? "a section is closed that was never opened" : $"the section {open.Peek()} is to be closed first";
        }

        open.Pop();
        return null;
    }

    /// <summary><c>name</c>, <c>a.b.c</c>, <c>a.0.b</c>, <c>this</c>, <c>this.a</c>, <c>../a</c>, <c>@index</c>; letters, digits and _ -, a letter or _ first.</summary>
    private static bool IsPath(ReadOnlySpan<char> path)
    {
        if (path is "@index" or "@key" or "@first" or "@last" or "this")
        {
            return true;
        }

        if (path.Length > NameLengthMax)
        {
            return false;
        }

        for (var up = 0; up < NestingMax && path.StartsWith("../", StringComparison.Ordinal); up++)
        {
            path = path[3..];
        }

        foreach (var range in path.Split('.'))
        {
            if (!IsName(path[range]) && !(range.Start.Value > 0 && IsIndex(path[range])))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsIndex(ReadOnlySpan<char> part) => part.Length is > 0 and <= 6 && !part.ContainsAnyExceptInRange('0', '9');

    private static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || !(char.IsAsciiLetter(name[0]) || name[0] == '_'))
        {
            return false;
        }

        foreach (var c in name)
        {
            if (!(char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            {
                return false;
            }
        }

        // In Handlebars these are no variables; as the first word of a tag they would mean something else.
        return name is not ("if" or "unless" or "each" or "else" or "with" or "lookup" or "log");
    }
}
