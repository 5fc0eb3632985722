namespace Dispatch.Push.Tests.Apns;

/// <summary>Provider tokens over the wire, on clocks that the test moves.</summary>
public class ApnsRotationTests : PushRig
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow;

    public ApnsRotationTests() => (Clock, SandboxClock) = (new HandClock(Start), new HandClock(Start));

    [Fact]
    public async Task Tokens_are_changed_in_time_for_a_day_and_apns_never_minds()
    {
        var apns = Apns();
        for (var minutes = 0; minutes < 24 * 60; minutes += 7)
        {
            (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
            Clock!.Advance(TimeSpan.FromMinutes(7));
            SandboxClock!.Advance(TimeSpan.FromMinutes(7));
        }

        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(1);
    }

    [Fact]
    public async Task A_token_that_apns_calls_expired_is_replaced_and_the_push_may_go_again_at_once()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello());
        SandboxClock!.Advance(TimeSpan.FromMinutes(61)); // our clock has stood still meanwhile
        var caughtUp = false;
        var permit = new Permit(() =>
        {
            if (!caughtUp)
            {
                caughtUp = true; // the request with the old token is on its way
                Clock!.Advance(TimeSpan.FromMinutes(61));
            }

            return true;
        });
        var attempt = await SendAsync(apns, Messages.Hello(), permit);
        (attempt.Verdict, attempt.Scope, attempt.Reason, attempt.AgainAtOnce).ShouldBe((Verdict.Retry, Scope.Credential, "ExpiredProviderToken", true));
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(1);
    }

    [Fact]
    public async Task A_clock_an_hour_slow_is_a_credential_fault_and_no_flood_of_tokens()
    {
        SandboxClock!.Advance(TimeSpan.FromMinutes(61));
        var apns = Apns();
        (await SendAsync(apns, Messages.Hello())).AgainAtOnce.ShouldBeTrue(); // the first time, a new one may help
        for (var i = 0; i < 5; i++)
        {
            var attempt = await SendAsync(apns, Messages.Hello());
            (attempt.Scope, attempt.Reason, attempt.AgainAtOnce).ShouldBe((Scope.Credential, "ExpiredProviderToken", false));
        }
    }
}
