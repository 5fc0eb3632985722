using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Spooling;
using Dispatch.Log.Clusters;
using Dispatch.Log.Kafka;
using Dispatch.Store.Control;
using Dispatch.Store.Queries;

namespace Dispatch.Ingest.Diverting;

/// <param name="Configured">Its weight while nobody diverts.</param>
/// <param name="Current">The share of new records that this instance gives it now, 0 to 1.</param>
/// <param name="SilentSince">Since when it acknowledges nothing to this instance; null: it does.</param>
sealed record ClusterAnswer(string Name, int Number, int Configured, double Current, DateTimeOffset? SilentSince);

/// <param name="Diversion">As it is set; null: nothing is diverted.</param>
sealed record DivertState(IReadOnlyList<ClusterAnswer> Clusters, DivertPlan? Diversion);

/// <param name="Canary">The shares until <paramref name="FullAt"/>; null: all of it moves at once.</param>
sealed record DivertPlan(string Weights, string? Canary, DateTimeOffset? FullAt, string Before, string Reason, string Owner, DateTimeOffset ExpiresAt);

/// <param name="Fault">Why it should not be written to; null: a record went to every partition and was read back.</param>
sealed record PreflightAnswer(string Cluster, string? Fault, int Partitions, double SlowestMs);

/// <param name="MessagesPerMinute">Accepted over the last ten minutes.</param>
/// <param name="ShareMoved">Of them, 0 to 1.</param>
sealed record Diverted(bool DryRun, DivertPlan Plan, IReadOnlyList<PreflightAnswer> Preflight, double MessagesPerMinute, double ShareMoved);

sealed class DivertDraft
{
    public string? Weights { get; set; }

    public int CanaryPercent { get; set; } = 1;

    public int CanarySeconds { get; set; } = 60;

    public string? Reason { get; set; }

    public string? Owner { get; set; }

    public int? ExpiresInSeconds { get; set; }

    public bool Force { get; set; }

    public bool DryRun { get; set; }
}

/// <summary>`/v1/operate/divert`: where new records go when there are several clusters. The target is tried first, then gets a small share, then all of it.</summary>
/// <param name="weights">Null: the log is in files.</param>
sealed class DivertResource(ControlStore control, ModeBook book, StatQueries stats, Replays replays, TimeProvider clock, ClusterWeights? weights = null, Outage? outage = null)
{
    private const int BodyBytesMax = 16 * 1_024;
    private static readonly IReadOnlyCollection<string> Tried = Spool.Topics;

    public static readonly Shape<DivertDraft> Change = new("DivertChange", "New records move to other clusters; what is there already is read from where it is.",
        new TextField<DivertDraft>("weights", "By cluster, in parts of the sum: main=0,east=100.", (it, value) => it.Weights = value) { Required = true, LengthMax = 500 },
        new WholeField<DivertDraft>("canary_percent", "How much of it moves at first; 0: all of it moves at once. Left out: 1.", 0, 50, (it, value) => it.CanaryPercent = (int)value),
        new WholeField<DivertDraft>("canary_seconds", "For how long. Left out: 60.", 10, 3_600, (it, value) => it.CanarySeconds = (int)value),
        new TextField<DivertDraft>("reason", "Whoever finds this wants to know why.", (it, value) => it.Reason = value) { Required = true, LengthMax = ModeChange.TextLengthMax },
        new TextField<DivertDraft>("owner", "Who answers for it.", (it, value) => it.Owner = value) { Required = true, LengthMax = ModeChange.TextLengthMax },
        new WholeField<DivertDraft>("expires_in_seconds", "Then the configured weights hold again: set those before.", ModeChange.ExpiresInSecondsMin, ModeChange.ExpiresInSecondsMax,
            (it, value) => it.ExpiresInSeconds = (int)value) { Required = true },
        new FlagField<DivertDraft>("force", "Diverts although the target failed its preflight. The canary is watched all the same.", (it, value) => it.Force = value),
        new FlagField<DivertDraft>("dry_run", "Tries the target, and only answers what would move.", (it, value) => it.DryRun = value));

