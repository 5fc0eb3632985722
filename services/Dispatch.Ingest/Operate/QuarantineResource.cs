using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Log;
using Dispatch.Store.Control;
using Google.Protobuf;

namespace Dispatch.Ingest.Operate;

/// <summary>A record that made a service throw, until a person decides about it.</summary>
/// <param name="Exception">Its first line.</param>
sealed record ParkedAnswer(
    string ParkingId, DateTimeOffset At, string Service, string Topic, int Partition, long Offset, string? Tenant, string? MessageId, string Exception, int Bytes, bool Redrivable);

sealed record RedriveAnswer(bool DryRun, IReadOnlyList<RedriveItem> Items);

/// <param name="Status">redriven, would_redrive, not_found or not_redrivable.</param>
sealed record RedriveItem(string ParkingId, string Status, string? Topic);

sealed class RedriveDraft
{
    public List<Id> ParkingIds { get; } = [];

    public string Reason { get; set; } = "";

    public bool DryRun { get; set; }
}

/// <summary>
/// `/v1/operate/quarantine`: the topic `quarantine`, listed and driven again. Driving the same record again twice does no harm: a message carries its parking id, and
/// Router drops the second of an id; facts and events count once wherever they come from.
/// </summary>
sealed class QuarantineResource(IEventLog log, Appender appender, ControlStore control, Replays replays, TimeProvider clock)
{
    private const int BodyBytesMax = 64 * 1_024;
    private const int RedriveMax = 1_000;
    private const uint RedrivenChunk = 1u << 31;
    private static readonly TimeSpan LookBack = TimeSpan.FromDays(31);

    public static readonly IReadOnlyList<Parameter> ListParameters =
    [
        new("tenant", "One tenant's."), new("service", "Of one service."), new("topic", "From one topic."), new("from", "Parked at this time or later; default: 31 days ago."),
        .. Parameter.Paging,
    ];

