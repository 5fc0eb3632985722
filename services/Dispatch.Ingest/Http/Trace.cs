using System.Diagnostics;
using System.Text;
using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Ingest.Http;

/// <summary>The trace goes on through the log: with our own span when somebody listens, else with the caller's as it came.</summary>
static class Trace
{
    private const int TraceParentLength = 55; // W3C Trace Context, version 00

    public static Activity? Send(string topic) => !Telemetry.Activities.HasListeners() ? null : Telemetry.Activities.StartActivity($"send {topic}", ActivityKind.Producer)
        ?.SetTag("messaging.system", "dispatch").SetTag("messaging.operation.name", "send").SetTag("messaging.operation.type", "send")
        .SetTag("messaging.destination.name", topic);

    public static IReadOnlyList<RecordHeader> Headers(HttpContext http, Activity? activity)
    {
        var parent = activity?.Id ?? (http.Request.Headers.TraceParent is [{ Length: TraceParentLength } own] && ActivityContext.TryParse(own, null, out _) ? own : null);
        return parent is null ? [] : [new RecordHeader(RecordHeaders.TraceParent, Encoding.ASCII.GetBytes(parent))];
    }
}
