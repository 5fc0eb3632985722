using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Tests;

public sealed class RehearsalTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Callers_are_let_in_after_a_rehearsal_that_leaves_nothing_behind()
    {
        await using var database = await PostgresServer.CreateDatabaseAsync();
        await using var ingest = await IngestHost.StartAsync(database.ConnectionString);
        await Eventually.HoldsAsync(async () => (await OutcomeAsync(ingest)).StartsWith("calls were rehearsed in ", StringComparison.Ordinal), Patience);
        foreach (var topic in Topics.All)
        {
            (await ingest.EntriesAsync(topic)).ShouldBeEmpty(topic);
        }

        await Eventually.HoldsAsync(async () => await database.ScalarAsync<long>("select count(*) from idempotency") == 0, Patience); // its key is free again
    }

    [Fact]
    public async Task Callers_are_let_in_without_a_store_too()
    {
        await using var ingest = await IngestHost.StartAsync(null);
        await Eventually.HoldsAsync(async () => (await OutcomeAsync(ingest)).StartsWith("calls were rehearsed in ", StringComparison.Ordinal), Patience);
    }

    private static async Task<string> OutcomeAsync(IngestHost ingest)
    {
        using var http = new HttpClient { BaseAddress = new Uri(ingest.Services.GetRequiredService<IOptions<DispatchOptions>>().Value.AdminListen) };
        using var answer = await http.GetAsync("/healthz/ready");
        return (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["checks"]!["rehearsal"]!["detail"]!;
    }
}
