using System.Buffers.Binary;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Messages;
using Dispatch.Store;
using Dispatch.Store.Control;
using Dispatch.Store.Queries;

namespace Dispatch.Ingest.Reads;

/// <summary>
/// What became of messages and requests. Another tenant's id is answered like one that does not exist. What this process accepted a moment ago is found at once;
/// elsewhere it is not known until Feedback has caught up.
/// </summary>
sealed class ReadMessages(MessageQueries messages, StatQueries stats, RecentMessages recent, Recipients recipients, ControlStore control, TimeProvider clock)
{
    /// <summary>A cancellation is remembered beyond the last second in which a message can be sent.</summary>
    private static readonly TimeSpan CancelMargin = TimeSpan.FromHours(1);

    public static readonly IReadOnlyList<Parameter> ListParameters =
    [
        new("user_id", "The recipient."), new("email", "The recipient, where the request gave no user_id."), new("phone", "The recipient, where the request gave no user_id."),
        new("label", "One of its labels."), new("campaign", "Its campaign."), new("state", "Where it stands."), new("channel", "push, email or sms."),
        new("class", "transactional, automation or campaign."), new("from", "Accepted at this time or later."), new("until", "Accepted before this time."), .. Parameter.Paging,
    ];

    /// <summary>`GET /v1/messages/{id}`</summary>
    public async Task MessageAsync(Call call)
    {
        var id = IdOf(call.Http, IdPrefix.Message, "message");
        RecentMessage? early = recent.Message(id) is { } it && it.Tenant == call.Tenant ? it : null;
        MessageRow? row;
        try
        {
            row = await messages.GetAsync(call.Tenant, id, call.Aborted);
        }
        catch (Exception e) when (early is not null && StoreFault.IsUnavailable(e))
        {
            row = null;
        }

        if (row is null)
        {
            await Answer.JsonAsync(call.Http, 200, State(early ?? throw Unknown(id, "message")), WireJson.Default.MessageState);
            return;
        }

        var blind = await stats.BlindAsync(row.AcceptedAt, clock.GetUtcNow(), call.Aborted);
        var state = State(row) with { Timeline = [.. row.Facts.Select(Fact)], Blind = blind.Count == 0 ? null : [.. blind.Select(Blind)] };
        await Answer.JsonAsync(call.Http, 200, state, WireJson.Default.MessageState);
    }

