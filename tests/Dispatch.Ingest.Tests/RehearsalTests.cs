using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
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

    [Fact]
    public async Task Nobody_is_sent_to_it_before_the_rehearsal_is_over()
    {
        var early = (Status: 0, Detail: "");
        // It has its turn while services are started, and calls are not rehearsed before all of them are.
        await using var ingest = await IngestHost.StartAsync(null, change: services => services.AddHostedService(provider => new Turn(async () => early = await ReadyAsync(provider))));
        early.ShouldBe((503, "calls are being rehearsed"));
        await Eventually.HoldsAsync(async () => (await ReadyAsync(ingest.Services)).Status == 200, Patience);
    }

    private static async Task<string> OutcomeAsync(IngestHost ingest) => (await ReadyAsync(ingest.Services)).Detail;

    private static async Task<(int Status, string Detail)> ReadyAsync(IServiceProvider services)
    {
        using var http = new HttpClient { BaseAddress = new Uri(services.GetRequiredService<IOptions<DispatchOptions>>().Value.AdminListen) };
        using var answer = await http.GetAsync("/healthz/ready");
        return ((int)answer.StatusCode, (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["checks"]!["rehearsal"]!["detail"]!);
    }

    private sealed class Turn(Func<Task> take) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => take();

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
