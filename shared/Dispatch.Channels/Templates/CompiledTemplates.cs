using System.Collections.Concurrent;
using Dispatch.Policy;
using HandlebarsDotNet;

namespace Dispatch.Channels.Templates;

/// <summary>
/// Templates that are more than names (<see cref="TemplateRules.NeedsCompiling"/>), compiled once by Handlebars.Net, for one way to escape. Two generations bound the memory: when the young one is full it becomes the old one, and what
/// is used from the old one moves over. A generation has a Handlebars environment of its own, because an environment never forgets a name that it has seen.
/// </summary>
sealed class CompiledTemplates(Escape escape)
{
    public const int GenerationSize = 512;

    /// <summary>What a compiled template takes in memory grows with its tags: 512 of the largest would have 128 000.</summary>
    public const int GenerationTags = 4_096;

    private static readonly CompiledTemplates[] All = [.. Enum.GetValues<Escape>().Order().Select(escape => new CompiledTemplates(escape))];

    private volatile Generation young = new(escape);
    private volatile Generation old = new(escape);

    public static CompiledTemplates For(Escape escape) => All[(int)escape];

    public int Count => young.Templates.Count + old.Templates.Count;

    public int Tags => young.Tags + old.Tags;

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

        var tags = TemplateRules.TagsOf(template);
        if (generation.Templates.Count >= GenerationSize || generation.Tags + tags > GenerationTags)
        {
            (old, young) = (generation, generation = new Generation(escape)); // two threads at once: a few templates are compiled again
        }

        if (generation.Templates.TryAdd(template, known))
        {
            generation.Count(tags);
            return known.Value;
        }

        return generation.Templates[template].Value;
    }

    private sealed class Generation(Escape escape)
    {
        private readonly IHandlebars handlebars = TemplateSandbox.Create(escape);
        private int tags;

        public int Tags => Volatile.Read(ref tags);

        public ConcurrentDictionary<string, Lazy<HandlebarsTemplate<TextWriter, object, object>>> Templates { get; } = [];

        public void Count(int more) => Interlocked.Add(ref tags, more);

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
