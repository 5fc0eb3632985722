using Dispatch.Cli.Gameday;

namespace Dispatch.Stories.Tests;

/// <summary>The judge is judged: each broken promise must be seen.</summary>
public class VerdictTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Window = TimeSpan.FromDays(1);

    [Fact]
    public void All_is_well() => Of([Message("a"), Message("b")], [("a", "sent"), ("b", "capped")], [Receipt("a")]).Holds.ShouldBeTrue();

    [Fact]
    public void A_message_that_nobody_knows_is_lost() => Of([Message("a")], [], []).Lost.ShouldBe(["a"]);

    [Fact]
    public void A_message_said_to_be_sent_that_no_provider_has_is_lost() => Of([Message("a")], [("a", "sent")], []).Lost.ShouldBe(["a"]);

    [Fact]
    public void A_refused_copy_is_no_receipt() => Of([Message("a")], [("a", "sent")], [Receipt("a") with { Accepted = false }]).Lost.ShouldBe(["a"]);

    [Theory]
    [InlineData("accepted", 1)]
    [InlineData("routed", 1)]
    [InlineData("held", 1)]
    [InlineData("sending", 1)]
    [InlineData("in_doubt", 0)]
    [InlineData("quarantined", 0)]
    [InlineData("failed", 0)]
    public void A_message_without_an_end_is_unsettled(string state, int unsettled) => Of([Message("a")], [("a", state)], []).Unsettled.ShouldBe(unsettled);

    [Fact]
    public void Two_copies_are_a_duplicate_when_the_first_was_answered()
    {
        Of([Message("a")], [("a", "sent")], [Receipt("a"), Receipt("a")]).Duplicates.ShouldBe(["a"]);
        var excused = Of([Message("a")], [("a", "sent")], [Receipt("a") with { Answered = false, At = Now.AddSeconds(-1) }, Receipt("a")]);
        excused.Duplicates.ShouldBeEmpty();
        excused.Repeats.ShouldBe(1);
    }

    [Fact]
    public void A_dispatcher_that_died_may_double_what_it_had_in_flight_and_no_more()
    {
        Promised[] promised = [Message("a"), Message("b")];
        Receipt[] receipts = [Receipt("a"), Receipt("a"), Receipt("b"), Receipt("b")];
        Of(promised, [("a", "sent"), ("b", "sent")], receipts, inFlightWindow: 2).Duplicates.ShouldBeEmpty();
        Of(promised, [("a", "sent"), ("b", "sent")], receipts, inFlightWindow: 1).Duplicates.Count.ShouldBe(2);
    }

    [Fact]
    public void More_than_the_cap_within_a_window_is_a_violation_and_each_message_counts_once_at_its_first_acceptance()
    {
        Promised[] promised = [.. "abcd".Select(it => Message($"{it}"))];
        (string, string)[] sent = [.. promised.Select(it => (it.MessageId, "sent"))];
        Receipt[] receipts = [Receipt("a"), Receipt("b"), Receipt("c"), Receipt("d")];
        Of(promised, sent, receipts).CapViolations.ShouldBe(1);
        Of(promised, sent, [.. receipts[..3], Receipt("d") with { At = Now.Add(Window) }]).CapViolations.ShouldBe(0);
        Of(promised, sent, [.. receipts[..3], Receipt("a"), Receipt("d") with { At = Now.Add(Window) }]).CapViolations.ShouldBe(0);
        Of([.. promised[..3], Message("d") with { Counts = false }], sent, receipts).CapViolations.ShouldBe(0);
        Of([.. promised[..3], Message("d") with { Recipient = "other" }], sent, receipts).CapViolations.ShouldBe(0);
    }

    private static Verdict Of(Promised[] promised, (string Id, string State)[] ended, Receipt[] receipts, int inFlightWindow = 0) => Verdict.Of(
        promised, ended.ToDictionary(it => it.Id, it => new Ended(it.State, CapsChecked: true)), receipts, capLimit: 3, Window, inFlightWindow);

    private static Promised Message(string id) => new(id, "ada", Counts: true);

    private static Receipt Receipt(string id) => new(Now, "apns", "lane", id, "token", Accepted: true, Answered: true, "200");
}
