using System.Collections.Immutable;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;
using Dispatch.Store;
using Dispatch.Store.Control;

namespace Dispatch.Ingest.Resources;

/// <summary>A cap: at most `limit` messages in any rolling window for one recipient, over all channels.</summary>
sealed record CapAnswer(string Id, string Kind, string? Subject, IReadOnlyList<string> Classes, int Limit, long WindowSeconds);

sealed class CapDraft
{
    public CapKind? Kind { get; set; }

    public string Subject { get; set; } = "";

    public List<TrafficClass> Classes { get; } = [];

    public int Limit { get; set; }

    public long WindowSeconds { get; set; }
}

/// <summary>`/v1/caps`. A change holds in every Router within seconds, and counts from then on.</summary>
sealed class CapResource(CapRules rules, ControlStore control, Replays replays, TimeProvider clock)
{
    public const string IdPrefix = "cap_";
    private const int BodyBytesMax = 16 * 1_024;

    private static readonly IReadOnlyList<(string Word, CapKind Value)> Kinds = [("global", CapKind.Global), ("label", CapKind.Label), ("automation", CapKind.Automation)];

    private static readonly Field<CapDraft>[] Changeable =
    [
        new ChoicesField<CapDraft, TrafficClass>("classes", "Whose messages it counts.", MessageShapes.Classes, (it, value) => it.Classes.Add(value)) { Required = true },
        new WholeField<CapDraft>("limit", "Messages in a window.", 1, CapRule.LimitMax, (it, value) => it.Limit = (int)value) { Required = true },
        new WholeField<CapDraft>("window_seconds", "The length of the rolling window.", (long)CapRule.WindowMin.TotalSeconds, (long)CapRule.WindowMax.TotalSeconds,
            (it, value) => it.WindowSeconds = value) { Required = true },
    ];

    public static readonly Shape<CapDraft> New = new("Cap", "At most limit messages in any rolling window for one recipient, over all channels.",
    [
        new ChoiceField<CapDraft, CapKind>("kind", "global: all messages; label: those with the subject as a label; automation: those of the subject.", Kinds,
            (it, value) => it.Kind = value) { Required = true },
        new TextField<CapDraft>("subject", "The label, or the automation.", (it, value) => it.Subject = value) { LengthMax = 64, Rule = Texts.IsWord },
        .. Changeable,
    ]);

    public static readonly Shape<CapDraft> Change = new("CapChange", "What a cap counts stays; how much it allows changes.", Changeable);

    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, Parameter.Paging);
        var (cursor, pageSize) = (query.Cursor(Id.Size), query.PageSize());
        query.Check();
        var found = await rules.ListAsync(call.Tenant, cursor is null ? null : Id.From(cursor), pageSize + 1, call.Aborted);
        await Answer.JsonAsync(call.Http, 200, Page.Of(found, pageSize, AnswerFor, rule => rule.Id.ToBytes()), WireJson.Default.PageCapAnswer);
    }

    public async Task GetAsync(Call call)
    {
        var rule = await rules.GetAsync(call.Tenant, IdOf(call), call.Aborted) ?? throw NotFound();
        await Answer.JsonAsync(call.Http, 200, AnswerFor(rule), WireJson.Default.CapAnswer);
    }

    public async Task CreateAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var draft = JsonBody.Read(body.Bytes, New, new CapDraft(), (it, faults) =>
        {
            if (it.Kind is { } kind && (kind == CapKind.Global) != (it.Subject.Length == 0))
            {
                faults.Add("subject", it.Subject.Length == 0 ? "required" : "not_allowed", kind == CapKind.Global ? "is not for kind global" : "names the label or the automation");
            }
        });
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var rule = await rules.AddAsync(
                new CapRule(0, Id.New(clock.GetUtcNow()), call.Tenant, draft.Kind!.Value, draft.Subject, Classes(draft), draft.Limit, TimeSpan.FromSeconds(draft.WindowSeconds)),
                call.Aborted);
            await AuditAsync(call, "cap.create", rule);
            return Made.Of(201, AnswerFor(rule), WireJson.Default.CapAnswer);
        });
    }

    public async Task ChangeAsync(Call call)
    {
        var id = IdOf(call);
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var draft = JsonBody.Read(body.Bytes, Change, new CapDraft());
        var rule = await rules.ChangeAsync(call.Tenant, id, Classes(draft), draft.Limit, TimeSpan.FromSeconds(draft.WindowSeconds), call.Aborted) ?? throw NotFound();
        await AuditAsync(call, "cap.change", rule);
        await Answer.JsonAsync(call.Http, 200, AnswerFor(rule), WireJson.Default.CapAnswer);
    }

    public async Task DeleteAsync(Call call)
    {
        var id = IdOf(call);
        var rule = await rules.GetAsync(call.Tenant, id, call.Aborted) ?? throw NotFound();
        if (!await rules.RemoveAsync(call.Tenant, id, call.Aborted))
        {
            throw NotFound();
        }

        await AuditAsync(call, "cap.delete", rule);
        call.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private Task AuditAsync(Call call, string what, CapRule rule) =>
        control.AuditAsync(clock.GetUtcNow(), call.Key.Id, what, System.Text.Json.JsonSerializer.Serialize(AnswerFor(rule), WireJson.Default.CapAnswer), CancellationToken.None);

    private static ImmutableArray<TrafficClass> Classes(CapDraft draft) => [.. draft.Classes.Distinct().Order()];

    private static Id IdOf(Call call) => Id.TryParse((string?)call.Http.Request.RouteValues["id"], IdPrefix, out var id) ? id : throw NotFound();

    private static RefusedException NotFound() => new(Problem.NotFound("cap"));

    private static CapAnswer AnswerFor(CapRule rule) => new(
        rule.Id.ToText(IdPrefix), Kinds.First(it => it.Value == rule.Kind).Word, rule.Subject.Length == 0 ? null : rule.Subject, [.. rule.Classes.Select(Topics.Name)],
        rule.Limit, (long)rule.Window.TotalSeconds);
}
