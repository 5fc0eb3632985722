using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatch.Ingest.Diverting;
using Dispatch.Ingest.Events;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.Operate;
using Dispatch.Ingest.Reads;
using Dispatch.Ingest.Resources;

namespace Dispatch.Ingest;

/// <summary>Every answer's JSON, generated at build time; the OpenAPI document describes the same types.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcMilliseconds)])]
[JsonSerializable(typeof(RequestAnswer))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(EventsAnswer))]
[JsonSerializable(typeof(MessageState))]
[JsonSerializable(typeof(Page<MessageState>))]
[JsonSerializable(typeof(RequestState))]
[JsonSerializable(typeof(CancelAnswer))]
[JsonSerializable(typeof(StatsAnswer))]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(CapAnswer))]
[JsonSerializable(typeof(Page<CapAnswer>))]
[JsonSerializable(typeof(SuppressionAnswer))]
[JsonSerializable(typeof(Page<SuppressionAnswer>))]
[JsonSerializable(typeof(ModeChanged))]
[JsonSerializable(typeof(Page<ModeAnswer>))]
[JsonSerializable(typeof(Page<ParkedAnswer>))]
[JsonSerializable(typeof(RedriveAnswer))]
[JsonSerializable(typeof(Page<HeldAnswer>))]
[JsonSerializable(typeof(KeyAnswer))]
[JsonSerializable(typeof(Page<KeyAnswer>))]
[JsonSerializable(typeof(SettlementAnswer))]
[JsonSerializable(typeof(DivertState))]
[JsonSerializable(typeof(Diverted))]
sealed partial class WireJson : JsonSerializerContext;

/// <summary>The answers that are given most, which have no times in them: a context without a converter writes them by straight code.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RequestAnswer))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(EventsAnswer))]
sealed partial class TimelessJson : JsonSerializerContext;

/// <summary>RFC 3339 in UTC, with milliseconds.</summary>
sealed class UtcMilliseconds : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Texts.TryTime(reader.GetString() ?? "", out var time) ? time : throw new JsonException("not a time");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Texts.Time(value));
}
