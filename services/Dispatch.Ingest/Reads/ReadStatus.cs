using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Store;

namespace Dispatch.Ingest.Reads;

/// <summary>`GET /v1/status`: what is degraded, since when, why, and until when.</summary>
sealed class ReadStatus(Degraded degraded, Door door, WriteProbe probe, Appender appender)
{
    public Task StatusAsync(Call call)
    {
        List<DegradedAnswer> all =
        [
            .. degraded.For(call.Tenant).Select(mode => new DegradedAnswer(mode.Switch, mode.Value, Scope(mode.Scope), mode.ChangedAt, mode.Reason, mode.ExpiresAt)),
        ];
        if (appender.Fault is var (_, since))
        {
            all.Add(new DegradedAnswer("log", "unwritable", null, since, "nothing can be made durable, so nothing is accepted", null));
        }

        if (!probe.Writable)
        {
            all.Add(new DegradedAnswer("store", "unwritable", null, probe.Since, "states, statistics and resources cannot be read or changed", null));
        }

        if (door.BlindSince is { } blind)
        {
            all.Add(new DegradedAnswer("idempotency", "deferred", null, blind, "keys are checked against this process's memory only, until the store is back", null));
        }

        var answer = new StatusAnswer(all.Count == 0 ? "normal" : "degraded", all.Count == 0 ? null : all.Min(it => it.Since), all);
        return Answer.JsonAsync(call.Http, 200, answer, WireJson.Default.StatusAnswer);
    }

    public static ScopeAnswer Scope(ModeScope scope) => new(
        scope.Channel is { } channel ? Topics.Name(channel) : null, scope.Class is { } of ? Topics.Name(of) : null, scope.Tenant, scope.Lane);
}
