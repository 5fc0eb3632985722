using System.Text.Json;

namespace Dispatch.Bench.Sides;

/// <summary>The baseline of `ingest`: Kestrel and a JSON parser, and nothing that is kept.</summary>
static class BareEndpoint
{
    private static readonly byte[] Answer = """{"request_id":"req_00000000000000000000000000","durable":"no","messages":[{"recipient":0,"status":"accepted"}]}"""u8.ToArray();

    public static void Map(WebApplication app) => app.MapPost("/v1/messages", async context =>
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        context.Response.StatusCode = body.RootElement.TryGetProperty("recipients", out _) ? StatusCodes.Status202Accepted : StatusCodes.Status400BadRequest;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Answer.Length;
        await context.Response.Body.WriteAsync(Answer);
    });
}
