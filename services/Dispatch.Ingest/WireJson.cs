using System.Text.Json.Serialization;
using Dispatch.Ingest.Events;
using Dispatch.Ingest.Messages;

namespace Dispatch.Ingest;

/// <summary>Every answer's JSON, generated at build time; the OpenAPI document describes the same types.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RequestAnswer))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(EventsAnswer))]
sealed partial class WireJson : JsonSerializerContext;
