namespace Dispatch.Contracts.Tests;

public class ModesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ModeScope PushOfShop = new(Channel.Push, TrafficClass.Campaign, "shop");

    [Fact]
    public void Nothing_switched_is_the_normal_position()
    {
        foreach (var (name, values) in Switches.Values)
        {
            ControlSnapshot.Empty.ValueOf(name, PushOfShop, Now).ShouldBe(values[0]);
        }
    }

    [Fact]
    public void The_scope_that_names_more_wins() =>
        Snapshot(Mode("pause", new(), version: 9), Mode("drain", new(Channel.Push), version: 1)).ValueOf(Switches.Dispatch, PushOfShop, Now).ShouldBe("drain");

    [Fact]
    public void A_person_overrides_what_switched_by_itself() =>
        Snapshot(Mode("pause", PushOfShop, automatic: true), Mode("run", new())).ValueOf(Switches.Dispatch, PushOfShop, Now).ShouldBe("run");

    [Fact]
    public void The_newer_of_two_equals_wins() =>
        Snapshot(Mode("pause", new(), version: 1), Mode("run", new(), version: 2)).ValueOf(Switches.Dispatch, PushOfShop, Now).ShouldBe("run");

    [Fact]
    public void What_has_expired_holds_no_more() =>
        Snapshot(Mode("pause", new()) with { ExpiresAt = Now }).ValueOf(Switches.Dispatch, PushOfShop, Now).ShouldBe("run");

    [Fact]
    public void A_scope_covers_only_what_it_names() =>
        Snapshot(Mode("pause", new(Channel.Email))).ValueOf(Switches.Dispatch, PushOfShop, Now).ShouldBe("run");

    [Fact]
    public void A_change_is_told_all_its_faults_at_once()
    {
        var faults = new ModeChange("dispatch", "fly", " ", null, 5).FaultsByField().Select(fault => fault.Field);
        faults.ShouldBe(["value", "reason", "owner", "expires_in_seconds"]);
        new ModeChange("caps", "hold", "because", "ada", 60).Faults().ShouldBeEmpty();
    }

    private static ControlSnapshot Snapshot(params Mode[] modes) => new([.. modes], []);

    private static Mode Mode(string value, ModeScope scope, long version = 1, bool automatic = false) =>
        new(Switches.Dispatch, value, scope, "why", "who", Now, Now.AddHours(1), automatic, version);
}
