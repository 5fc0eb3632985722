using Dispatch.Sms.HttpSms;

namespace Dispatch.Sms.Tests.HttpSms;

/// <summary>Row by row: status and the gateway's own code, and what they mean.</summary>
public class HttpSmsVerdictsTests
{
    [Theory]
    [InlineData(400, 21211, Verdict.Rejected, Scope.Recipient, true)]
    [InlineData(400, 21217, Verdict.Rejected, Scope.Recipient, true)]
    [InlineData(400, 21614, Verdict.Rejected, Scope.Recipient, true)]
    [InlineData(400, 21610, Verdict.Rejected, Scope.Recipient, true)]
    [InlineData(400, 21408, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21612, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21602, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21604, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21617, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21212, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21603, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21606, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21659, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 21609, Verdict.Retry, Scope.Credential)]
    [InlineData(429, 21611, Verdict.Retry, Scope.Provider, false, 60)]
    [InlineData(400, 99999, Verdict.Rejected, Scope.Message)]
    [InlineData(400, 0, Verdict.Rejected, Scope.Message)]
    [InlineData(401, 20003, Verdict.Retry, Scope.Credential)]
    [InlineData(401, 0, Verdict.Retry, Scope.Credential)]
    [InlineData(403, 20005, Verdict.Retry, Scope.Credential)]
    [InlineData(403, 20403, Verdict.Retry, Scope.Credential)]
    [InlineData(403, 0, Verdict.Retry, Scope.Credential)]
    [InlineData(404, 20404, Verdict.Retry, Scope.Credential)]
    [InlineData(404, 0, Verdict.Retry, Scope.Credential)]
    [InlineData(408, 0, Verdict.Retry, Scope.Provider)]
    [InlineData(413, 0, Verdict.Rejected, Scope.Message)]
    [InlineData(429, 20429, Verdict.Retry, Scope.Provider, false, 5)]
    [InlineData(429, 0, Verdict.Retry, Scope.Provider, false, 5)]
    [InlineData(500, 20500, Verdict.Retry, Scope.Provider)]
    [InlineData(503, 20503, Verdict.Retry, Scope.Provider)]
    [InlineData(503, 0, Verdict.Retry, Scope.Provider)]
    [InlineData(500, 0, Verdict.Unknown, Scope.Provider)]
    [InlineData(502, 0, Verdict.Unknown, Scope.Provider)]
    [InlineData(504, 0, Verdict.Unknown, Scope.Provider)]
    [InlineData(302, 0, Verdict.Retry, Scope.Provider)]
    public void Answer_means(int status, int code, Verdict verdict, Scope scope, bool suppress = false, int retryAfterSeconds = 0)
    {
        var attempt = HttpSmsVerdicts.Of(status, code, retryAfter: null, fromLane: false);

        (attempt.Verdict, attempt.Scope, attempt.Suppress).ShouldBe((verdict, scope, suppress));
        attempt.RetryAfter.ShouldBe(retryAfterSeconds > 0 ? TimeSpan.FromSeconds(retryAfterSeconds) : null);
        attempt.NothingLeft.ShouldBe(verdict != Verdict.Unknown);
    }

    [Theory]
    [InlineData(21212)]
    [InlineData(21603)]
    [InlineData(21606)]
    [InlineData(21659)]
    public void A_lanes_own_sender_that_is_refused_holds_the_lane(int code) =>
        HttpSmsVerdicts.Of(400, code, null, fromLane: true).ShouldBe(Attempt.Retry(Scope.Credential, $"400 {code}"));

    [Theory]
    [InlineData(429, 20429)]
    [InlineData(503, 20503)]
    [InlineData(503, 0)]
    public void A_Retry_After_is_kept(int status, int code) =>
        HttpSmsVerdicts.Of(status, code, TimeSpan.FromSeconds(90), fromLane: false).RetryAfter.ShouldBe(TimeSpan.FromSeconds(90));

    [Theory]
    [InlineData("""{"sid":"SM1","status":"queued","code":null}""", "SM1", 0, false)]
    [InlineData("""{"sid":"SM1","status":"failed"}""", "SM1", 0, true)]
    [InlineData("""{"code":21211,"message":"no","status":400}""", "", 21211, false)]
    [InlineData("""{"code":"21211","sid":7}""", "", 0, false)]
    [InlineData("[1]", "", 0, false)]
    [InlineData("<html>", "", 0, false)]
    [InlineData("", "", 0, false)]
    [InlineData("{\"code\":1e99}", "", 0, false)]
    public void Of_the_body_only_what_is_of_use(string body, string sid, int code, bool failed) =>
        HttpSmsAnswer.Parse(System.Text.Encoding.UTF8.GetBytes(body)).ShouldBe(new HttpSmsAnswer(sid, code, failed));
}
