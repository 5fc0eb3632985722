using System.Net;
using System.Net.Sockets;
using Dispatch.Testing;
using Mode = Dispatch.Sandbox.Mode;

namespace Dispatch.Push.Tests.Apns;

public class ApnsSenderTests : PushRig
{
    [Fact]
    public async Task A_push_arrives_once_under_its_own_id()
    {
        var message = Messages.Hello();
        var attempt = await SendAsync(Apns(), message);
        attempt.ShouldBe(Attempt.Accepted(Id.From(message.MessageId.Span).ToGuid().ToString()));
        ReceiptsOf("apns", message).Single().ShouldSatisfyAllConditions(it => it.Recipient.ShouldBe("9f1c"), it => it.Accepted.ShouldBeTrue());
    }

    [Theory] // what the whole path makes of an answer; the rows are all in ApnsVerdictsTests
    [InlineData("answer-400-BadTopic-x", Verdict.Rejected, Scope.Message, "BadTopic")]
    [InlineData("bad-device-token-x", Verdict.Rejected, Scope.Recipient, "BadDeviceToken")]
    [InlineData("answer-403-Forbidden-x", Verdict.Retry, Scope.Credential, "Forbidden")]
    [InlineData("answer-413-PayloadTooLarge-x", Verdict.Rejected, Scope.Message, "PayloadTooLarge")]
    [InlineData("busy-x", Verdict.Retry, Scope.Recipient, "TooManyRequests")]
    [InlineData("answer-429-TooManyProviderTokenUpdates-x", Verdict.Retry, Scope.Credential, "TooManyProviderTokenUpdates")]
    [InlineData("answer-500-InternalServerError-x", Verdict.Retry, Scope.Provider, "InternalServerError")]
    [InlineData("retry-1-x", Verdict.Retry, Scope.Provider, "ServiceUnavailable")]
    public async Task An_answer_becomes_its_verdict(string token, Verdict verdict, Scope scope, string reason)
    {
        var attempt = await SendAsync(Apns(), Messages.Hello(token));
        (attempt.Verdict, attempt.Scope, attempt.Reason).ShouldBe((verdict, scope, reason));
        attempt.NothingLeft.ShouldBeTrue();
    }

    [Theory]
    [InlineData("token-410-x", true)]
    [InlineData("stale-410-x", false)] // died in 2001: whoever posts it today has registered it since
    public async Task A_dead_token_is_suppressed_only_if_it_died_after_it_was_given(string token, bool suppressed)
    {
        var attempt = await SendAsync(Apns(), Messages.Hello(token));
        (attempt.Verdict, attempt.Scope, attempt.Suppress).ShouldBe((Verdict.Rejected, Scope.Recipient, suppressed));
    }

    [Fact]
    public async Task A_wait_is_what_the_header_says()
    {
        Sandbox.Change("apns", it => it with { Mode = Mode.Unavailable, RetryAfterS = 7 });
        (await SendAsync(Apns(), Messages.Hello())).RetryAfter.ShouldBe(TimeSpan.FromSeconds(7));
    }

    [Theory]
    [InlineData("a/../b")]
    [InlineData("9f1c\r\napns-topic: other")]
    [InlineData("")]
    public async Task A_token_that_no_device_can_have_never_leaves(string token)
    {
        var attempt = await SendAsync(Apns(), Messages.Hello(token));
        (attempt.Verdict, attempt.Scope, attempt.Reason).ShouldBe((Verdict.Rejected, Scope.Recipient, "token_malformed"));
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(0);
    }

    [Theory]
    [InlineData(65, "a")]
    [InlineData(1, "\n")]
    public async Task A_collapse_key_that_is_no_header_never_leaves(int length, string of)
    {
        var message = Messages.Push("9f1c", new() { Body = "x", CollapseKey = string.Concat(Enumerable.Repeat(of, length)) });
        (await SendAsync(Apns(), message)).ShouldBe(Attempt.Rejected(Scope.Message, "BadCollapseId"));
    }

    [Fact]
    public async Task What_cannot_be_rendered_never_leaves()
    {
        var attempt = await SendAsync(Apns(), Messages.Push("9f1c", new() { Body = "{{#if" }));
        (attempt.Verdict, attempt.Scope).ShouldBe((Verdict.Rejected, Scope.Message));
        attempt.Reason.ShouldStartWith("template_");
    }

    [Fact]
    public async Task A_background_push_is_sent_as_one() =>
        (await SendAsync(Apns(), Messages.Push("9f1c", new() { Background = true, Data = { ["a"] = "1" } }))).Verdict.ShouldBe(Verdict.Accepted);