    /// <summary>`GET /v1/messages`</summary>
    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, ListParameters);
        var cursor = query.Cursor(sizeof(long) + Id.Size);
        var (pageSize, key) = (query.PageSize(), RecipientKey(query, call.Tenant));
        var filter = new MessageFilter(
            call.Tenant, key, query.Text("label"), query.Text("campaign"), query.Choice("state", Words.States), query.Channel(), query.Class(),
            query.Time("from"), query.Time("until"),
            cursor is null ? null : (DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(BinaryPrimitives.ReadInt64BigEndian(cursor), 0, 253_402_300_799_999)), Id.From(cursor.AsSpan(sizeof(long)))), pageSize + 1);
        query.Check();
        var rows = await messages.ListAsync(filter, call.Aborted);
        await Answer.JsonAsync(call.Http, 200, Page.Of(rows, pageSize, State, CursorOf), WireJson.Default.PageMessageState);
    }

    /// <summary>`GET /v1/requests/{id}`</summary>
    public async Task RequestAsync(Call call)
    {
        var id = IdOf(call.Http, IdPrefix.Request, "request");
        var query = new Query(call.Http, Parameter.Paging);
        var (cursor, pageSize) = (query.Cursor(Id.Size), query.PageSize());
        query.Check();
        var early = Early(call, id);
        IReadOnlyDictionary<State, long> states;
        List<MessageRow> rows;
        try
        {
            states = await messages.StatesOfRequestAsync(call.Tenant, id, call.Aborted);
            rows = await messages.OfRequestAsync(call.Tenant, id, cursor is null ? null : Id.From(cursor), pageSize + 1, call.Aborted);
        }
        catch (Exception e) when (early is not null && StoreFault.IsUnavailable(e))
        {
            (states, rows) = (new Dictionary<State, long>(), []);
        }

        if (states.Count == 0)
        {
            var accepted = early ?? throw Unknown(id, "request");
            var counts = new Dictionary<string, long> { [Words.Of(Contracts.State.Accepted)] = accepted.Accepted };
            await Answer.JsonAsync(call.Http, 200, new RequestState(id.ToText(IdPrefix.Request), counts, [.. accepted.Messages.Select(State)], null), WireJson.Default.RequestState);
            return;
        }

        var page = Page.Of(rows, pageSize, State, row => row.Message.ToBytes());
        var byState = states.ToDictionary(it => Words.Of(it.Key), it => it.Value);
        await Answer.JsonAsync(call.Http, 200, new RequestState(id.ToText(IdPrefix.Request), byState, page.Items, page.NextCursor), WireJson.Default.RequestState);
    }

    /// <summary>`POST /v1/requests/{id}/cancel`: looked at before each intent; only who drops a message writes that it was cancelled.</summary>
    public async Task CancelAsync(Call call)
    {
        var id = IdOf(call.Http, IdPrefix.Request, "request");
        var expiresAt = Early(call, id)?.ExpiresAt
            ?? (await messages.OfRequestAsync(call.Tenant, id, null, 1, call.Aborted)).Select(row => row.ExpiresAt ?? clock.GetUtcNow()).Cast<DateTimeOffset?>().FirstOrDefault()
            ?? throw Unknown(id, "request");
        await control.CancelAsync(call.Tenant, id, call.Key.Id, clock.GetUtcNow(), expiresAt + CancelMargin, call.Aborted);
        await Answer.JsonAsync(call.Http, 202, new CancelAnswer(id.ToText(IdPrefix.Request), "cancelling"), WireJson.Default.CancelAnswer);
    }

    private RecentRequest? Early(Call call, Id request) => recent.Request(request) is { } early && early.Tenant == call.Tenant ? early : null;

    private byte[]? RecipientKey(Query query, string tenant)
    {
        var (user, email, phone) = (query.Text("user_id"), query.Text("email"), query.Text("phone"));
        if (new[] { user, email, phone }.Count(it => it is not null) > 1)
        {
            query.Fault("user_id", "too_many", "is given alone: one of user_id, email and phone");
            return null;
        }

        if (user is not null)
        {
            return recipients.KeyOfUser(tenant, user);
        }

        if ((email ?? phone) is null)
        {
            return null;
        }

        var address = email is not null ? new Address { Channel = Channel.Email, Value = AddressRules.Email(email) ?? "" } : new Address { Channel = Channel.Sms, Value = AddressRules.Phone(phone!) ?? "" };
        if (address.Value.Length == 0)
        {
            query.Fault(email is not null ? "email" : "phone", "invalid_address", "is not an address of its kind");
        }

        return recipients.KeyOf(tenant, address);
    }

    /// <summary>Recent ids may be on their way; an old one that is not there will not come.</summary>
    private RefusedException Unknown(Id id, string what) =>
        new(id.Day.DayNumber >= DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime).DayNumber - 1 ? Problem.NotYetKnown : Problem.NotFound(what));

    private static Id IdOf(HttpContext http, string prefix, string what) =>
        Id.TryParse((string?)http.Request.RouteValues["id"], prefix, out var id) ? id : throw new RefusedException(Problem.NotFound(what));

    private static byte[] CursorOf(MessageRow row)
    {
        var cursor = new byte[sizeof(long) + Id.Size];
        BinaryPrimitives.WriteInt64BigEndian(cursor, row.AcceptedAt.ToUnixTimeMilliseconds());
        row.Message.ToBytes().CopyTo(cursor, sizeof(long));
        return cursor;
    }

    private static MessageState State(MessageRow row) => new(
        row.Message.ToText(IdPrefix.Message), row.Request?.ToText(IdPrefix.Request), Topics.Name(row.Class), Topics.Name(row.Channel), Words.Of(row.State),
        Words.Given(row.Reason), row.AcceptedAt, row.StateAt, row.ExpiresAt, Words.Given(row.Campaign), row.Labels, Words.Given(row.Provider), Words.Given(row.Lane),
        row.Attempts, row.Segments == 0 ? null : row.Segments, Words.Of(row.CapCheck), null, null);

    private static MessageState State(RecentMessage it) => new(
        it.Message.ToText(IdPrefix.Message), it.Request.ToText(IdPrefix.Request), Topics.Name(it.Class), Topics.Name(it.Channel), Words.Of(Contracts.State.Accepted),
        null, it.AcceptedAt, it.AcceptedAt, it.ExpiresAt, null, null, null, null, 0, null, null, null, null);

    private static FactAnswer Fact(Outcome fact) => new(
        DateTimeOffset.FromUnixTimeMilliseconds(fact.At), Words.Of(fact.Kind), Words.Of(fact.Verdict), Words.Of(fact.Scope), Words.Given(fact.Reason), Words.Given(fact.Provider),
        Words.Given(fact.Lane), fact.Attempt == 0 ? null : (int)fact.Attempt, fact.RetryAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(fact.RetryAt),
        Words.Given(fact.ProviderMessageId));

    public static BlindAnswer Blind(BlindWindow window) => new(window.From, window.Until, window.Dispatcher);
}
