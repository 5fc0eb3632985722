using Dispatch.Channels.Flow;
using Dispatch.Contracts;

namespace Dispatch.Channels.Tests.Flow;

public class AftermathTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<Attempt, InDoubt, string, bool> Table => new()
    {
        { Attempt.Accepted(), InDoubt.Resend, "Sent", true },
        { Attempt.Rejected(Scope.Recipient, "gone"), InDoubt.Resend, "Failed", false },
        { Attempt.Rejected(Scope.Message, "too large"), InDoubt.Hold, "Failed", false },
        { Attempt.Rejected(Scope.Provider, "closed"), InDoubt.Resend, "Wait", false },
        { Attempt.Rejected(Scope.Credential, "revoked"), InDoubt.Resend, "Requeue", false },
        { Attempt.Retry(Scope.Credential, "expired"), InDoubt.Resend, "Requeue", false },
        { Attempt.Retry(Scope.Credential, "expired") with { AgainAtOnce = true }, InDoubt.Resend, "AtOnce", false },
        { Attempt.Retry(Scope.Provider, "503"), InDoubt.Resend, "Wait", false },
        { Attempt.Retry(Scope.Recipient, "429", TimeSpan.FromSeconds(30)), InDoubt.Resend, "Topic", false },
        { Attempt.Retry(Scope.Provider, "429", TimeSpan.FromMinutes(5)), InDoubt.Resend, "Reroute", false },
        { Attempt.Retry(Scope.Provider, "429", TimeSpan.FromHours(5)), InDoubt.Resend, "Expired", false },
        { Attempt.Unknown("timeout"), InDoubt.Resend, "Wait", true },
        { Attempt.Unknown("timeout"), InDoubt.Unspecified, "Wait", true },
        { Attempt.Unknown("timeout"), InDoubt.Hold, "InDoubt", true },
        { Attempt.Unknown("timeout"), InDoubt.Lookup, "InDoubt", true },
        { Attempt.Retry(Scope.Provider, "cut after the body") with { NothingLeft = false }, InDoubt.Resend, "Wait", true },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void An_answer_means(Attempt attempt, InDoubt policy, string course, bool mayHaveLeft)
    {
        var after = Aftermath.Of(NewMessage(policy), attempt, wasAtOnce: false, Now, random: 0.5);
        after.Course.ToString().ShouldBe(course);
        after.MayHaveLeft.ShouldBe(mayHaveLeft);
    }

    [Fact]
    public void What_may_have_left_once_stays_so()
    {
        var message = NewMessage(InDoubt.Resend);
        message.MayHaveLeft = true;
        Aftermath.Of(message, Attempt.Rejected(Scope.Recipient, "gone"), false, Now, 0.5).MayHaveLeft.ShouldBeTrue();
    }

    [Fact]
    public void The_second_try_at_once_is_the_last_of_its_kind() =>
        Aftermath.Of(NewMessage(InDoubt.Resend), Attempt.Retry(Scope.Credential, "expired") with { AgainAtOnce = true }, wasAtOnce: true, Now, 0.5).Course.ShouldBe(Course.Requeue);

    [Fact]
    public void Nothing_left_is_said_of_final_outcomes_only_and_only_with_proof()
    {
        var message = NewMessage(InDoubt.Resend);
        Outcomes.Of(message, OutcomeKind.Expired, State.Expired, Now, "").NothingLeft.ShouldBeTrue();
        Outcomes.Of(message, OutcomeKind.Held, State.Held, Now, "").NothingLeft.ShouldBeFalse();
        Outcomes.Of(message, OutcomeKind.Attempted, State.Sent, Now, "").NothingLeft.ShouldBeFalse();
        message.MayHaveLeft = true;
        Outcomes.Of(message, OutcomeKind.Cancelled, State.Cancelled, Now, "").NothingLeft.ShouldBeFalse();
    }

    private static Message NewMessage(InDoubt policy) => new()
    {
        Class = TrafficClass.Transactional, Attempts = 1, InDoubt = policy, ExpiresAt = Now.AddHours(1).ToUnixTimeMilliseconds(), Address = new Address(),
    };
}
