using Dispatch.Ingest.Http;
using Dispatch.Ingest.Json;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest.OpenApi;

/// <summary>One call of the API: how it is reached, who may, what runs, and what goes in and comes out. The service is mapped from it and so is its description.</summary>
/// <param name="Scopes">One of them is needed; null: the call proves itself in another way.</param>
sealed record ApiCall(string Method, string Path, Scopes? Scopes, string Summary, RequestDelegate Run)
{
    /// <summary>The body that it takes.</summary>
    public IShape? Body { get; init; }

    public IReadOnlyList<Parameter> Query { get; init; } = [];

    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>What it answers; null: nothing.</summary>
    public Type? Answer { get; init; }
}
