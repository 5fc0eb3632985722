using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Auth;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Store.Keys;
using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Events;

/// <summary>What became of events, one by one, in order.</summary>
sealed record EventsAnswer(string Durable, IReadOnlyList<EventAnswer> Events);

sealed record EventAnswer(int Index, string? EventId, string Status, IReadOnlyList<ErrorAnswer>? Errors);

/// <summary>
/// `POST /v1/events`: accepted when they are in the log. A repeated event_id is accepted again and counted once, further down.
/// </summary>
sealed class PostEvents(Recipients recipients, Appender appender, Door door, RateLimits rates, IOptions<IngestOptions> options, TimeProvider clock)
{
    /// <summary>An app's clock may be ahead of ours by so much.</summary>
    private static readonly TimeSpan AheadMax = TimeSpan.FromMinutes(5);

    /// <summary>
    /// An event may be so late, and its message so old: the store keeps a partition for each day that it hears of, and a public key must not be able to ask for all of them.
    /// </summary>
    private const int BehindDaysMax = 30;

    /// <summary>The message of an event was accepted by a server whose day may have begun before ours.</summary>
    private const int AheadDaysMax = 1;

    public async Task PostAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, options.Value.BodyBytesMax);
        var key = PostMessages.KeyOf(call.Http);
        var now = clock.GetUtcNow();
        var drafts = Read(body.Bytes, now);
        var good = drafts.FindAll(it => it.Faults.Count == 0);
        if (good.Count == 0)
        {
            throw new RefusedException(Problem.Invalid([.. drafts.SelectMany(it => it.Faults).Take(Faults.Max)]));
        }

        rates.Take(call.Http, call.Key, good.Count);
        var pass = key is null
            ? new Pass(PassKind.Fresh, now)
            : await door.EnterAsync(KeyHash.OfKey(CallKind.Event, call.Tenant, key, call.Key.Scopes == Scopes.EventsWrite ? call.Key.Id : ""), KeyHash.OfBody(CallKind.Event, body.Bytes.Span), now);
        PostMessages.Refuse(pass);
        PostMessages.Mark(call.Http, pass);
        var durable = Durable.Log;
        try
        {
            if (pass.GoesThrough)
            {
                durable = await AppendAsync(call, good, now);
            }
        }
        catch (Exception e)
        {
            door.Fail(pass, e);
            throw;
        }

        if (pass.GoesThrough)
        {
            door.Settle(pass);
        }

        await Answer.JsonAsync(call.Http, StatusCodes.Status202Accepted, AnswerFor(drafts, durable), TimelessJson.Default.EventsAnswer);
    }

    /// <exception cref="RefusedException">The body as a whole cannot be understood.</exception>
    private static List<EventDraft> Read(ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        var faults = new Faults();
        using var document = JsonBody.Parse(body, faults) ?? throw RefusedException.Of(faults);
        var drafts = new List<EventDraft>();
        EventShapes.Events.Read(document.RootElement, drafts, faults);
        if (faults.Count > 0)
        {
            throw RefusedException.Of(faults);
        }

        for (var i = 0; i < drafts.Count; i++)
        {
            if (drafts[i].Faults.Count == 0)
            {
                drafts[i].Faults = [.. FaultsOf(drafts[i], i, now)];
            }
        }

        return drafts;
    }

    private static IEnumerable<Fault> FaultsOf(EventDraft draft, int index, DateTimeOffset now)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        if (draft.At > now + AheadMax)
        {
            yield return new Fault(Pointer("at"), "in_future", $"is more than {AheadMax.TotalMinutes:0} minutes ahead of this server's clock");
        }
        else if (DateOnly.FromDateTime(draft.At!.Value.UtcDateTime) < today.AddDays(-BehindDaysMax))
        {
            yield return new Fault(Pointer("at"), "too_old", $"is more than {BehindDaysMax} days ago");
        }

        if (!draft.Event.MessageId.IsEmpty)
        {
            var day = Id.From(draft.Event.MessageId.Span).Day;
            if (day < today.AddDays(-BehindDaysMax) || day > today.AddDays(AheadDaysMax))
            {
                yield return new Fault(Pointer("message_id"), "out_of_range", $"names a message that is older than {BehindDaysMax} days, or not of our time");
            }
        }

        string Pointer(string field) => string.Create(CultureInfo.InvariantCulture, $"/events/{index}/{field}");
    }

    private async Task<Durable> AppendAsync(Call call, List<EventDraft> drafts, DateTimeOffset now)
    {
        using var activity = Trace.Send(Topics.Events);
        var headers = Trace.Headers(call.Http, activity);
        return await appender.AppendAsync(drafts.ConvertAll(it => Record(it, call.Tenant, now, headers)));
    }

    private Record Record(EventDraft draft, string tenant, DateTimeOffset now, IReadOnlyList<RecordHeader> headers)
    {
        var record = draft.Event;
        record.Tenant = tenant;
        record.At = draft.At!.Value.ToUnixTimeMilliseconds();
        record.ReceivedAt = now.ToUnixTimeMilliseconds();
        record.Day = record.MessageId.IsEmpty ? Id.DayOf(now) : (uint)(Id.From(record.MessageId.Span).Value >> 112);
        return new Record(Topics.Events, recipients.KeyOfUser(tenant, record.UserId), record.ToByteArray()) { Headers = headers };
    }

    private static EventsAnswer AnswerFor(List<EventDraft> drafts, Durable durable) => new(durable.Name(),
    [
        .. drafts.Select((it, index) => new EventAnswer(
            index, it.Event.EventId.Length > 0 ? it.Event.EventId : null, it.Faults.Count == 0 ? "accepted" : "rejected",
            it.Faults.Count == 0 ? null : [.. it.Faults.Select(fault => new ErrorAnswer(fault.Pointer, fault.Code, fault.Message))])),
    ]);
}
