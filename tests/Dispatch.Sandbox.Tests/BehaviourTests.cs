using System.Text;

namespace Dispatch.Sandbox.Tests;

public class BehaviourTests
{
    public static TheoryData<string, string> Addresses => new()
    {
        { "retry-3-xyz", "Retry 3" },
        { "retry-x-xyz", "Accept 0" },
        { "retry-0-xyz", "Accept 0" },
        { "retry-3", "Accept 0" },
        { "busy-xyz", "Busy 0" },
        { "busy-2-xyz", "Busy 2" },
        { "token-410-xyz", "Dead 0" },
        { "token-404-xyz", "Dead 0" },
        { "token-411-xyz", "Accept 0" },
        { "stale-410-xyz", "Stale 0" },
        { "bad-device-token-xyz", "BadToken 0" },
        { "answer-400-BadTopic-xyz", "Answer 400 BadTopic" },
        { "answer-550-5.1.1-xyz", "Answer 550 5.1.1" },
        { "answer-403-SENDER_ID_MISMATCH-xyz", "Answer 403 SENDER_ID_MISMATCH" },
        { "answer-999-Nonsense-xyz", "Accept 0" },
        { "answer-550-5.1.1", "Accept 0" },
        { "dot-554-5.7.1-xyz", "AnswerAtDot 554 5.7.1" },
        { "greylist-xyz", "Greylist 1" },
        { "slow-500ms-xyz", "Slow 500" },
        { "slow-500-xyz", "Accept 0" },
        { "silent-xyz", "Silent 0" },
        { "silent-2-xyz", "Silent 2" },
        { "cut-xyz", "Cut 0" },
        { "cut-1-xyz", "Cut 1" },
        { "cut-before-dot-xyz", "CutBeforeDot 0" },
        { "", "Accept 0" },
        { "-", "Accept 0" },
        { "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad", "Accept 0" },
        { "dGhpc-lz_YW4:APA91bExample-token", "Accept 0" },
        { "someone.else", "Accept 0" },
        { "Retry-3-xyz", "Accept 0" },
    };

    [Theory]
    [MemberData(nameof(Addresses))]
    public void An_address_asks_for(string address, string expected) => Text(Behaviour.Of(Encoding.UTF8.GetBytes(address))).ShouldBe(expected);

    [Theory]
    [InlineData("+33612990003", "Retry 3")]
    [InlineData("+33612990000", "Accept 0")]
    [InlineData("+33612990100", "Answer 400 21211")]
    [InlineData("+33612990101", "Answer 400 21610")]
    [InlineData("+33612990129", "Answer 429 20429")]
    [InlineData("+33612990153", "Answer 503 20503")]
    [InlineData("+33612990106", "Accept 0")]
    [InlineData("+33612990203", "Undelivered 30003")]
    [InlineData("+33612990308", "Failed 30008")]
    [InlineData("+33612990400", "Silent 0")]
    [InlineData("+33612990401", "Cut 0")]
    [InlineData("+33612990402", "NoReceipt 0")]
    [InlineData("+33612990403", "Disordered 0")]
    [InlineData("+33612990404", "Doubled 0")]
    [InlineData("+33612990503", "Slow 300")]
    [InlineData("+33612345678", "Accept 0")]
    [InlineData("99", "Accept 0")]
    [InlineData("", "Accept 0")]
    public void A_number_asks_for(string number, string expected) => Text(Behaviour.OfPhone(number)).ShouldBe(expected);

    private static string Text(Behaviour behaviour) => $"{behaviour.Act} {behaviour.Count} {behaviour.Reason}".TrimEnd();
}