    public static readonly Shape<RedriveDraft> Redrive = new("Redrive", "Records that are to be handled again.",
        new TextsField<RedriveDraft>("parking_ids", "prk_..., 1 to 1 000.", RedriveMax, (it, value) =>
        {
            if (Id.TryParse(value, IdPrefix.Parking, out var id))
            {
                it.ParkingIds.Add(id);
            }
        })
        {
            Required = true, Rule = text => Id.TryParse(text, IdPrefix.Parking, out _) ? null : new TextFault("invalid_id", "must be an id such as prk_..."),
        },
        new TextField<RedriveDraft>("reason", "What was mended.", (it, value) => it.Reason = value) { Required = true, LengthMax = ModeChange.TextLengthMax },
        new FlagField<RedriveDraft>("dry_run", "Only answers what would be driven again.", (it, value) => it.DryRun = value));

    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, ListParameters);
        var (cursor, pageSize, from) = (query.Cursor(sizeof(long) + Id.Size), query.PageSize(), query.Time("from"));
        var (tenant, service, topic) = (query.Text("tenant"), query.Text("service"), query.Text("topic"));
        query.Check();
        var found = new List<Quarantined>();
        await foreach (var parked in ScanAsync(from ?? clock.GetUtcNow() - LookBack, call.Aborted))
        {
            if ((tenant is null || parked.Tenant == tenant) && (service is null || parked.Service == service) && (topic is null || parked.Topic == topic)
                && (cursor is null || CursorOf(parked).AsSpan().SequenceCompareTo(cursor) < 0))
            {
                found.Add(parked);
            }
        }

        var newest = found.OrderByDescending(CursorOf, Comparer<byte[]>.Create((one, other) => one.AsSpan().SequenceCompareTo(other))).Take(pageSize + 1).ToList();
        await Answer.JsonAsync(call.Http, 200, Page.Of(newest, pageSize, AnswerFor, CursorOf), WireJson.Default.PageParkedAnswer);
    }

    public async Task RedriveAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var draft = JsonBody.Read(body.Bytes, Redrive, new RedriveDraft(), (it, faults) =>
        {
            if (it.ParkingIds.Count == 0 && faults.Count == 0)
            {
                faults.Add("parking_ids", "too_few", "must not be empty");
            }
        });
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var wanted = draft.ParkingIds.ToHashSet();
            var found = new Dictionary<Id, Quarantined>();
            await foreach (var parked in ScanAsync(clock.GetUtcNow() - LookBack, call.Aborted))
            {
                if (Id.From(parked.ParkingId.Span) is var id && wanted.Contains(id))
                {
                    found[id] = parked;
                }
            }

            var records = found.Values.Select(Again).OfType<Record>().ToList();
            var items = draft.ParkingIds.ConvertAll(id => Item(id, found.GetValueOrDefault(id), draft.DryRun));
            if (!draft.DryRun && records.Count > 0)
            {
                await control.AuditAsync(clock.GetUtcNow(), call.Key.Id, "quarantine.redrive", JsonSerializer.Serialize(new RedriveAnswer(false, items), WireJson.Default.RedriveAnswer), CancellationToken.None);
                await appender.AppendAsync(records);
            }

            return Made.Of(200, new RedriveAnswer(draft.DryRun, items), WireJson.Default.RedriveAnswer);
        });
    }

    /// <returns>The record that starts it again; null: nobody can.</returns>
    private static Record? Again(Quarantined parked)
    {
        if (parked.Value.IsEmpty)
        {
            return null; // left out as too large; empty would be read as a record that says nothing
        }

        if (parked.Topic is Topics.Outcomes or Topics.Events)
        {
            return new Record(parked.Topic, parked.Key.Memory, parked.Value.Memory);
        }

        if (parked.Topic.StartsWith("requests.", StringComparison.Ordinal))
        {
            return parked.Service == "router" && TryParse(Request.Parser, parked.Value) is { } request ? Again(parked, request) : null;
        }

        if (TryParse(Message.Parser, parked.Value) is not { MessageId.Length: Id.Size } message)
        {
            return null;
        }

        message.ParkingId = parked.ParkingId;
        message.NotBefore = 0;
        message.HoldReason = "";
        return new Record(Topics.Reroute(message.Class), parked.Key.Memory, message.ToByteArray());
    }

    /// <summary>
    /// A request has no parking id. It goes back with a chunk number of its own and the mark that an equal one may be there since it was parked:
    /// so Router lets the first through, although the one that threw stands in the log too, and drops the second.
    /// </summary>
    private static Record Again(Quarantined parked, Request request)
    {
        request.Chunk |= RedrivenChunk;
        request.RepeatSince = parked.At;
        return new Record(parked.Topic, parked.Key.Memory, request.ToByteArray());
    }

    private static T? TryParse<T>(MessageParser<T> parser, ByteString value)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(value);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private async IAsyncEnumerable<Quarantined> ScanAsync(DateTimeOffset since, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var partition in log.AllPartitionsOf(Topics.Quarantine))
        {
            await foreach (var entry in log.ScanAsync(partition, since, stop))
            {
                if (TryParse(Quarantined.Parser, ByteString.CopyFrom(entry.Value.Span)) is { ParkingId.Length: Id.Size } parked)
                {
                    yield return parked;
                }
            }
        }
    }

    private static RedriveItem Item(Id id, Quarantined? parked, bool dryRun) => new(
        id.ToText(IdPrefix.Parking),
        parked is null ? "not_found" : Again(parked) is null ? "not_redrivable" : dryRun ? "would_redrive" : "redriven",
        parked is null ? null : Again(parked)?.Topic);

    private static ParkedAnswer AnswerFor(Quarantined parked) => new(
        Id.From(parked.ParkingId.Span).ToText(IdPrefix.Parking), DateTimeOffset.FromUnixTimeMilliseconds(parked.At), parked.Service, parked.Topic, (int)parked.Partition,
        parked.Offset, parked.Tenant.Length == 0 ? null : parked.Tenant,
        parked.MessageId.Length == Id.Size ? Id.From(parked.MessageId.Span).ToText(IdPrefix.Message) : null,
        parked.Exception.Split('\n', 2)[0].TrimEnd(), parked.Value.Length, Again(parked) is not null);

    /// <summary>Time, then id: newest first is this order backwards.</summary>
    private static byte[] CursorOf(Quarantined parked)
    {
        var cursor = new byte[sizeof(long) + Id.Size];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(cursor, parked.At);
        parked.ParkingId.CopyTo(cursor, sizeof(long));
        return cursor;
    }
}
