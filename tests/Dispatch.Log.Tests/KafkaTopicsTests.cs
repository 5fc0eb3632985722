using Confluent.Kafka.Admin;
using Dispatch.Log.Kafka;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests;

[NeedsKafka, Collection(RealKafka.Name)]
public sealed class KafkaTopicsTests : IAsyncLifetime
{
    private const string Topic = "requests.transactional";
    private KafkaOptions _options = new();

    public async Task InitializeAsync() => _options = await RealKafka.EmptyAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [ContractFact]
    public async Task What_is_missing_is_listed_and_made_only_when_told_to()
    {
        using var topics = new TopicAdmin(_options, [Topic]);
        var missing = await topics.CompareAsync(CancellationToken.None);
        missing.Select(it => it.ToString()).ShouldBe([$"{Topic}: is missing (2 partitions, 1 copies)", "progress: is missing (4 partitions, 1 copies)"]);
        (await topics.CompareAsync(CancellationToken.None)).Count.ShouldBe(2);

        await topics.ApplyAsync(missing, mayMoveKeys: false, CancellationToken.None);
        (await topics.CompareAsync(CancellationToken.None)).ShouldBeEmpty();
    }

    [ContractFact]
    public async Task A_setting_that_differs_is_set_and_what_an_operator_set_besides_stays()
    {
        using var topics = await MadeAsync();
        await SetAsync(("retention.ms", "1000"), ("segment.ms", "123456"));
        var difference = (await topics.CompareAsync(CancellationToken.None)).Single(it => it.What == "retention.ms");
        (difference.Is, difference.BreaksPromise).ShouldBe(("1000", false));

        await topics.ApplyAsync([difference], mayMoveKeys: false, CancellationToken.None);
        (await topics.CompareAsync(CancellationToken.None)).ShouldBeEmpty();
        (await SettingAsync("segment.ms")).ShouldBe("123456");
    }

    [ContractFact]
    public async Task Partitions_are_added_only_by_a_word_of_its_own_and_groups_begin_there_at_zero()
    {
        using (await MadeAsync())
        {
            await using var log = await Logs.OpenAsync(_options, Topic);
            await using var hop = await Hop.RunAsync(log, "hop", Topic);
        }

        var grown = _options with { Partitions = 3 };
        using var topics = new TopicAdmin(grown, [Topic]);
        var differences = await topics.CompareAsync(CancellationToken.None);
        differences.ShouldAllBe(it => it.Fix == TopicFix.MovesKeys);
        await topics.ApplyAsync(differences, mayMoveKeys: false, CancellationToken.None);
        (await topics.CompareAsync(CancellationToken.None)).Count.ShouldBe(differences.Count);
        await topics.ApplyAsync(differences, mayMoveKeys: true, CancellationToken.None);
        await Eventually.HoldsAsync(async () => (await topics.CompareAsync(CancellationToken.None)).Count == 0);

        await using var again = await Logs.OpenAsync(grown, Topic);
        await using var all = await Hop.RunAsync(again, "hop", Topic); // returns when it has all three
        all[new TopicPartition(Topic, 2)].Start.ShouldBe(Position.Zero);
        again.LostPositions.ShouldBeEmpty();
    }

    [ContractFact]
    public async Task A_log_refuses_topics_that_break_a_promise_and_opens_once_they_are_mended()
    {
        using var topics = await MadeAsync();
        await SetAsync(("unclean.leader.election.enable", "true"));
        await using var log = KafkaLog.Open(_options, [Topic], NullLogger.Instance);
        await Eventually.HoldsAsync(() => log.Fault?.Contains("unclean.leader.election.enable is true, should be false", StringComparison.Ordinal) == true);
        (await Should.ThrowAsync<AppendException>(async () => await log.AppendAsync([Logs.Value("too early")]))).Persistence.ShouldBe(Persistence.NotPersisted);

        await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
        await log.OpenedAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        log.Fault.ShouldBeNull();
        await log.AppendAsync([Logs.Value("now")]);
    }

    [ContractFact]
    public async Task A_group_whose_topic_was_made_anew_reads_nothing_there_and_says_so()
    {
        string[] both = [Topic, "push.transactional"];
        using (var topics = new TopicAdmin(_options, both))
        {
            await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
            await using (var log = await Logs.OpenAsync(_options, both))
            {
                await using var hop = await Hop.RunAsync(log, "hop", both);
            }

            using var admin = RealKafka.Admin(_options);
            await admin.DeleteTopicsAsync([Topic]);
            await Eventually.HoldsAsync(async () => (await topics.CompareAsync(CancellationToken.None)).Any(it => it.What == "topic"));
            await Eventually.HoldsAsync(async () =>
            {
                await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
                return (await topics.CompareAsync(CancellationToken.None)).Count == 0;
            });
        }

        await using var again = await Logs.OpenAsync(_options, both);
        using var stop = new CancellationTokenSource();
        var given = new System.Collections.Concurrent.ConcurrentBag<string>();
        var run = again.RunAsync(new Group("hop", both), async (partition, revoked) =>
        {
            given.Add(partition.Id.Topic);
            await Task.Delay(Timeout.Infinite, revoked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }, stop.Token);
        await Eventually.HoldsAsync(() => again.LostPositions.Count() == _options.Partitions && given.Count == _options.Partitions);
        given.ShouldAllBe(topic => topic == "push.transactional");
        await stop.CancelAsync();
        await run;
    }

    private async Task<TopicAdmin> MadeAsync()
    {
        var topics = new TopicAdmin(_options, [Topic]);
        await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
        return topics;
    }

    private async Task SetAsync(params (string Name, string Value)[] settings)
    {
        using var admin = RealKafka.Admin(_options);
        var own = (await admin.DescribeConfigsAsync([Resource]))[0].Entries.Values.Where(entry => entry.Source == ConfigSource.DynamicTopicConfig && !settings.Any(it => it.Name == entry.Name))
            .Select(entry => new ConfigEntry { Name = entry.Name, Value = entry.Value });
        await admin.AlterConfigsAsync(new() { [Resource] = [.. own, .. settings.Select(it => new ConfigEntry { Name = it.Name, Value = it.Value })] });
        await Eventually.HoldsAsync(async () => await SettingAsync(settings[0].Name) == settings[0].Value);
    }

    private async Task<string> SettingAsync(string name)
    {
        using var admin = RealKafka.Admin(_options);
        return (await admin.DescribeConfigsAsync([Resource]))[0].Entries[name].Value;
    }

    private static ConfigResource Resource => new() { Type = ResourceType.Topic, Name = Topic };
}