    public Task ReadAsync(Call call)
    {
        var attached = Attached();
        var now = clock.GetUtcNow();
        var plan = book.Current.Of(Switches.Divert, new ModeScope(), now) is { } mode && Diversion.TryParse(mode.Value, out var diversion) ? PlanOf(mode, diversion) : null;
        return Answer.JsonAsync(call.Http, 200, new DivertState(
            [.. attached.Clusters.Select(it => new ClusterAnswer(it.Name, it.Number, it.Weight, attached.Current.Of(it.Name), outage?.Since(it.Number)))], plan), WireJson.Default.DivertState);
    }

    public async Task DivertAsync(Call call)
    {
        var attached = Attached();
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var draft = JsonBody.Read(body.Bytes, Change, new DivertDraft(), (it, faults) => Check(it, attached, faults));
        var full = Shares.Parse(draft.Weights!);
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var before = attached.Current;
            var preflight = await PreflightAsync(attached, before.Growing(full), call.Aborted);
            if (!draft.Force && preflight.Where(it => it.Fault is not null).ToList() is { Count: > 0 } failed)
            {
                throw new RefusedException(new Problem(409, "preflight_failed", "The target is not fit to be written to",
                    $"Nothing was diverted. {string.Join("; ", failed.Select(it => $"{it.Cluster}: {it.Fault}"))}. `force` diverts nevertheless, and the canary is still watched."));
            }

            var now = clock.GetUtcNow();
            var diversion = draft.CanaryPercent == 0 ? new Diversion(full, now, full, before)
                : new Diversion(before.Towards(full, draft.CanaryPercent), now.AddSeconds(draft.CanarySeconds), full, before);
            var mode = new Mode(
                Switches.Divert, $"{diversion}", new ModeScope(), draft.Reason!, draft.Owner!, now, now.AddSeconds(draft.ExpiresInSeconds!.Value), Automatic: false, Version: 0);
            var traffic = await stats.TrafficAsync(mode.Scope, now, call.Aborted);
            if (!draft.DryRun)
            {
                mode = await control.SwitchAsync(mode, call.Key.Id, CancellationToken.None);
            }

            var moved = before.Growing(full).Sum(name => full.Of(name) - before.Of(name));
            return Made.Of(200, new Diverted(draft.DryRun, PlanOf(mode, diversion), preflight, traffic.Sum(it => it.MessagesPerMinute), Math.Round(moved, 4)), WireJson.Default.Diverted);
        });
    }

    private ClusterWeights Attached() => weights ?? throw new RefusedException(new Problem(
        409, "no_clusters", "There is nothing to divert to", "The log is in files on this machine. Clusters are attached by Dispatch:Kafka (docs/runbooks/cluster-migration.md)."));

    private static void Check(DivertDraft draft, ClusterWeights attached, Faults faults)
    {
        if (draft.Weights is null)
        {
            return;
        }

        if (!Shares.TryParse(draft.Weights, out var shares))
        {
            faults.Add("weights", "invalid", "is name=weight,name=weight, each name once, weights of 0 to 1 000 000, one at least above 0");
            return;
        }

        foreach (var unknown in shares.ByName.Keys.Where(name => attached.Clusters.All(it => it.Name != name)))
        {
            faults.Add("weights", "unknown_cluster", $"there is no cluster '{unknown}' here; there are {string.Join(", ", attached.Clusters.Select(it => it.Name))}");
        }
    }

    private static async Task<IReadOnlyList<PreflightAnswer>> PreflightAsync(ClusterWeights attached, IReadOnlyList<string> targets, CancellationToken stop) =>
        await Task.WhenAll(attached.Clusters.Where(it => targets.Contains(it.Name)).Select(async it =>
        {
            var found = await ((KafkaLog)it.Log).PreflightAsync(Tried, stop);
            return new PreflightAnswer(it.Name, found.Fault, found.Partitions, Math.Round(found.Slowest.TotalMilliseconds, 1));
        }));

    private static DivertPlan PlanOf(Mode mode, Diversion diversion)
    {
        var hasCanary = diversion.Canary != diversion.Full;
        return new DivertPlan(
            $"{diversion.Full}", hasCanary ? $"{diversion.Canary}" : null, hasCanary ? diversion.FullAt : null, $"{diversion.Before}", mode.Reason, mode.Owner, mode.ExpiresAt);
    }
}
