using Dispatch.Contracts;
using Dispatch.Testing;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A dispatcher is killed with -9 while its window is full, and comes back.</summary>
public sealed class DispatcherCrashTests : IAsyncLifetime
{
    private readonly Rig _rig = new();
    private Endpoint _endpoint = null!;

    public async Task InitializeAsync() => _endpoint = await Endpoint.StartAsync();

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        await _endpoint.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_is_lost_and_only_what_was_in_flight_and_may_be_repeated_is_repeated()
    {
        const int window = 50;
        var careful = await _rig.PutAsync(200, "slow", inDoubt: InDoubt.Hold);
        var others = await _rig.PutAsync(200, "slow", inDoubt: InDoubt.Resend);
        await _rig.CloseLogAsync();

        for (var kills = 1; kills <= 3; kills++)
        {
            using var victim = Victim.Start("dispatcher", _rig.Folder, _endpoint.Address.ToString());
            var enough = _endpoint.Receipts.Count + 60;
            await Eventually.HoldsAsync(() => _endpoint.Receipts.Count >= enough, TimeSpan.FromSeconds(60));
            victim.Kill();
        }

        await _rig.ReopenLogAsync();
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(async () =>
        {
            var outcomes = await _rig.OutcomesAsync();
            var ended = outcomes.Where(it => it.State is State.Sent or State.InDoubt).Select(it => it.MessageId).ToHashSet();
            return careful.Concat(others).All(it => ended.Contains(it.MessageId));
        }, TimeSpan.FromSeconds(60));

        var receipts = _endpoint.Receipts.GroupBy(it => it.MessageId).ToDictionary(it => it.Key, it => it.Count());
        careful.ShouldAllBe(it => receipts.GetValueOrDefault(TextOf(it)) <= 1);
        others.ShouldAllBe(it => receipts.GetValueOrDefault(TextOf(it)) >= 1);
        receipts.Values.Sum(times => times - 1).ShouldBeLessThanOrEqualTo(3 * window);

        var all = await _rig.OutcomesAsync();
        var doubted = all.Where(it => it.Kind == OutcomeKind.Doubted).Select(it => it.MessageId).Distinct().ToList();
        doubted.Count.ShouldBeInRange(1, 3 * window);
        doubted.ShouldAllBe(id => careful.Any(it => it.MessageId == id));
        await Eventually.HoldsAsync(async () => (await _rig.MessagesAsync(Topics.Held(TrafficClass.Transactional))).Count == doubted.Count);
        (await _rig.MessagesAsync(Topics.Held(TrafficClass.Transactional))).ShouldAllBe(it => it.HoldReason == "in_doubt" && it.MayHaveLeft);
        all.Where(it => it.Kind == OutcomeKind.Attempted).Select(it => it.AttemptEpoch).Distinct().Count().ShouldBe(4);
    }

    [Fact]
    public async Task What_was_in_flight_at_a_stop_is_settled_by_the_next_start()
    {
        _rig.Options = new DispatcherOptions { StopPatience = TimeSpan.FromMilliseconds(100), SyncDelay = TimeSpan.FromMilliseconds(2), CommitInterval = TimeSpan.FromMilliseconds(20) };
        _endpoint.Mood = -1;
        var careful = Rig.NewMessage("x", inDoubt: InDoubt.Hold);
        var other = Rig.NewMessage("y");
        await _rig.PutAsync(careful, other);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count == 2);
        await _rig.StopAsync();
        _endpoint.Mood = 0;

        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 1);
        await _rig.ExpectAsync(State.InDoubt, 1);
        _endpoint.Receipts.Count(it => it.MessageId == TextOf(careful)).ShouldBe(1);
        _endpoint.Receipts.Count(it => it.MessageId == TextOf(other)).ShouldBe(2);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
    }

    [Fact]
    public async Task An_answer_that_was_cut_off_is_repeated_or_parked_as_the_message_says()
    {
        var careful = Rig.NewMessage("cut-x", inDoubt: InDoubt.Hold);
        await _rig.PutAsync(careful, Rig.NewMessage("cut-y"));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.InDoubt, 1);
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count(it => it.Address == "cut-y") >= 2);
        _endpoint.Receipts.Count(it => it.Address == "cut-x").ShouldBe(1);
        (await _rig.OutcomesAsync()).ShouldContain(it => it.Verdict == Verdict.Unknown && it.MessageId == careful.MessageId);
    }

    private static string TextOf(Message message) => Id.From(message.MessageId.Span).ToText(IdPrefix.Message);
}
