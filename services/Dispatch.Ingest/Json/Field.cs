using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.OpenApi;

namespace Dispatch.Ingest.Json;

/// <summary>One field of a <see cref="Shape{T}"/>: its name, whether it must be there, how it is read, and how it is described.</summary>
abstract class Field<T>(string name, string doc)
{
    private readonly byte[] _utf8Name = Encoding.UTF8.GetBytes(name);

    public string Name => name;

    public string Doc => doc;

    public ReadOnlySpan<byte> Utf8Name => _utf8Name;

    public bool Required { get; init; }

    /// <summary>Called with a value that is not null, with the reader standing at this field.</summary>
    public abstract void Read(JsonElement value, T into, Faults faults);

    public abstract OpenApiSchema Describe();
}

/// <summary>Text, bounded in characters, checked further by a rule that names what is wrong.</summary>
sealed class TextField<T>(string name, string doc, Action<T, string> set) : Field<T>(name, doc)
{
    public int LengthMin { get; init; } = 1;

    public int LengthMax { get; init; } = 255;

    /// <summary>Text in more than one line; otherwise control characters are refused, which keeps CR and LF out of every header.</summary>
    public bool Lines { get; init; }

    public Func<string, TextFault?>? Rule { get; init; }

    public string? Format { get; init; }

    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            faults.Add("wrong_type", "must be a string");
            return;
        }

        var text = value.GetString()!;
        if (Check(text) is { } fault)
        {
            faults.Add(fault.Code, fault.Message);
            return;
        }

        set(into, text);
    }

    private TextFault? Check(string text) =>
        text.Length > LengthMax ? new TextFault("too_long", $"has at most {LengthMax} characters")
        : text.Length < LengthMin ? new TextFault("too_short", LengthMin == 1 ? "must not be empty" : $"has at least {LengthMin} characters")
        : !Lines && Texts.HasControl(text) ? new TextFault("control_character", "holds a control character, such as a line break")
        : Rule?.Invoke(text);

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.String, MinLength = LengthMin, MaxLength = LengthMax, Format = Format };
}

/// <summary>What is wrong with a text.</summary>
sealed record TextFault(string Code, string Message);

/// <summary>One of a few words.</summary>
sealed class ChoiceField<T, TValue>(string name, string doc, IReadOnlyList<(string Word, TValue Value)> choices, Action<T, TValue> set) : Field<T>(name, doc)
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            foreach (var (word, means) in choices)
            {
                if (value.ValueEquals(word))
                {
                    set(into, means);
                    return;
                }
            }
        }

        faults.Add("not_a_choice", $"must be one of {string.Join(", ", choices.Select(choice => choice.Word))}");
    }

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.String, Enum = [.. choices.Select(choice => (System.Text.Json.Nodes.JsonNode)choice.Word)] };
}

/// <summary>A whole number.</summary>
sealed class WholeField<T>(string name, string doc, long min, long max, Action<T, long> set) : Field<T>(name, doc)
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var number))
        {
            faults.Add("wrong_type", "must be a whole number");
        }
        else if (number < min || number > max)
        {
            faults.Add("out_of_range", string.Create(CultureInfo.InvariantCulture, $"must be from {min} to {max}"));
        }
        else
        {
            set(into, number);
        }
    }

    public override OpenApiSchema Describe() => new()
    {
        Type = JsonSchemaType.Integer,
        Minimum = min.ToString(CultureInfo.InvariantCulture),
        Maximum = max.ToString(CultureInfo.InvariantCulture),
    };
}

sealed class FlagField<T>(string name, string doc, Action<T, bool> set) : Field<T>(name, doc)
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            set(into, value.GetBoolean());
        }
        else
        {
            faults.Add("wrong_type", "must be true or false");
        }
    }

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.Boolean };
}

/// <summary>A moment, RFC 3339 with its offset.</summary>
sealed class TimeField<T>(string name, string doc, Action<T, DateTimeOffset> set) : Field<T>(name, doc)
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind == JsonValueKind.String && Texts.TryTime(value.GetString()!, out var time))
        {
            set(into, time);
        }
        else
        {
            faults.Add("invalid_time", "must be a time of this century with offset, such as 2026-11-20T08:30:00.000Z");
        }
    }

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.String, Format = "date-time" };
}
