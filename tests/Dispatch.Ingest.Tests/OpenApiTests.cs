using System.Text.Json.Nodes;
using Dispatch.Testing;

namespace Dispatch.Ingest.Tests;

public sealed class OpenApiTests
{
    [Fact]
    public async Task Describes_every_call_with_its_body_answer_scope_and_problems()
    {
        await using var host = await IngestHost.StartAsync(null);
        using var anybody = host.Client(null);

        var answer = await host.GetAsync("/openapi/v1.json", anybody);
        (await host.GetAsync("/openapi/v1.json", anybody)).Text.ShouldBe(answer.Text); // made once, whoever asks
        var document = answer.Json;

        ((string)document["openapi"]!).ShouldStartWith("3.1");
        var paths = document["paths"]!.AsObject();
        paths.Select(it => it.Key).ShouldBe(
        [
            "/v1/messages", "/v1/messages/batch", "/v1/messages/{id}", "/v1/requests/{id}", "/v1/requests/{id}/cancel", "/v1/events", "/v1/stats", "/v1/status",
            "/v1/caps", "/v1/caps/{id}", "/v1/suppressions", "/v1/suppressions/{id}", "/v1/operate/modes", "/v1/operate/divert", "/v1/operate/settlement", "/v1/operate/quarantine",
            "/v1/operate/quarantine/redrive", "/v1/operate/held", "/v1/operate/keys", "/v1/operate/keys/{id}", "/hooks/http-sms/{lane}",
        ], ignoreOrder: true);
        foreach (var operation in paths.SelectMany(path => path.Value!.AsObject()).Select(it => it.Value!.AsObject()))
        {
            operation["responses"]!["default"]!["content"]!["application/problem+json"]!["schema"].ShouldNotBeNull(operation.ToJsonString());
            ((string?)operation["summary"]).ShouldNotBeNullOrEmpty();
        }

        var message = document["components"]!["schemas"]!["MessageRequest"]!;
        message["required"]!.AsArray().Select(it => (string)it!).ShouldBe(["class", "recipients", "content"], ignoreOrder: true);
        ((string)message["description"]!).ShouldContain("4128768 bytes");
        ((bool)message["additionalProperties"]!).ShouldBeFalse();
        ((int)message["properties"]!["recipients"]!["maxItems"]!).ShouldBe(10_000);
        message["properties"]!["class"]!["enum"]!.AsArray().Select(it => (string)it!).ShouldBe(["transactional", "automation", "campaign"]);
        document["components"]!["schemas"]!["RequestAnswer"]!["properties"]!.AsObject().Select(it => it.Key).ShouldContain("request_id");
        document["components"]!["securitySchemes"]!["bearer"]!["scheme"]!.GetValue<string>().ShouldBe("bearer");
        References(document).ShouldAllBe(it => Resolves(document, it));
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject it => it.SelectMany(field => field is { Key: "$ref", Value: JsonValue value } ? [(string)value!] : References(field.Value)),
        JsonArray it => it.SelectMany(References),
        _ => [],
    };

    private static bool Resolves(JsonNode document, string reference) =>
        reference.StartsWith("#/", StringComparison.Ordinal) && reference[2..].Split('/').Aggregate((JsonNode?)document, (node, step) => node?[step]) is not null;
}
