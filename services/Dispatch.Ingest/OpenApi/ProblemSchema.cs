using Microsoft.OpenApi;

namespace Dispatch.Ingest.OpenApi;

/// <summary>The shape of every answer that is no success, as <see cref="Http.Problem"/> writes it.</summary>
static class ProblemSchema
{
    public static OpenApiSchema Describe() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "RFC 9457. `code` is stable; `retryable` says whether the same call may succeed later; `errors` has every fault of a body.",
        Required = new HashSet<string> { "type", "title", "status", "detail", "code", "retryable" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = Text("urn:dispatch:problem:{code}"),
            ["title"] = Text("For people."),
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer },
            ["detail"] = Text("For people, about this case."),
            ["code"] = Text("For programs."),
            ["retryable"] = new OpenApiSchema { Type = JsonSchemaType.Boolean },
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Required = new HashSet<string> { "pointer", "code", "message" },
                    Properties = new Dictionary<string, IOpenApiSchema>
                    {
                        ["pointer"] = Text("RFC 6901, into the body; of parameters: /query/{name}."), ["code"] = Text("For programs."), ["message"] = Text("For people; names the limit."),
                    },
                },
            },
        },
    };

    private static OpenApiSchema Text(string doc) => new() { Type = JsonSchemaType.String, Description = doc };
}
