using Dispatch.Testing;
using Mode = Dispatch.Sandbox.Mode;

namespace Dispatch.Push.Tests.Fcm;

public class FcmSenderTests : PushRig
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow;

    public FcmSenderTests() => Clock = SandboxClock = new HandClock(Start); // one for both: an exchange runs beside the sends, and must not fall between two steps

    [Fact]
    public async Task A_push_arrives_once_and_is_known_by_fcms_name()
    {
        var message = Messages.Hello("fMx:APA91b-_", "fcm");
        var attempt = await SendAsync(Fcm(), message);
        attempt.Verdict.ShouldBe(Verdict.Accepted);
        attempt.ProviderMessageId.ShouldStartWith("projects/dispatch-sandbox/messages/0:");
        ReceiptsOf("fcm", message).Single().ShouldSatisfyAllConditions(it => it.Recipient.ShouldBe("fMx:APA91b-_"), it => it.Accepted.ShouldBeTrue());
    }

    [Theory] // what the whole path makes of an answer; the rows are all in FcmVerdictsTests
    [InlineData("answer-400-BadRequest-x", Verdict.Rejected, Scope.Message, "INVALID_ARGUMENT", false)]
    [InlineData("bad-device-token-x", Verdict.Rejected, Scope.Recipient, "INVALID_ARGUMENT", false)]
    [InlineData("token-404-x", Verdict.Rejected, Scope.Recipient, "UNREGISTERED", true)]
    [InlineData("answer-403-SENDER_ID_MISMATCH-x", Verdict.Rejected, Scope.Recipient, "SENDER_ID_MISMATCH", false)]
    [InlineData("answer-401-THIRD_PARTY_AUTH_ERROR-x", Verdict.Retry, Scope.Credential, "THIRD_PARTY_AUTH_ERROR", false)]
    [InlineData("busy-x", Verdict.Retry, Scope.Provider, "QUOTA_EXCEEDED", false)]
    [InlineData("answer-500-INTERNAL-x", Verdict.Retry, Scope.Provider, "INTERNAL", false)]
    [InlineData("retry-1-x", Verdict.Retry, Scope.Provider, "UNAVAILABLE", false)]
    public async Task An_answer_becomes_its_verdict(string token, Verdict verdict, Scope scope, string reason, bool suppressed)
    {
        var attempt = await SendAsync(Fcm(), Messages.Hello(token, "fcm"));
        (attempt.Verdict, attempt.Scope, attempt.Reason, attempt.Suppress).ShouldBe((verdict, scope, reason, suppressed));
        attempt.RetryAfter.ShouldBe(reason == "QUOTA_EXCEEDED" ? TimeSpan.FromSeconds(60) : null);
    }

    [Fact]
    public async Task A_wait_is_what_the_header_says()
    {
        Sandbox.Change("fcm", it => it with { Mode = Mode.Throttle, RetryAfterS = 7 });
        (await SendAsync(Fcm(), Messages.Hello("t", "fcm"))).RetryAfter.ShouldBe(TimeSpan.FromSeconds(7));
    }

    [Fact]
    public async Task Many_pushes_share_one_exchange_and_one_connection()
    {
        var fcm = Fcm();
        (await SendAllAsync(fcm, Enumerable.Range(0, 500).Select(_ => Messages.Hello("t", "fcm")))).ShouldAllBe(it => it.Verdict == Verdict.Accepted);
        Sandbox.Counters("fcm").ConnectionsTotal.ShouldBe(2); // one of them asked for the token
    }

    [Fact]
    public async Task Tokens_are_changed_in_time_for_a_day_and_fcm_never_minds()
    {
        var fcm = Fcm();
        for (var minutes = 0; minutes < 24 * 60; minutes += 7)
        {
            (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict.ShouldBe(Verdict.Accepted);
            Clock!.Advance(TimeSpan.FromMinutes(7));
        }
    }

    [Fact]
    public async Task A_token_that_fcm_refuses_is_exchanged_and_the_push_may_go_again_at_once()
    {
        var fcm = Fcm();
        await SendAsync(fcm, Messages.Hello("t", "fcm"));
        Clock!.Advance(TimeSpan.FromMinutes(5));
        var attempt = await SendAsync(fcm, Messages.Hello("answer-401-none-x", "fcm"));
        (attempt.Verdict, attempt.Scope, attempt.AgainAtOnce).ShouldBe((Verdict.Retry, Scope.Credential, true));
        (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict.ShouldBe(Verdict.Accepted);
        Sandbox.Counters("fcm").ConnectionsTotal.ShouldBe(3); // the second exchange had one of its own
    }

    [Fact]
    public async Task A_fresh_token_that_is_refused_is_a_fault_of_the_credential_and_no_flood_of_exchanges()
    {
        var fcm = Fcm();
        for (var i = 0; i < 5; i++)
        {
            var attempt = await SendAsync(fcm, Messages.Hello("answer-401-none-x", "fcm"));
            (attempt.Scope, attempt.AgainAtOnce).ShouldBe((Scope.Credential, false));
        }

        Sandbox.Counters("fcm").ConnectionsTotal.ShouldBe(2);
    }

    [Fact]
    public async Task A_revoked_account_holds_the_credential_is_not_asked_again_at_once_and_heals()
    {
        var fcm = Fcm();
        Sandbox.Change("fcm", it => it with { Mode = Mode.Revoked });
        for (var i = 0; i < 3; i++)
        {
            var attempt = await SendAsync(fcm, Messages.Hello("t", "fcm"));
            (attempt.Verdict, attempt.Scope, attempt.Reason).ShouldBe((Verdict.Retry, Scope.Credential, "oauth_invalid_grant"));
            attempt.RetryAfter.ShouldNotBeNull();
        }

        Sandbox.Counters("fcm").ConnectionsTotal.ShouldBe(1);
        Sandbox.Change("fcm", it => it with { Mode = Mode.Normal });
        Clock!.Advance(TimeSpan.FromMinutes(-1)); // set back: the back-off ends all the same
        await Eventually.HoldsAsync(async () => (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict == Verdict.Accepted);
    }

    [Fact]
    public async Task An_old_token_serves_while_the_endpoint_is_away()
    {
        var fcm = Fcm();
        await SendAsync(fcm, Messages.Hello("t", "fcm"));
        var account = File.ReadAllText(Sandbox.Credentials.FcmServiceAccountFile);
        File.WriteAllText(Sandbox.Credentials.FcmServiceAccountFile, "torn");
        Clock!.Advance(TimeSpan.FromMinutes(55));
        (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict.ShouldBe(Verdict.Accepted);
        Clock.Advance(TimeSpan.FromMinutes(5));
        (await SendAsync(fcm, Messages.Hello("t", "fcm"))).ShouldSatisfyAllConditions(
            it => it.Scope.ShouldBe(Scope.Credential), it => it.Reason.ShouldBe("account_unreadable"));
        File.WriteAllText(Sandbox.Credentials.FcmServiceAccountFile, account);
        await Eventually.HoldsAsync(async () => (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict == Verdict.Accepted);
    }

    [Fact]
    public async Task A_cut_after_the_last_byte_is_unknown()
    {
        var fcm = Fcm();
        var cut = Messages.Hello("cut-x", "fcm");
        (await SendAsync(fcm, cut)).ShouldSatisfyAllConditions(it => it.Verdict.ShouldBe(Verdict.Unknown), it => it.NothingLeft.ShouldBeFalse());
        ReceiptsOf("fcm", cut).Single().Accepted.ShouldBeTrue();
        (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict.ShouldBe(Verdict.Accepted);
    }

    [Fact]
    public async Task Silence_is_unknown_after_ten_seconds_and_not_before()
    {
        var begun = DateTime.UtcNow;
        (await SendAsync(Fcm(("Timeout", "00:00:10")), Messages.Hello("silent-x", "fcm"))).Verdict.ShouldBe(Verdict.Unknown);
        (DateTime.UtcNow - begun).ShouldBeGreaterThan(TimeSpan.FromSeconds(9.9));
    }

    [Fact]
    public async Task Goaway_in_flight_costs_nothing()
    {
        var fcm = Fcm();
        await SendAsync(fcm, Messages.Hello("t", "fcm"));
        var before = Enumerable.Range(0, 50).Select(_ => SendAsync(fcm, Messages.Hello("slow-300ms-x", "fcm"))).ToList();
        await Eventually.HoldsAsync(() => Sandbox.Counters("fcm").MaxStreams >= 50);
        Sandbox.GoAway("fcm");
        (await Task.WhenAll(before)).ShouldAllBe(it => it.Verdict == Verdict.Accepted);
        (await SendAsync(fcm, Messages.Hello("t", "fcm"))).Verdict.ShouldBe(Verdict.Accepted);
    }

    [Theory]
    [InlineData("Timeout", "00:00:09")]
    [InlineData("Connections", "0")]
    [InlineData("Endpoint", "http://plain.example")]
    [InlineData("ServiceAccountFile", "")]
    public void A_setting_out_of_bounds_stops_the_start(string key, string value) =>
        Should.Throw<Microsoft.Extensions.Options.OptionsValidationException>(() => Fcm((key, value)));
}
