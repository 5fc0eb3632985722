using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Dispatch.Contracts;

namespace Dispatch.Channels.Templates;

/// <summary>
/// What a message's templates may name: the request's variables, overridden by the recipient's, name by name at the top level. Parsed when the first template asks.
/// One message's, so one thread's at a time; it counts the steps of the render that uses it.
/// </summary>
public sealed class Variables
{
    /// <summary>
    /// Look-ups and turns of a loop in one render. Steps and not time, so that the same message gets the same answer on a busy machine:
    /// a step costs well under a microsecond, so a bomb ends after some 20 ms.
    /// </summary>
    public const int StepsMax = 100_000;

    private readonly ReadOnlyMemory<byte> request;
    private readonly ReadOnlyMemory<byte> recipient;
    private VariableMap? root;
    private int steps;

    private Variables(ReadOnlyMemory<byte> request, ReadOnlyMemory<byte> recipient) => (this.request, this.recipient) = (request, recipient);

    public static Variables Of(Message message) => new(message.Variables.Memory, message.RecipientVariables.Memory);

    /// <param name="request">A JSON object in UTF-8, or empty.</param>
    /// <param name="recipient">The same; its names win.</param>
    public static Variables Of(ReadOnlyMemory<byte> request, ReadOnlyMemory<byte> recipient) => new(request, recipient);

    internal VariableMap Root => root ??= Parse();

    internal void Begin() => steps = 0;

    internal void Step()
    {
        if (++steps > StepsMax)
        {
            throw new TemplateException($"template_too_many_steps: more than {StepsMax} look-ups and turns of loops");
        }
    }

    /// <summary>What stands at `order.items.0.price`; null when there is nothing.</summary>
    internal object? Find(ReadOnlySpan<char> path)
    {
        object? at = Root;
        foreach (var part in path.Split('.'))
        {
            at = Member(at, path[part]);
        }

        return at;
    }

    internal static object? Member(object? of, ReadOnlySpan<char> name) => of switch
    {
        VariableMap map => map.Find(name),
        VariableList list when int.TryParse(name, out var index) => list.Find(index),
        _ => null,
    };

    /// <summary>As it is printed. An object or a list prints as nothing: name one of its parts.</summary>
    internal static string TextOf(object? value) => value switch
    {
        string text => text,
        true => "true",
        false => "false",
        decimal zero => zero.ToString(provider: null),
        _ => "",
    };

    private VariableMap Parse()
    {
        var map = new VariableMap(this);
        AddAll(request.Span, map);
        AddAll(recipient.Span, map);
        return map;
    }

    private void AddAll(ReadOnlySpan<byte> json, VariableMap map)
    {
        if (json.IsEmpty)
        {
            return;
        }

        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new TemplateException("template_variables: not a JSON object");
            }

            ReadMap(ref reader, map);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the second: a string that is no Unicode
        {
            throw new TemplateException("template_variables: not a JSON object", e);
        }
    }

    private VariableMap ReadMap(ref Utf8JsonReader reader, VariableMap map)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            map.Set(name, ReadValue(ref reader));
        }

        return map;
    }

    private VariableList ReadList(ref Utf8JsonReader reader)
    {
        var list = new VariableList(this);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            list.Add(ReadValue(ref reader));
        }

        return list;
    }

    [SuppressMessage("Style", "IDE0072", Justification = "The other tokens cannot start a value.")]
    private object? ReadValue(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        // A number prints as it was written, 1.10 and 20 digits included. Only zero stays a number, because {{#if}} takes it for false.
        JsonTokenType.Number => reader.TryGetDecimal(out var number) && number == 0 ? number : System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
        JsonTokenType.StartObject => ReadMap(ref reader, new VariableMap(this)),
        JsonTokenType.StartArray => ReadList(ref reader),
        _ => null,
    };
}
