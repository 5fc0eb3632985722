using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.Reads;
using Dispatch.Ingest.Spooling;
using Dispatch.Store.Control;
using Dispatch.Store.Queries;

namespace Dispatch.Ingest.Operate;

/// <param name="Automatic">Set by the service that saw a fault; a person's setting overrides it.</param>
sealed record ModeAnswer(
    string Switch, string Value, ScopeAnswer Scope, string Reason, string Owner, DateTimeOffset ChangedAt, DateTimeOffset ExpiresAt, bool Automatic, long Version);

/// <summary>What a change would touch.</summary>
/// <param name="MessagesPerMinute">Accepted in the scope, over the last ten minutes.</param>
/// <param name="BecomesBlind">What is not known, or not done, until it is switched back.</param>
sealed record BlastRadius(double MessagesPerMinute, IReadOnlyList<TenantTraffic> Tenants, IReadOnlyList<string> BecomesBlind);

/// <param name="Mode">As it holds now; on a dry run, as it would.</param>
sealed record ModeChanged(bool DryRun, ModeAnswer Mode, BlastRadius BlastRadius);

sealed class ModeDraft
{
    public string? Switch { get; set; }

    public string? Value { get; set; }

    public string? Reason { get; set; }

    public string? Owner { get; set; }

    public int? ExpiresInSeconds { get; set; }

    public Channel? Channel { get; set; }

    public TrafficClass? Class { get; set; }

    public string? Tenant { get; set; }

    public string? Lane { get; set; }

    public bool DryRun { get; set; }

    public ModeChange ToChange() => new(Switch, Value, Reason, Owner, ExpiresInSeconds, Channel, Class, Tenant, Lane, DryRun);
}

/// <summary>`/v1/operate/modes`: what is switched, and switching. Every change has a reason, an owner and an expiry, and can be tried dry.</summary>
sealed class ModeResource(ControlStore control, ModeBook book, StatQueries stats, Replays replays, TimeProvider clock, Spool? spool = null)
{
    private const int BodyBytesMax = 16 * 1_024;

    public static readonly Shape<ModeDraft> Change = new("ModeChange", "One switch for one scope; what the scope does not name, it covers.",
        new TextField<ModeDraft>("switch", "feedback, caps, dispatch, ingest, divert.", (it, value) => it.Switch = value) { Required = true, LengthMax = 32 },
        new TextField<ModeDraft>("value", "on, bypass; enforce, send, hold; run, pause, drain; log, spool; none.", (it, value) => it.Value = value) { Required = true, LengthMax = 32 },
        new TextField<ModeDraft>("reason", "Whoever finds this switch wants to know why.", (it, value) => it.Reason = value) { Required = true, LengthMax = ModeChange.TextLengthMax },
        new TextField<ModeDraft>("owner", "Who answers for it.", (it, value) => it.Owner = value) { Required = true, LengthMax = ModeChange.TextLengthMax },
        new WholeField<ModeDraft>("expires_in_seconds", "No switch stays on forgotten.", ModeChange.ExpiresInSecondsMin, ModeChange.ExpiresInSecondsMax,
            (it, value) => it.ExpiresInSeconds = (int)value) { Required = true },
        new ChoiceField<ModeDraft, Channel>("channel", "", MessageShapes.Channels, (it, value) => it.Channel = value),
        new ChoiceField<ModeDraft, TrafficClass>("class", "", MessageShapes.Classes, (it, value) => it.Class = value),
        new TextField<ModeDraft>("tenant", "", (it, value) => it.Tenant = value) { LengthMax = 64 },
        new TextField<ModeDraft>("lane", "", (it, value) => it.Lane = value) { LengthMax = 64 },
        new FlagField<ModeDraft>("dry_run", "Only answers what it would touch.", (it, value) => it.DryRun = value));

    /// <summary>What is not in its normal position, as this process sees it.</summary>
    public Task ListAsync(Call call)
    {
        var now = clock.GetUtcNow();
        var modes = book.Current.Modes.Where(mode => mode.ExpiresAt > now && mode.Value != Switches.Values[mode.Switch][0]).Select(AnswerFor).ToList();
        return Answer.JsonAsync(call.Http, 200, new Page<ModeAnswer>(modes, null), WireJson.Default.PageModeAnswer);
    }

    public async Task SwitchAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var change = JsonBody.Read(body.Bytes, Change, new ModeDraft(), Check).ToChange();
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var now = clock.GetUtcNow();
            var mode = change.ToMode(now);
            var traffic = await stats.TrafficAsync(mode.Scope, now, call.Aborted);
            var radius = new BlastRadius(traffic.Sum(it => it.MessagesPerMinute), traffic, BecomesBlind(mode));
            if (!change.DryRun)
            {
                mode = await control.SwitchAsync(mode, call.Key.Id, CancellationToken.None);
            }

            return Made.Of(200, new ModeChanged(change.DryRun, AnswerFor(mode), radius), WireJson.Default.ModeChanged);
        });
    }

    private void Check(ModeDraft draft, Faults faults)
    {
        var named = faults.All.Select(it => it.Pointer).ToHashSet(StringComparer.Ordinal);
        foreach (var (field, message) in draft.ToChange().FaultsByField().Where(it => !named.Contains($"/{it.Field}")))
        {
            faults.Add(field, "invalid", message);
        }

        if (draft is { Switch: Switches.Ingest, Channel: not null } or { Switch: Switches.Ingest, Tenant: not null } or { Switch: Switches.Ingest, Lane: not null })
        {
            faults.Add("switch", "not_supported", "ingest is switched for a class, or for all");
        }

        if (draft is { Switch: Switches.Divert, Value: not (null or Switches.NotDiverted) })
        {
            faults.Add("value", "not_supported", "diverting goes through POST /v1/operate/divert, which looks at the target first; here it is only ended, by none");
        }

        if (draft is { Switch: Switches.Ingest, Value: Spooling.Switch.Spool } && spool is null)
        {
            faults.Add("value", "not_supported", "the log is in files on this very disk: there is no spool");
        }
    }

    private static IReadOnlyList<string> BecomesBlind(Mode mode) => (mode.Switch, mode.Value) switch
    {
        (Switches.Feedback, "bypass") =>
        [
            "states of messages after they were routed", "statistics and rates, marked as blind", "releases of caps: places stand until they end by themselves",
            "suppressions that providers report",
        ],
        (Switches.Caps, "send") => ["caps: what is sent is charged afterwards, and marked not_checked"],
        (Switches.Caps, "hold") => ["nothing; messages that a cap counts wait until it is switched back or they expire"],
        (Switches.Dispatch, "pause") => ["nothing; messages wait until it is switched back or they expire"],
        (Switches.Ingest, "spool") => ["nothing; what comes waits on the disk of each instance until it is switched back"],
        (Switches.Dispatch, "drain") => ["nothing; what is on its way is finished, nothing new is begun"],
        _ => [],
    };

    private static ModeAnswer AnswerFor(Mode mode) => new(
        mode.Switch, mode.Value, ReadStatus.Scope(mode.Scope), mode.Reason, mode.Owner, mode.ChangedAt, mode.ExpiresAt, mode.Automatic, mode.Version);
}
