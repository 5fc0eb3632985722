using Dispatch.Policy;

namespace Dispatch.Channels.Templates;

/// <summary>
/// Renders one part of a message.
/// Promise: what a variable holds is data and stays data: escaped for where it ends up, never read as a template, and no template reaches anything but the variables.
/// A render is bounded in steps and in output; what cannot be rendered is a <see cref="TemplateException"/> with the reason, the same one each time.
/// A variable that is missing, null, an object or a list prints as nothing.
/// </summary>
public static class TemplateRenderer
{
    /// <exception cref="TemplateException">It breaks a rule of <see cref="TemplateRules"/>, or its variables are no JSON object, or it is a bomb.</exception>
    public static string Render(string template, Variables variables, Escape escape)
    {
        if (!TemplateRules.IsTemplate(template) && Escaping.IsClean(template, escape))
        {
            return template;
        }

        if (TemplateRules.Check(template) is { } fault)
        {
            throw new TemplateException($"template_syntax: {fault.Message} (at {fault.Position})");
        }

        using var output = new Output();
        variables.Begin();
        if (TemplateRules.NeedsCompiling(template))
        {
            CompiledTemplates.For(escape).Render(template, variables, output);
        }
        else
        {
            RenderPlain(template, variables, escape, output);
        }

        return output.ToString();
    }

    /// <summary>
    /// Most templates only name variables. They are walked, not compiled: a compilation costs 1.4 ms and up, and callers who put each customer's order number into the
    /// template's text would pay it for each message. What <see cref="TemplateRules.NeedsCompiling"/> is left to Handlebars.Net; a test holds both to the same result.
    /// </summary>
    private static void RenderPlain(ReadOnlySpan<char> template, Variables variables, Escape escape, Output output)
    {
        var rest = template;
        for (int open; (open = rest.IndexOf("{{")) >= 0;)
        {
            Escaping.WriteLiteral(output, rest[..open], escape);
            rest = rest[(open + 2)..];
            var close = rest.IndexOf("}}");
            Escaping.Write(output, Variables.TextOf(variables.Find(rest[..close].Trim())), escape);
            rest = rest[(close + 2)..];
        }

        Escaping.WriteLiteral(output, rest, escape);
    }
}
