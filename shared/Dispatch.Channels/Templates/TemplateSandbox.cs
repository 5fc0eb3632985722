using System.Globalization;
using System.Text;
using HandlebarsDotNet;
using HandlebarsDotNet.Compiler;
using HandlebarsDotNet.IO;
using HandlebarsDotNet.Iterators;
using HandlebarsDotNet.MemberAccessors;
using HandlebarsDotNet.ObjectDescriptors;
using HandlebarsDotNet.PathStructure;

namespace Dispatch.Channels.Templates;

/// <summary>
/// A Handlebars environment that sees <see cref="VariableMap"/> and <see cref="VariableList"/> and no other type: no reflection ({{name.Length}} is nothing), no files, no partials.
/// Helpers that the library brings and <see cref="Policy.TemplateRules"/> does not know cannot be reached: a template that names one is refused before it gets here.
/// </summary>
static class TemplateSandbox
{
    public static IHandlebars Create(Escape escape)
    {
        var configuration = new HandlebarsConfiguration
        {
            FormatProvider = CultureInfo.InvariantCulture,
            TextEncoder = new Encoder(escape),
            FileSystem = null,
        };
        configuration.ObjectDescriptorProviders.Add(new VariableDescriptors()); // asked last to first: nothing gets past it to the library's own, which reflect
        configuration.FormatterProviders.Add(new ValueFormatter());
        return Handlebars.Create(configuration);
    }

    private sealed class Encoder(Escape escape) : ITextEncoder
    {
        public void Encode(StringBuilder? text, TextWriter target) => Encode(text?.ToString(), target);

        public void Encode(string? text, TextWriter target) => Escaping.Write((Output)target, text, escape);

        public void Encode<T>(T? text, TextWriter target)
            where T : IEnumerator<char>
        {
            var whole = new StringBuilder();
            while (text?.MoveNext() == true)
            {
                whole.Append(text.Current);
            }

            Encode(whole, target);
        }
    }

    private sealed class ValueFormatter : IFormatterProvider, IFormatter
    {
        public bool TryCreateFormatter(Type type, out IFormatter formatter)
        {
            formatter = this;
            return true;
        }

        public void Format<T>(T value, in EncodedTextWriter writer) => writer.Write(value is int index ? index.ToString(CultureInfo.InvariantCulture) : Variables.TextOf(value));
    }

    private sealed class VariableDescriptors : IObjectDescriptorProvider, IMemberAccessor
    {
        private readonly ObjectDescriptor map;
        private readonly ObjectDescriptor list;
        private readonly ObjectDescriptor leaf;

        public VariableDescriptors()
        {
            map = new(typeof(VariableMap), this, static (_, of) => ((VariableMap)of).Keys, static _ => new ReadOnlyDictionaryIterator<VariableMap, string, object?>());
            list = new(typeof(VariableList), this, static (_, _) => Array.Empty<string>(), static _ => new ReadOnlyListIterator<VariableList, object?>());
            leaf = new(typeof(object), this, static (_, _) => Array.Empty<string>(), static _ => new NoTurns());
        }

        public bool TryGetDescriptor(Type type, out ObjectDescriptor value)
        {
            value = type == typeof(VariableMap) ? map : type == typeof(VariableList) ? list : leaf;
            return true;
        }

        public bool TryGetValue(object instance, ChainSegment memberName, out object? value)
        {
            value = Variables.Member(instance, memberName.TrimmedValue);
            return value is not null;
        }
    }

    /// <summary>A loop over what is neither object nor list; a string would be walked character by character, uncounted.</summary>
    private sealed class NoTurns : IIterator
    {
        public void Iterate(
            in EncodedTextWriter writer, BindingContext context, ChainSegment[] blockParamsVariables, object input, TemplateDelegate template, TemplateDelegate ifEmpty) =>
            ifEmpty(writer, context);
    }
}
