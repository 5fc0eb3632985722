namespace Dispatch.Contracts.Tests;

public class DiversionTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("main=100", "main=100")]
    [InlineData("main=0, east=100", "east=100,main=0")]
    [InlineData("", null)]
    [InlineData("main", null)]
    [InlineData("main=", null)]
    [InlineData("main=-1", null)]
    [InlineData("main=0", null)]
    [InlineData("main=0,east=0", null)]
    [InlineData("main=1,main=2", null)]
    [InlineData("main=1;east=1", null)]
    [InlineData("main=1000001", null)]
    [InlineData("=1", null)]
    public void Weights_are_read_as_they_are_written(string text, string? written) =>
        (Shares.TryParse(text, out var shares) ? $"{shares}" : null).ShouldBe(written);

    [Fact]
    public void A_canary_is_a_part_of_the_way()
    {
        var canary = Shares.Parse("main=100").Towards(Shares.Parse("east=1"), 1);
        (canary.Of("main"), canary.Of("east")).ShouldBe((0.99, 0.01));
        Shares.Parse("main=1,east=1").Growing(Shares.Parse("main=1,east=3")).ShouldBe(["east"]);
        Shares.Parse("main=2").ShouldBe(Shares.Parse("main=5,east=0"));
    }

    [Fact]
    public void A_diversion_is_followed_by_the_clock_and_survives_being_written()
    {
        var (before, full) = (Shares.Parse("main=100"), Shares.Parse("east=100"));
        var diversion = new Diversion(before.Towards(full, 5), Noon, full, before);
        diversion.At(Noon.AddTicks(-1)).Of("east").ShouldBe(0.05);
        diversion.At(Noon).ShouldBe(full);
        Diversion.TryParse($"{diversion}", out var read).ShouldBeTrue();
        read!.ShouldBe(diversion);
        Diversion.TryParse("main=1,east=1", out read).ShouldBeTrue();
        read.At(Noon).Of("east").ShouldBe(0.5);
        Diversion.TryParse("main=1;yesterday;east=1;main=1", out _).ShouldBeFalse();
    }

    [Fact]
    public void The_switch_takes_weights_for_everything_and_nothing_narrower()
    {
        Change("none").Faults().ShouldBeEmpty();
        Change("main=1,east=1").Faults().ShouldBeEmpty();
        Change("bypass").Faults().Single().ShouldStartWith("value:");
        (Change("none") with { Class = TrafficClass.Campaign }).Faults().Single().ShouldStartWith("switch:");
    }

    private static ModeChange Change(string value) => new(Switches.Divert, value, "migration", "me", 3_600);
}
