using Dispatch.Contracts;

namespace Dispatch.Policy.Tests;

public class FreshnessTests
{
    private static readonly DateTimeOffset Routed = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private readonly Freshness _freshness = new();

    [Theory]
    [InlineData(TrafficClass.Transactional, 59_999, true)]
    [InlineData(TrafficClass.Transactional, 60_000, false)]
    [InlineData(TrafficClass.Automation, 299_999, true)]
    [InlineData(TrafficClass.Automation, 300_000, false)]
    [InlineData(TrafficClass.Campaign, 899_999, true)]
    [InlineData(TrafficClass.Campaign, 900_000, false)]
    public void A_message_is_fresh_for_so_long(TrafficClass of, int milliseconds, bool fresh) =>
        _freshness.IsFresh(new Message { Class = of, RoutedAt = Routed.ToUnixTimeMilliseconds() }, Routed.AddMilliseconds(milliseconds)).ShouldBe(fresh);

    [Fact]
    public void A_message_that_was_never_routed_is_not_fresh() =>
        _freshness.IsFresh(new Message { Class = TrafficClass.Campaign }, Routed).ShouldBeFalse();

    [Fact]
    public void A_place_outlives_a_window_after_the_latest_acceptance()
    {
        var window = TimeSpan.FromDays(1);
        var latestAcceptance = Routed + _freshness.Campaign + _freshness.AttemptMax;
        _freshness.PlaceUntil(Routed.ToUnixTimeMilliseconds(), TrafficClass.Campaign, window).ShouldBe((latestAcceptance + window).ToUnixTimeMilliseconds());
    }
}
