using Dispatch.Contracts;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Policy.Tests;

public class RetriesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(1, null, TrafficClass.Transactional, 1.0, RetryKind.Local, 1, null)]
    [InlineData(3, null, TrafficClass.Transactional, 1.0, RetryKind.Local, 4, null)]
    [InlineData(4, null, TrafficClass.Transactional, 1.0, RetryKind.Topic, 8, 10)]
    [InlineData(5, null, TrafficClass.Transactional, 0.0, RetryKind.Topic, 8, 10)]
    [InlineData(6, null, TrafficClass.Transactional, 1.0, RetryKind.Topic, 32, 60)]
    [InlineData(7, null, TrafficClass.Transactional, 1.0, RetryKind.Reroute, 64, null)]
    [InlineData(1, 30, TrafficClass.Campaign, 0.0, RetryKind.Topic, 30, 60)]
    [InlineData(1, 30, TrafficClass.Campaign, 1.0, RetryKind.Topic, 33, 60)]
    [InlineData(1, 90, TrafficClass.Automation, 0.0, RetryKind.Reroute, 90, null)]
    public void Waits_where_its_time_fits(uint attempts, int? retryAfter, TrafficClass of, double random, RetryKind kind, int seconds, int? topic) =>
        Retries.Next(attempts, retryAfter is { } s ? TimeSpan.FromSeconds(s) : null, of, Now, Now.AddDays(1), random)
            .ShouldBe(new RetryDecision(kind, Now.AddSeconds(seconds), topic is { } t ? TimeSpan.FromSeconds(t) : null));

    [Fact]
    public void A_message_that_expires_before_its_next_attempt_is_given_up() =>
        Retries.Next(1, TimeSpan.FromSeconds(300), TrafficClass.Transactional, Now, Now.AddSeconds(300), 0).Kind.ShouldBe(RetryKind.GiveUpExpired);

    [Fact]
    public void A_wait_of_centuries_is_given_up_and_breaks_nothing() =>
        Retries.Next(uint.MaxValue, TimeSpan.MaxValue / 2, TrafficClass.Campaign, Now, Now.AddDays(7), 1).Kind.ShouldBe(RetryKind.GiveUpExpired);

    [Fact]
    public void Nothing_goes_before_a_retry_after_nor_behind_its_expiry() => Prop.ForAll(
        (from attempts in Gen.Choose(1, 40)
         from retryAfter in Gen.Choose(0, 4_000)
         from of in Gen.Elements(Topics.Classes.ToArray())
         from ttl in Gen.Choose(1, 10_000)
         from chance in Gen.Choose(0, 1_000)
         select (attempts, retryAfter, of, ttl, chance)).ToArbitrary(),
        it =>
        {
            var expires = Now.AddSeconds(it.ttl);
            var next = Retries.Next((uint)it.attempts, TimeSpan.FromSeconds(it.retryAfter), it.of, Now, expires, it.chance / 1_000.0);
            return next.Kind == RetryKind.GiveUpExpired
                || (next.At >= Now.AddSeconds(it.retryAfter) && next.At < expires && next.At > Now
                    && (next.Kind == RetryKind.Topic) == next.TopicDelay.HasValue
                    && (next.TopicDelay is not { } delay || next.At <= Now + delay));
        }).QuickCheckThrowOnFailure();
}
