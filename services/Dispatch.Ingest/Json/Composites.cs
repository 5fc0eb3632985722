using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.OpenApi;

namespace Dispatch.Ingest.Json;

/// <summary>An object with a shape of its own.</summary>
sealed class ObjectField<T, TChild>(string name, string doc, Shape<TChild> shape, Func<T, TChild> child) : Field<T>(name, doc)
    where TChild : class
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            shape.Read(value, child(into), faults);
        }
        else
        {
            faults.Add("wrong_type", $"must be an object ({shape.Name})");
        }
    }

    public override OpenApiSchema Describe() => shape.Describe();
}

/// <summary>An item that answers for itself: its faults refuse it, and not its neighbours.</summary>
interface IItem
{
    IReadOnlyList<Fault> Faults { set; }
}

/// <summary>A list of objects.</summary>
sealed class ListField<T, TChild>(string name, string doc, Shape<TChild> shape, int max, Func<T, TChild> add) : Field<T>(name, doc)
    where TChild : class
{
    /// <summary>A single object stands for a list of one.</summary>
    public bool OneWillDo { get; init; }

    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (OneWillDo && value.ValueKind == JsonValueKind.Object)
        {
            shape.Read(value, add(into), faults);
            return;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            faults.Add("wrong_type", OneWillDo ? "must be an object or an array of objects" : "must be an array");
            return;
        }

        var length = value.GetArrayLength();
        if (length > max || length == 0)
        {
            faults.Add(length == 0 ? "too_few" : "too_many", length == 0 ? "must not be empty" : string.Create(CultureInfo.InvariantCulture, $"has at most {max} items"));
            return;
        }

        var index = 0;
        foreach (var element in value.EnumerateArray())
        {
            var before = faults.Count;
            var child = add(into);
            faults.Enter(index++);
            shape.Read(element, child, faults);
            faults.Leave();
            if (child is IItem item)
            {
                item.Faults = faults.CutFrom(before);
            }
        }
    }

    public override OpenApiSchema Describe()
    {
        var list = new OpenApiSchema { Type = JsonSchemaType.Array, MinItems = 1, MaxItems = max, Items = shape.Describe() };
        return OneWillDo ? new OpenApiSchema { OneOf = [shape.Describe(), list] } : list;
    }
}

/// <summary>A list of short texts.</summary>
sealed class TextsField<T>(string name, string doc, int max, Action<T, string> add) : Field<T>(name, doc)
{
    public int LengthMax { get; init; } = 64;

    public Func<string, TextFault?>? Rule { get; init; }

    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            faults.Add("wrong_type", "must be an array of strings");
            return;
        }

        if (value.GetArrayLength() > max)
        {
            faults.Add("too_many", string.Create(CultureInfo.InvariantCulture, $"has at most {max} items"));
            return;
        }

        var one = new TextField<T>("", "", add) { LengthMax = LengthMax, Rule = Rule };
        var index = 0;
        foreach (var element in value.EnumerateArray())
        {
            faults.Enter(index++);
            one.Read(element, into, faults);
            faults.Leave();
        }
    }

    public override OpenApiSchema Describe() => new()
    {
        Type = JsonSchemaType.Array,
        MaxItems = max,
        Items = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = LengthMax },
    };
}

/// <summary>A list of words, each one of a few.</summary>
sealed class ChoicesField<T, TValue>(string name, string doc, IReadOnlyList<(string Word, TValue Value)> choices, Action<T, TValue> add) : Field<T>(name, doc)
{
    private readonly ChoiceField<T, TValue> _one = new("", "", choices, add);

    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 || value.GetArrayLength() > choices.Count)
        {
            faults.Add("not_a_choice", $"must be an array of some of {string.Join(", ", choices.Select(choice => choice.Word))}");
            return;
        }

        var index = 0;
        foreach (var element in value.EnumerateArray())
        {
            faults.Enter(index++);
            _one.Read(element, into, faults);
            faults.Leave();
        }
    }

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.Array, MinItems = 1, MaxItems = choices.Count, Items = _one.Describe() };
}

/// <summary>An object of the caller's own, kept as it was written: bounded in bytes and depth, otherwise not looked into.</summary>
sealed class AnyObjectField<T>(string name, string doc, int bytesMax, int depthMax, Action<T, byte[]> set) : Field<T>(name, doc)
{
    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            faults.Add("wrong_type", "must be an object");
            return;
        }

        var raw = JsonMarshal.GetRawUtf8Value(value);
        if (raw.Length > bytesMax)
        {
            faults.Add("too_large", string.Create(CultureInfo.InvariantCulture, $"has at most {bytesMax} bytes"));
        }
        else if (raw.Count((byte)'{') + raw.Count((byte)'[') > depthMax && DepthOf(value) > depthMax)
        {
            faults.Add("too_deep", string.Create(CultureInfo.InvariantCulture, $"is nested at most {depthMax} deep"));
        }
        else
        {
            set(into, raw.ToArray());
        }
    }

    public override OpenApiSchema Describe() => new() { Type = JsonSchemaType.Object, AdditionalPropertiesAllowed = true };

    /// <summary>Bounded by the reader's own depth limit.</summary>
    private static int DepthOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => 1 + value.EnumerateObject().Select(it => DepthOf(it.Value)).DefaultIfEmpty().Max(),
        JsonValueKind.Array => 1 + value.EnumerateArray().Select(DepthOf).DefaultIfEmpty().Max(),
        _ => 0,
    };
}

/// <summary>An object whose values are all texts.</summary>
sealed class TextMapField<T>(string name, string doc, int entriesMax, Action<T, string, string> add) : Field<T>(name, doc)
{
    private const int NameLengthMax = 64;
    private const int ValueLengthMax = 4_096;

    public Func<string, TextFault?>? NameRule { get; init; }

    public override void Read(JsonElement value, T into, Faults faults)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            faults.Add("wrong_type", "must be an object");
            return;
        }

        if (value.GetPropertyCount() > entriesMax)
        {
            faults.Add("too_many", string.Create(CultureInfo.InvariantCulture, $"has at most {entriesMax} entries"));
            return;
        }

        foreach (var property in value.EnumerateObject())
        {
            var key = property.Name;
            if (key.Length is 0 or > NameLengthMax)
            {
                faults.Add("invalid_name", $"has a name that is empty or longer than {NameLengthMax} characters");
                continue;
            }

            faults.Enter(key);
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                faults.Add("wrong_type", "must be a string");
            }
            else if (property.Value.GetString() is { Length: > ValueLengthMax })
            {
                faults.Add("too_long", $"has at most {ValueLengthMax} characters");
            }
            else if (NameRule?.Invoke(key) is { } fault)
            {
                faults.Add(fault.Code, fault.Message);
            }
            else
            {
                add(into, key, property.Value.GetString()!);
            }

            faults.Leave();
        }
    }

    public override OpenApiSchema Describe() => new()
    {
        Type = JsonSchemaType.Object,
        AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = ValueLengthMax },
    };
}
