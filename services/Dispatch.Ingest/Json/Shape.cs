using System.Text.Json;
using Microsoft.OpenApi;

namespace Dispatch.Ingest.Json;

/// <summary>What can be described in the OpenAPI document.</summary>
interface IShape
{
    string Name { get; }

    OpenApiSchema Describe();
}

/// <summary>
/// The fields of a JSON object, their types and bounds, as a table. The reader checks by it and the OpenAPI document is made from it, so the two cannot differ.
/// What no field stands for is a fault: a mistyped name must not be ignored.
/// </summary>
sealed class Shape<T>(string name, string doc, params Field<T>[] fields) : IShape
    where T : class
{
    private const int UnknownNameLengthMax = 64;

    public string Name => name;

    /// <summary>Reads all fields into <paramref name="into"/>; what is wrong is added to <paramref name="faults"/> and left unset.</summary>
    public void Read(JsonElement element, T into, Faults faults)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            faults.Add("wrong_type", $"must be an object ({name})");
            return;
        }

        ulong seen = 0;
        var next = 0;
        foreach (var property in element.EnumerateObject())
        {
            var i = IndexOf(property, next);
            if (i < 0)
            {
                var unknown = property.Name;
                faults.Add(unknown.Length > UnknownNameLengthMax ? unknown[..UnknownNameLengthMax] : unknown, "unknown_field", $"is not a field of {name}");
                continue;
            }

            next = i + 1;
            if (property.Value.ValueKind == JsonValueKind.Null)
            {
                continue; // the same as absent
            }

            seen |= 1UL << i;
            faults.Enter(fields[i].Name);
            fields[i].Read(property.Value, into, faults);
            faults.Leave();
        }

        for (var i = 0; i < fields.Length; i++)
        {
            if (fields[i].Required && (seen & (1UL << i)) == 0)
            {
                faults.Add(fields[i].Name, "required", "is required");
            }
        }
    }

    public OpenApiSchema Describe()
    {
        var schema = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = doc,
            AdditionalPropertiesAllowed = false,
            Properties = new Dictionary<string, IOpenApiSchema>(),
            Required = new HashSet<string>(),
        };
        foreach (var field in fields)
        {
            var described = field.Describe();
            described.Description ??= field.Doc;
            schema.Properties[field.Name] = described;
            if (field.Required)
            {
                schema.Required.Add(field.Name);
            }
        }

        return schema;
    }

    /// <summary>Callers mostly write fields in the order of the documentation, so the search begins behind the last one.</summary>
    private int IndexOf(JsonProperty property, int next)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            var at = (next + i) % fields.Length;
            if (property.NameEquals(fields[at].Utf8Name))
            {
                return at;
            }
        }

        return -1;
    }
}
