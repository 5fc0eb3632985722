using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Store.Queries;

namespace Dispatch.Ingest.Operate;

/// <summary>Messages that are parked for one reason.</summary>
/// <param name="Oldest">Since when the first of them waits.</param>
sealed record HeldAnswer(string Tenant, string Class, string Channel, string Reason, long Count, DateTimeOffset Oldest);

/// <summary>`GET /v1/operate/held`: what waits, and for what.</summary>
sealed class HeldResource(StatQueries stats)
{
    public static readonly IReadOnlyList<Parameter> Parameters = [new("tenant", "One tenant's.")];

    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, Parameters);
        query.Check();
        var groups = await stats.HeldAsync(query.Text("tenant"), call.Aborted);
        var items = groups.ConvertAll(it => new HeldAnswer(it.Tenant, Topics.Name(it.Class), Topics.Name(it.Channel), it.Reason, it.Count, it.Oldest));
        await Answer.JsonAsync(call.Http, 200, new Page<HeldAnswer>(items, null), WireJson.Default.PageHeldAnswer);
    }
}