    [Fact]
    public async Task A_cut_after_the_last_byte_is_unknown_and_the_next_push_finds_a_new_connection()
    {
        var apns = Apns();
        var cut = Messages.Hello("cut-x");
        var attempt = await SendAsync(apns, cut);
        (attempt.Verdict, attempt.Reason, attempt.NothingLeft).ShouldBe((Verdict.Unknown, "connection_lost", false));
        ReceiptsOf("apns", cut).Single().Accepted.ShouldBeTrue(); // and it was there indeed
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
    }

    [Fact]
    public async Task A_cut_takes_every_push_in_flight_with_it_as_unknown()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello()); // the limit is up
        var slow = Enumerable.Range(0, 20).Select(_ => SendAsync(apns, Messages.Hello("slow-5000ms-x"))).ToList();
        await Eventually.HoldsAsync(() => Sandbox.Counters("apns").MaxStreams >= 20);
        (await SendAsync(apns, Messages.Hello("cut-x"))).Verdict.ShouldBe(Verdict.Unknown);
        (await Task.WhenAll(slow)).ShouldAllBe(it => it.Verdict == Verdict.Unknown);
    }

    [Fact]
    public async Task Silence_is_unknown_after_the_time_out_and_leaves_the_connection_alone()
    {
        var apns = Apns(("Timeout", "00:00:10"));
        var silent = SendAsync(apns, Messages.Hello("silent-x"));
        (await silent).ShouldSatisfyAllConditions(it => it.Verdict.ShouldBe(Verdict.Unknown), it => it.Reason.ShouldBe("timeout"));
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(1);
    }

    [Fact]
    public async Task The_lane_begins_with_one_and_goes_on_with_what_the_server_allows()
    {
        var apns = Apns();
        apns.InFlightMax.ShouldBe(1);
        await SendAsync(apns, Messages.Hello());
        await Eventually.HoldsAsync(() => apns.InFlightMax == 1_000);
        Sandbox.Change("apns", it => it with { StreamLimit = 17 });
        await Eventually.HoldsAsync(() => apns.InFlightMax == 17);
    }

    [Fact]
    public async Task A_limit_that_moves_under_load_is_never_exceeded()
    {
        var apns = Apns(("Timeout", "00:02:00"));
        Sandbox.Change("apns", it => it with { LatencyMs = 2 });
        var sending = SendAllAsync(apns, Enumerable.Range(0, 2_000).Select(_ => Messages.Hello())); // all at once: what is too much waits here
        foreach (var limit in new[] { 400, 10, 150, 1, 60, 3, 1_000 })
        {
            var soFar = Sandbox.Counters("apns").Received;
            Sandbox.Change("apns", it => it with { StreamLimit = limit });
            await Eventually.HoldsAsync(() => Sandbox.Counters("apns").Received >= soFar + Math.Min(limit, 100) || sending.IsCompleted);
        }

        (await sending).ShouldAllBe(it => it.Verdict == Verdict.Accepted);
        Sandbox.Counters("apns").Violations.ShouldBe(0);
        Sandbox.Counters("apns").MaxStreams.ShouldBeGreaterThan(10);
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(1);
    }

    [Fact]
    public async Task Goaway_in_flight_costs_nothing()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello());
        var before = Enumerable.Range(0, 50).Select(_ => SendAsync(apns, Messages.Hello("slow-300ms-x"))).ToList();
        await Eventually.HoldsAsync(() => Sandbox.Counters("apns").MaxStreams >= 50);
        Sandbox.GoAway("apns");
        var after = await SendAllAsync(apns, Enumerable.Range(0, 50).Select(_ => Messages.Hello()));
        var attempts = (await Task.WhenAll(before)).Concat(after).ToList();
        attempts.ShouldAllBe(it => it.Verdict == Verdict.Accepted || (it.NothingLeft && it.AgainAtOnce && it.Reason == "goaway"));
        attempts.Count(it => it.Verdict == Verdict.Accepted).ShouldBeGreaterThanOrEqualTo(50); // what was whole is answered
        Sandbox.Receipts("apns").Count(it => it.Accepted).ShouldBe(attempts.Count(it => it.Verdict == Verdict.Accepted) + 1);
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(2);
    }

    [Fact]
    public async Task Shutdown_moves_to_a_new_connection_at_once()
    {
        var apns = Apns();
        Sandbox.Change("apns", it => it with { Mode = Mode.Shutdown });
        var attempt = await SendAsync(apns, Messages.Hello());
        (attempt.Verdict, attempt.Scope, attempt.AgainAtOnce).ShouldBe((Verdict.Retry, Scope.Provider, true));
        Sandbox.Change("apns", it => it with { Mode = Mode.Normal });
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
        await Eventually.HoldsAsync(() => Sandbox.Counters("apns").Connections == 1);
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(2);
    }

    [Fact]
    public async Task A_revoked_key_holds_the_credential_and_heals_when_it_is_good_again()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello());
        Sandbox.Change("apns", it => it with { Mode = Mode.Revoked });
        var attempt = await SendAsync(apns, Messages.Hello());
        (attempt.Verdict, attempt.Scope, attempt.AgainAtOnce).ShouldBe((Verdict.Retry, Scope.Credential, false));
        Sandbox.Change("apns", it => it with { Mode = Mode.Normal });
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted);
    }

    [Fact]
    public async Task A_key_that_is_not_there_yet_holds_the_credential_until_it_is()
    {
        var apns = Apns(("KeyFile", FileIn("late.p8")));
        (await SendAsync(apns, Messages.Hello())).ShouldBe(Attempt.Retry(Scope.Credential, "key_unreadable"));
        File.Copy(Sandbox.Credentials.ApnsKeyFile, FileIn("late.p8"));
        await Eventually.HoldsAsync(async () => (await SendAsync(apns, Messages.Hello())).Verdict == Verdict.Accepted);
    }

    [Fact]
    public async Task A_permit_lost_between_headers_and_body_leaves_nothing_behind()
    {
        var apns = Apns();
        var looks = 0;
        var lost = Messages.Hello();
        var attempt = await SendAsync(apns, lost, new Permit(() => ++looks < 2));
        (attempt.Verdict, attempt.Scope, attempt.Reason, attempt.NothingLeft).ShouldBe((Verdict.Retry, Scope.Message, Permit.Lost, true));
        (await SendAsync(apns, Messages.Hello())).Verdict.ShouldBe(Verdict.Accepted); // on the same connection, whose only stream is free again
        ReceiptsOf("apns", lost).ShouldBeEmpty();
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(1);
        Sandbox.Counters("apns").Violations.ShouldBe(0);
    }

    [Fact]
    public async Task A_closed_door_is_nothing_left_and_is_not_knocked_at_again_at_once()
    {
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        var port = ((IPEndPoint)nobody.LocalEndpoint).Port;
        nobody.Stop();
        var apns = Apns(("Endpoint", $"https://127.0.0.1:{port}"));
        var attempt = await SendAsync(apns, Messages.Hello());
        (attempt.Verdict, attempt.Scope, attempt.Reason, attempt.NothingLeft).ShouldBe((Verdict.Retry, Scope.Provider, "connection_refused", true));
        attempt.RetryAfter.ShouldNotBeNull();
        apns.InFlightMax.ShouldBe(1);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_nothing_left()
    {
        var attempt = await SendAsync(Apns(("TrustFile", "")), Messages.Hello());
        (attempt.Verdict, attempt.Reason, attempt.NothingLeft).ShouldBe((Verdict.Retry, "tls_failed", true));
        Sandbox.Receipts("apns").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_server_that_went_away_is_found_again_when_it_is_back()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello());
        await RestartSandboxAsync(async () => (await SendAsync(apns, Messages.Hello())).ShouldSatisfyAllConditions(
            it => it.Verdict.ShouldBe(Verdict.Retry), it => it.NothingLeft.ShouldBeTrue()));
        await Eventually.HoldsAsync(async () => (await SendAsync(apns, Messages.Hello())).Verdict == Verdict.Accepted);
    }

    [Fact]
    public async Task After_its_end_a_sender_still_answers()
    {
        var apns = Apns();
        await SendAsync(apns, Messages.Hello());
        await apns.DisposeAsync();
        (await SendAsync(apns, Messages.Hello())).ShouldSatisfyAllConditions(it => it.Reason.ShouldBe("closed"), it => it.NothingLeft.ShouldBeTrue());
    }

    [Fact]
    public async Task A_second_connection_is_opened_when_the_first_is_full()
    {
        var apns = Apns(("Connections", "2"));
        Sandbox.Change("apns", it => it with { StreamLimit = 20, LatencyMs = 20 });
        await Eventually.HoldsAsync(async () =>
        {
            (await SendAllAsync(apns, Enumerable.Range(0, 40).Select(_ => Messages.Hello()))).ShouldAllBe(it => it.Verdict == Verdict.Accepted);
            return apns.InFlightMax == 40;
        });
        Sandbox.Counters("apns").ConnectionsTotal.ShouldBe(2);
        Sandbox.Counters("apns").Violations.ShouldBe(0);
    }

    [Fact]
    public async Task Every_push_of_a_crowd_arrives_exactly_once()
    {
        var apns = Apns(("Timeout", "00:02:00"));
        var messages = Enumerable.Range(0, 3_000).Select(_ => Messages.Hello()).ToList();
        (await SendAllAsync(apns, messages)).ShouldAllBe(it => it.Verdict == Verdict.Accepted);
        Sandbox.Receipts("apns").Select(it => it.MessageId).Order().ShouldBe(messages.Select(IdOf).Order());
    }
}
