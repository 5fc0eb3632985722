using System.Collections.Concurrent;
using HandlebarsDotNet;

namespace Dispatch.Channels.Templates;

/// <summary>
/// Templates with sections, compiled once by Handlebars.Net, for one way to escape. Two generations bound the memory: when the young one is full it becomes the old one, and what
/// is used from the old one moves over. A generation has a Handlebars environment of its own, because an environment never forgets a name that it has seen.
/// </summary>
sealed class CompiledTemplates(Escape escape)
{
    public const int GenerationSize = 512;

    private static readonly CompiledTemplates[] All = [.. Enum.GetValues<Escape>().Order().Select(escape => new CompiledTemplates(escape))];

    private volatile Generation young = new(escape);
    private volatile Generation old = new(escape);

    public static CompiledTemplates For(Escape escape) => All[(int)escape];

    public int Count => young.Templates.Count + old.Templates.Count;

    public void Render(string template, Variables variables, Output output)
    {
        var compiled = Of(template);
        try
        {
            compiled(output, variables.Root);
        }
        catch (HandlebarsException e)
        {
            throw e.GetBaseException() as TemplateException ?? new TemplateException("template_cannot_be_rendered", e);
        }

        if (!Escaping.IsClean(output.Written, escape)) // the template's own text
        {
            var text = output.ToString();
            output.Clear();
            Escaping.WriteLiteral(output, text, escape);
        }
    }

    private HandlebarsTemplate<TextWriter, object, object> Of(string template)
    {
        var generation = young;
        if (generation.Templates.TryGetValue(template, out var known))
        {
            return known.Value;
        }

        if (!old.Templates.TryGetValue(template, out known))
        {
            known = new(() => generation.Compile(template));
        }

        if (generation.Templates.Count >= GenerationSize)
        {
            (old, young) = (generation, generation = new Generation(escape)); // two threads at once: a few templates are compiled again
        }

        return generation.Templates.GetOrAdd(template, known).Value;
    }

    private sealed class Generation(Escape escape)
    {
        private readonly IHandlebars handlebars = TemplateSandbox.Create(escape);

        public ConcurrentDictionary<string, Lazy<HandlebarsTemplate<TextWriter, object, object>>> Templates { get; } = [];

        public HandlebarsTemplate<TextWriter, object, object> Compile(string template)
        {
            try
            {
                using var reader = new StringReader(template);
                return handlebars.Compile(reader);
            }
            catch (HandlebarsException e)
            {
                throw new TemplateException("template_syntax: it cannot be compiled", e);
            }
        }
    }
}
