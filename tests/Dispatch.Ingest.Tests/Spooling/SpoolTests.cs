using System.Collections.Concurrent;
using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Ingest.Tests.Spooling;

/// <summary>Ingest in front of brokers that are away, stall, or come back. No PostgreSQL: the door is blind, which is the harder case.</summary>
public sealed class SpoolTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly (string, string)[] Nobody = [("Dispatch:Kafka:Brokers", $"127.0.0.1:{FreePorts.One()}")];

    private static int _posted;

    [Fact]
    public async Task Without_brokers_what_comes_is_spooled_and_the_answer_says_so()
    {
        await using var ingest = await StartAsync(Nobody);
        var answer = await ingest.PostAsync("/v1/messages", Post("transactional"));
        (answer.Status, (string?)answer.Json["durable"]).ShouldBe((202, "spool"));
        var events = await ingest.PostAsync("/v1/events", """{ "events": [ { "event_id": "e-1", "user_id": "u-1", "name": "open", "at": "2000-01-01T00:00:00Z" } ] }""".Replace("2000-01-01", DateTimeOffset.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), StringComparison.Ordinal));
        (events.Status, (string?)events.Json["durable"]).ShouldBe((202, "spool"));
        await Eventually.HoldsAsync(async () =>
        {
            var said = await ingest.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{Post("campaign")}} ] }""");
            return (said.Status, (string?)said.Json["durable"]) == (202, "spool") && said.Header("Dispatch-Degraded").Contains("ingest=spool", StringComparison.Ordinal);
        });
        ingest.Services.GetRequiredService<Spool>().Waiting(Topics.Events).ShouldBe(1);
    }

    [Fact]
    public async Task A_full_spool_refuses_bulk_first_with_a_time_to_come_again()
    {
        await using var ingest = await StartAsync([.. Nobody, ("Dispatch:Ingest:Spool:BytesMax", (16 << 20).ToString(CultureInfo.InvariantCulture))]);
        Answered answer;
        var accepted = 0;
        while ((answer = await ingest.PostAsync("/v1/messages", Post("campaign", bytes: 1 << 20))).Status == 202)
        {
            accepted++;
        }

        (answer.Status, answer.Code, answer.Header("Retry-After")).ShouldBe((503, "unavailable", "30"));
        ((string?)answer.Json["detail"]).ShouldNotBeNull().ShouldContain("requests.campaign");
        accepted.ShouldBeInRange(9, 11); // 60 % of 16 MiB
        (await ingest.PostAsync("/v1/messages", Post("automation", bytes: 1 << 20))).Status.ShouldBe(202);
        (await ingest.PostAsync("/v1/messages", Post("transactional"))).Status.ShouldBe(202);
    }

    [Fact]
    public async Task What_an_earlier_process_spooled_is_counted_and_its_keys_are_known()
    {
        using var folder = new TempFolder();
        var post = Post("transactional");
        string? first;
        await using (var ingest = await StartAsync(Nobody, folder))
        {
            var answer = await ingest.PostAsync("/v1/messages", post, idempotencyKey: "key-1");
            first = (string?)answer.Json["request_id"];
        }

        await using var again = await StartAsync(Nobody, folder);
        await Eventually.HoldsAsync(() => again.Services.GetRequiredService<Spool>().Records == 1);
        var repeated = await again.PostAsync("/v1/messages", post, idempotencyKey: "key-1");
        ((string?)repeated.Json["request_id"], repeated.Header("Idempotent-Replayed")).ShouldBe((first, "true"));
        (await again.PostAsync("/v1/messages", Post("transactional"), idempotencyKey: "key-1")).Status.ShouldBe(422);
    }

    [KafkaFact]
    public async Task Brokers_that_stall_and_die_under_load_cost_callers_nothing_and_get_everything_once_or_marked()
    {
        using var folder = new TempFolder();
        await using var brokers = await Broker.StartAsync();
        await using var ingest = await StartAsync(brokers.Settings, folder);
        await Eventually.HoldsAsync(async () => (string?)(await ingest.PostAsync("/v1/messages", Post("campaign"))).Json["durable"] == "log", Patience);

        var (answers, enough) = (new ConcurrentBag<Answered>(), new CancellationTokenSource());
        var load = Task.WhenAll(Enumerable.Range(0, 8).Select(async n =>
        {
            while (!enough.IsCancellationRequested)
            {
                answers.Add(await ingest.PostAsync("/v1/messages", Post(n == 0 ? "transactional" : "campaign")));
            }
        }));
        var spool = ingest.Services.GetRequiredService<Spool>();
        brokers.Node.Freeze();
        await Eventually.HoldsAsync(() => spool.Records > 0, Patience); // each waited for a third of a second
        brokers.Node.Thaw();
        await Eventually.HoldsAsync(() => spool.Records == 0, Patience);
        await brokers.Node.KillAsync();
        var outage = ingest.Services.GetRequiredService<Outage>();
        await Eventually.HoldsAsync(() => outage.ClusterSince is not null, TimeSpan.FromSeconds(10));
        var before = answers.Count;
        await Eventually.HoldsAsync(() => answers.Count > before + 500, Patience);
        brokers.Node.Start();
        await Eventually.HoldsAsync(() => spool.Records == 0 && outage.ClusterSince is null, Patience);
        await enough.CancelAsync();
        await load;
        await Eventually.HoldsAsync(() => spool.Records == 0, Patience);

        answers.ShouldAllBe(answer => answer.Status == 202);
        answers.Count(answer => (string?)answer.Json["durable"] == "spool").ShouldBeGreaterThan(500);
        List<Request> there = [.. await ingest.RequestsAsync(), .. await ingest.RequestsAsync(TrafficClass.Campaign)];
        var copies = there.GroupBy(request => Id.From(request.RequestId.Span).ToText(IdPrefix.Request)).ToDictionary(it => it.Key, it => it.ToList());
        answers.Select(answer => (string)answer.Json["request_id"]!).ShouldAllBe(id => copies.ContainsKey(id));
        copies.Values.ShouldAllBe(of => of.Count(request => request.RepeatSince == 0) <= 1); // at most one that Router does not look up
    }

    [KafkaFact]
    public async Task A_class_that_a_person_switched_to_the_spool_stays_there_until_it_is_switched_back()
    {
        await using var brokers = await Broker.StartAsync();
        await using var ingest = await StartAsync(brokers.Settings);
        await Eventually.HoldsAsync(async () => (string?)(await ingest.PostAsync("/v1/messages", Post("transactional"))).Json["durable"] == "log", Patience);
        var modes = ingest.Services.GetRequiredService<ModeBook>();
        var now = DateTimeOffset.UtcNow;
        modes.Set(new Mode(Switches.Ingest, "spool", new ModeScope(Class: TrafficClass.Campaign), "maintenance", "me", now, now.AddHours(1), Automatic: false, Version: 1));
        ((string?)(await ingest.PostAsync("/v1/messages", Post("campaign"))).Json["durable"]).ShouldBe("spool");
        ((string?)(await ingest.PostAsync("/v1/messages", Post("transactional"))).Json["durable"]).ShouldBe("log");
        ingest.Services.GetRequiredService<Spool>().Waiting(Topics.Requests(TrafficClass.Campaign)).ShouldBe(1);
        modes.Set(new Mode(Switches.Ingest, "log", new ModeScope(Class: TrafficClass.Campaign), "done", "me", now.AddSeconds(1), now.AddHours(1), Automatic: false, Version: 2));
        await Eventually.HoldsAsync(async () => (await ingest.RequestsAsync(TrafficClass.Campaign)).Count == 1, Patience);
    }

    [KafkaFact]
    public async Task A_spool_whose_process_never_comes_back_is_adopted()
    {
        using var folder = new TempFolder();
        await using (var ingest = await StartAsync(Nobody, folder))
        {
            for (var i = 0; i < 300; i++)
            {
                (await ingest.PostAsync("/v1/messages", Post("campaign"))).Status.ShouldBe(202);
            }

            await Should.ThrowAsync<InvalidOperationException>(() => AdoptAsync(folder, ingest.Log)); // it still has its folder
        }

        await using var brokers = await Broker.StartAsync();
        await using var log = brokers.Open();
        (await AdoptAsync(folder, log)).ShouldBe(300);
        (await AdoptAsync(folder, log)).ShouldBe(0);
        await using var other = await StartAsync(brokers.Settings);
        await Eventually.HoldsAsync(async () => (string?)(await other.PostAsync("/v1/messages", Post("transactional"))).Json["durable"] == "log", Patience);
        var there = await other.RequestsAsync(TrafficClass.Campaign);
        there.Count.ShouldBe(300);
        there.ShouldAllBe(request => request.RepeatSince > 0);
    }

    private static Task<long> AdoptAsync(TempFolder folder, IEventLog log) =>
        SpoolAdoption.RunAsync(Path.Combine(folder.Path, "ingest", "spool"), log, TimeProvider.System, NullLoggerFactory.Instance, _ => { }, CancellationToken.None);

    private static Task<IngestHost> StartAsync(IReadOnlyList<(string, string)> settings, TempFolder? folder = null) => IngestHost.StartAsync(null, folder, null, [.. settings]);

    private static string Post(string @class, int bytes = 10)
    {
        var n = Interlocked.Increment(ref _posted);
        return $$"""
            { "class": "{{@class}}", "recipients": [ { "email": "r{{n}}@example.org" } ],
              "content": { "email": { "from": "Shop <no-reply@shop.example>", "subject": "n", "text": "{{new string('x', bytes)}}" } } }
            """;
    }
}
