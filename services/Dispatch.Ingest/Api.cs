using Dispatch.Ingest.Diverting;
using Dispatch.Ingest.Events;
using Dispatch.Ingest.Hooks;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.OpenApi;
using Dispatch.Ingest.Operate;
using Dispatch.Ingest.Reads;
using Dispatch.Ingest.Resources;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest;

/// <summary>
/// Every call of the public API, with the scope that it needs. Whoever has the scope operate works for the whole deployment; everything else is one tenant's.
/// </summary>
sealed class Api(
    Gate gate, PostMessages messages, PostBatch batch, PostEvents events, ReadMessages read, ReadStats stats, ReadStatus status, CapResource caps,
    SuppressionResource suppressions, ModeResource modes, DivertResource divert, SettlementResource settlement, QuarantineResource quarantine, HeldResource held, KeyResource keys, HttpSmsHook httpSms)
{
    public IReadOnlyList<ApiCall> Calls { get; } =
    [
        new("POST", "/v1/messages", Scopes.Send, "Sends a request: content for one or more channels, to 1 to 10 000 recipients.", gate.For(Scopes.Send, messages.PostAsync))
        {
            Body = MessageShapes.Message, Status = 202, Answer = typeof(RequestAnswer),
        },
        new("POST", "/v1/messages/batch", Scopes.Send, "Sends up to 1 000 requests; each is answered for itself.", gate.For(Scopes.Send, batch.PostAsync))
        {
            Body = MessageShapes.Batch, Status = 202, Answer = typeof(BatchAnswer),
        },
        new("GET", "/v1/messages/{id}", Scopes.Read, "Where a message stands, and its timeline.", gate.For(Scopes.Read, read.MessageAsync)) { Answer = typeof(MessageState) },
        new("GET", "/v1/messages", Scopes.Read, "Messages, newest first.", gate.For(Scopes.Read, read.ListAsync))
        {
            Query = ReadMessages.ListParameters, Answer = typeof(Page<MessageState>),
        },
        new("GET", "/v1/requests/{id}", Scopes.Read, "What became of a request: counts by state, and its messages.", gate.For(Scopes.Read, read.RequestAsync))
        {
            Query = Parameter.Paging, Answer = typeof(RequestState),
        },
        new("POST", "/v1/requests/{id}/cancel", Scopes.Send, "Takes back what has not been sent.", gate.For(Scopes.Send, read.CancelAsync))
        {
            Status = 202, Answer = typeof(CancelAnswer),
        },
        new("POST", "/v1/events", Scopes.EventsWrite, "Up to 1 000 events of apps; each is answered for itself.", gate.For(Scopes.EventsWrite, events.PostAsync))
        {
            Body = EventShapes.Events, Status = 202, Answer = typeof(EventsAnswer),
        },
        new("GET", "/v1/stats", Scopes.Read, "Counts by time, and rates that leave out what was blind.", gate.For(Scopes.Read, stats.StatsAsync))
        {
            Query = ReadStats.Parameters, Answer = typeof(StatsAnswer),
        },
        new("GET", "/v1/status", Scopes.All, "What is degraded, since when, why, and until when.", gate.For(Scopes.All, status.StatusAsync)) { Answer = typeof(StatusAnswer) },

        new("GET", "/v1/caps", Scopes.Read, "Caps, newest first.", gate.For(Scopes.Read, caps.ListAsync)) { Query = Parameter.Paging, Answer = typeof(Page<CapAnswer>) },
        new("POST", "/v1/caps", Scopes.Operate, "Makes a cap.", gate.For(Scopes.Operate, caps.CreateAsync)) { Body = CapResource.New, Status = 201, Answer = typeof(CapAnswer) },
        new("GET", "/v1/caps/{id}", Scopes.Read, "A cap.", gate.For(Scopes.Read, caps.GetAsync)) { Answer = typeof(CapAnswer) },
        new("PUT", "/v1/caps/{id}", Scopes.Operate, "Changes what a cap allows.", gate.For(Scopes.Operate, caps.ChangeAsync))
        {
            Body = CapResource.Change, Answer = typeof(CapAnswer),
        },
        new("DELETE", "/v1/caps/{id}", Scopes.Operate, "Removes a cap.", gate.For(Scopes.Operate, caps.DeleteAsync)) { Status = 204 },
        new("GET", "/v1/suppressions", Scopes.Read, "Addresses that get nothing, by their ids, newest first.", gate.For(Scopes.Read, suppressions.ListAsync))
        {
            Query = SuppressionResource.ListParameters, Answer = typeof(Page<SuppressionAnswer>),
        },
        new("POST", "/v1/suppressions", Scopes.Operate, "Suppresses an address. 200 when it was suppressed before.", gate.For(Scopes.Operate, suppressions.CreateAsync))
        {
            Body = SuppressionResource.New, Status = 201, Answer = typeof(SuppressionAnswer),
        },
        new("DELETE", "/v1/suppressions/{id}", Scopes.Operate, "Lets an address get messages again.", gate.For(Scopes.Operate, suppressions.DeleteAsync)) { Status = 204 },

        new("GET", "/v1/operate/modes", Scopes.Operate, "Switches that are not in their normal position.", gate.For(Scopes.Operate, modes.ListAsync))
        {
            Answer = typeof(Page<ModeAnswer>),
        },
        new("POST", "/v1/operate/modes", Scopes.Operate, "Sets a switch for a scope, or only says what it would touch.", gate.For(Scopes.Operate, modes.SwitchAsync))
        {
            Body = ModeResource.Change, Answer = typeof(ModeChanged),
        },
        new("GET", "/v1/operate/divert", Scopes.Operate, "Clusters, and where new records go.", gate.For(Scopes.Operate, divert.ReadAsync)) { Answer = typeof(DivertState) },
        new("POST", "/v1/operate/divert", Scopes.Operate, "Moves new records to other clusters: tries the target, then a canary, then all of it.", gate.For(Scopes.Operate, divert.DivertAsync))
        {
            Body = DivertResource.Change, Answer = typeof(Diverted),
        },
        new("GET", "/v1/operate/settlement", Scopes.Operate, "The books: accepted is the sum over all states; and what sits too long.", gate.For(Scopes.Operate, settlement.ReportAsync))
        {
            Query = SettlementResource.Parameters, Answer = typeof(SettlementAnswer),
        },
        new("GET", "/v1/operate/quarantine", Scopes.Operate, "Records that made a service throw, newest first.", gate.For(Scopes.Operate, quarantine.ListAsync))
        {
            Query = QuarantineResource.ListParameters, Answer = typeof(Page<ParkedAnswer>),
        },
        new("POST", "/v1/operate/quarantine/redrive", Scopes.Operate, "Handles quarantined records again; twice does no harm.", gate.For(Scopes.Operate, quarantine.RedriveAsync))
        {
            Body = QuarantineResource.Redrive, Answer = typeof(RedriveAnswer),
        },
        new("GET", "/v1/operate/held", Scopes.Operate, "What is parked, and why.", gate.For(Scopes.Operate, held.ListAsync))
        {
            Query = HeldResource.Parameters, Answer = typeof(Page<HeldAnswer>),
        },
        new("GET", "/v1/operate/keys", Scopes.Operate, "API keys of all tenants, newest first, without their secrets.", gate.For(Scopes.Operate, keys.ListAsync))
        {
            Query = Parameter.Paging, Answer = typeof(Page<KeyAnswer>),
        },
        new("POST", "/v1/operate/keys", Scopes.Operate, "Makes an API key; its text is answered this once.", gate.For(Scopes.Operate, keys.CreateAsync))
        {
            Body = KeyResource.New, Status = 201, Answer = typeof(KeyAnswer),
        },
        new("DELETE", "/v1/operate/keys/{id}", Scopes.Operate, "Revokes an API key, for good.", gate.For(Scopes.Operate, keys.RevokeAsync)) { Status = 204 },

        new("POST", $"/hooks/{HookLanes.HttpSms}/{{lane}}", null, "A gateway's signed receipt.", gate.ForAnybody(httpSms.PostAsync)) { Status = 204 },
    ];
}
