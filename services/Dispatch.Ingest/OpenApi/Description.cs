using Dispatch.Ingest.Http;
using Dispatch.Store.Keys;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatch.Ingest.OpenApi;

/// <summary>Fills the OpenAPI document from the calls, the shapes that bodies are checked by, and the types that answers are written from.</summary>
static class Description
{
    private const string Bearer = "bearer";
    private const string Json = "application/json";

    public static async Task FillAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, IEnumerable<ApiCall> calls, CancellationToken stop)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Dispatch",
            Version = "1",
            Description = "Push, email and SMS. What is answered 202 is durable. Every POST takes an Idempotency-Key; every fault is a problem (RFC 9457) that names all that is wrong.",
        };
        document.Servers = [];
        document.Paths = [];
        document.AddComponent(Bearer, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "dsp_{environment}_{id}_{secret}", Description = "An API key, with scopes.",
        });
        document.AddComponent("Problem", ProblemSchema.Describe());
        foreach (var call in calls)
        {
            if (!document.Paths.TryGetValue(call.Path, out var item))
            {
                document.Paths.Add(call.Path, item = new OpenApiPathItem());
            }

            ((OpenApiPathItem)item).AddOperation(HttpMethod.Parse(call.Method), await OperationAsync(call, document, context, stop));
        }
    }

    private static async Task<OpenApiOperation> OperationAsync(ApiCall call, OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken stop)
    {
        var operation = new OpenApiOperation { Summary = call.Summary, Parameters = [.. Parameters(call)], Responses = [] };
        if (call.Scopes is { } scopes)
        {
            operation.Description = scopes == Scopes.All ? "Any key." : $"Scope: {string.Join(" or ", ScopeWords.Of(scopes))}.";
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }];
        }

        if (call.Body is { } body)
        {
            document.AddComponent(body.Name, body.Describe());
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType> { [Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(body.Name, document) } },
            };
        }

        var success = new OpenApiResponse { Description = call.Status switch { 202 => "Durable.", 201 => "Made.", 204 => "Done.", _ => "As asked." } };
        if (call.Answer is { } answer)
        {
            var name = NameOf(answer);
            var schema = await context.GetOrCreateSchemaAsync(answer, null, stop);
            LeaveOutNulls(schema);
            document.AddComponent(name, schema);
            success.Content = new Dictionary<string, OpenApiMediaType> { [Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(name, document) } };
        }

        operation.Responses.Add($"{call.Status}", success);
        operation.Responses.Add("default", new OpenApiResponse
        {
            Description = "What went wrong.",
            Content = new Dictionary<string, OpenApiMediaType> { [Problem.ContentType] = new OpenApiMediaType { Schema = new OpenApiSchemaReference("Problem", document) } },
        });
        return operation;
    }

    /// <summary>What is null is left out of an answer, so it is no required field, and never null.</summary>
    private static void LeaveOutNulls(IOpenApiSchema schema)
    {
        foreach (var (name, property) in schema.Properties ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (property is OpenApiSchema { Type: { } type } own && type.HasFlag(JsonSchemaType.Null))
            {
                own.Type = type & ~JsonSchemaType.Null;
                schema.Required?.Remove(name);
            }

            LeaveOutNulls(property);
        }

        if (schema.Items is { } items)
        {
            LeaveOutNulls(items);
        }

        if (schema.AdditionalProperties is { } more)
        {
            LeaveOutNulls(more);
        }
    }

    private static string NameOf(Type type) => type.IsGenericType ? $"{type.GetGenericArguments()[0].Name}Page" : type.Name;

    private static IEnumerable<IOpenApiParameter> Parameters(ApiCall call)
    {
        foreach (var part in call.Path.Split('/').Where(it => it.StartsWith('{')))
        {
            yield return new OpenApiParameter { Name = part.Trim('{', '}'), In = ParameterLocation.Path, Required = true, Schema = Text() };
        }

        foreach (var (name, doc) in call.Query)
        {
            yield return new OpenApiParameter { Name = name, In = ParameterLocation.Query, Description = doc, Schema = Text() };
        }

        if (call is { Method: "POST", Scopes: not null })
        {
            yield return new OpenApiParameter
            {
                Name = "Idempotency-Key", In = ParameterLocation.Header, Description = "1 to 255 printable ASCII characters. The same key and body: the first answer again.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 255 },
            };
        }
    }

    private static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };
}
