using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>Partitions go to another dispatcher while attempts are in flight that do not end in time.</summary>
public sealed class KeptTests : IAsyncLifetime
{
    private static readonly DispatcherOptions Impatient = new()
    {
        SyncDelay = TimeSpan.FromMilliseconds(2), CommitInterval = TimeSpan.FromMilliseconds(20), StopPatience = TimeSpan.FromMilliseconds(200),
    };

    private readonly Rig _rig = new();
    private Endpoint _slow = null!;
    private Endpoint _quick = null!;

    public async Task InitializeAsync()
    {
        (_slow, _quick) = (await Endpoint.StartAsync(), await Endpoint.StartAsync());
        _rig.Seen = new SharedLog(_rig.Log);
        _rig.Options = Impatient;
    }

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        await _slow.DisposeAsync();
        await _quick.DisposeAsync();
    }

    [Fact]
    public async Task What_was_in_flight_is_settled_by_its_old_owner_and_holds_up_no_new_one()
    {
        await HangAsync(20);
        using var other = await OtherAsync();
        await LeftAsync();
        await _rig.PutAsync(200);
        await _rig.ExpectAsync(State.Sent, 200);
        _slow.Release(200);
        await _rig.ExpectAsync(State.Sent, 220);
        await DrainedAsync();
        _slow.Receipts.Concat(_quick.Receipts).GroupBy(it => it.MessageId).ShouldAllBe(of => of.Count() == 1);
        await other.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task What_is_to_be_tried_again_goes_back_through_the_router_once()
    {
        await HangAsync(10);
        using var other = await OtherAsync();
        await LeftAsync();
        _slow.Release(503);
        await Eventually.HoldsAsync(async () => (await ReroutedAsync()).Count == _kept);
        (await ReroutedAsync()).ShouldAllBe(message => message.Attempts == 1 && message.ParkingId.Length == 16 && message.NotBefore > 0);
        await other.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_journal_whose_process_never_comes_back_is_adopted()
    {
        await HangAsync(5);
        await HangAsync(5, InDoubt.Hold);
        await _rig.StopAsync();
        await JournalAdoption.RunAsync(_rig.JournalFolder, _rig.Seen, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        (await ReroutedAsync()).Count.ShouldBe(5);
        (await ReroutedAsync()).ShouldAllBe(message => message.MayHaveLeft && message.Attempts == 1);
        (await _rig.MessagesAsync(Topics.Held(TrafficClass.Transactional))).Count(message => message.HoldReason == "in_doubt").ShouldBe(5);
        (await _rig.OutcomesAsync()).Count(outcome => outcome.State == State.InDoubt).ShouldBe(5);

        (await JournalAdoption.RunAsync(_rig.JournalFolder, _rig.Seen, TimeProvider.System, NullLogger.Instance, CancellationToken.None)).ShouldBe(0);
        (await ReroutedAsync()).Count.ShouldBe(5);
        await _rig.StartAsync((Rig.Lane(), _quick.Address)); // whoever has the partitions now reads none of them again
        await _rig.PutAsync(20);
        await _rig.ExpectAsync(State.Sent, 20);
        await DrainedAsync();
        _quick.Receipts.Count.ShouldBe(20);
    }

    private int _kept;

    private async Task HangAsync(int count, InDoubt inDoubt = InDoubt.Resend)
    {
        await _rig.PutAsync(count, "hang", inDoubt: inDoubt);
        if (_kept == 0)
        {
            await _rig.StartAsync((Rig.Lane(), _slow.Address));
        }

        _kept += count;
        await Eventually.HoldsAsync(() => _slow.Receipts.Count == _kept);
    }

    private async Task<Dispatcher> OtherAsync()
    {
        var other = Rig.NewDispatcher(
            Path.Combine(_rig.Folder, "other"), Impatient, _rig.Seen, new ChannelControl(() => ControlSnapshot.Empty, (_, _, _, _, _) => { }, (_, _, _) => { }),
            NullLogger<Dispatcher>.Instance, (Rig.Lane(), _quick.Address));
        await other.StartAsync(CancellationToken.None);
        return other;
    }

    /// <summary>Half of the partitions have gone to the other; what hung in them is kept.</summary>
    private async Task LeftAsync()
    {
        await Eventually.HoldsAsync(() => _rig.JournalUnsettled > 0);
        _kept = _rig.JournalUnsettled;
    }

    private Task DrainedAsync() => _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));

    private Task<List<Message>> ReroutedAsync() => _rig.MessagesAsync(Topics.Reroute(TrafficClass.Transactional));
}
