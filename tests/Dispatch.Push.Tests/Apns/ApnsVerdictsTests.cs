using System.Text;
using Dispatch.Push.Apns;

namespace Dispatch.Push.Tests.Apns;

/// <summary>The reaction table of APNs, row by row, in its order.</summary>
public class ApnsVerdictsTests
{
    [Theory]
    [InlineData(200, "", Verdict.Accepted, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "BadDeviceToken", Verdict.Rejected, Scope.Recipient, ApnsReaction.None)]
    [InlineData(400, "DeviceTokenNotForTopic", Verdict.Rejected, Scope.Recipient, ApnsReaction.None)]
    [InlineData(400, "BadCollapseId", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "BadExpirationDate", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "BadMessageId", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "BadPriority", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "BadTopic", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "DuplicateHeaders", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "InvalidPushType", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "MissingDeviceToken", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "MissingTopic", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "PayloadEmpty", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "TopicDisallowed", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(404, "BadPath", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(405, "MethodNotAllowed", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(400, "IdleTimeout", Verdict.Retry, Scope.Provider, ApnsReaction.NewConnection)]
    [InlineData(403, "ExpiredProviderToken", Verdict.Retry, Scope.Credential, ApnsReaction.NewToken)]
    [InlineData(403, "InvalidProviderToken", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "MissingProviderToken", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "Forbidden", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "BadCertificate", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "BadCertificateEnvironment", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "UnrelatedKeyIdInToken", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(403, "BadEnvironmentKeyIdInToken", Verdict.Retry, Scope.Credential, ApnsReaction.NewConnection)]
    [InlineData(410, "Unregistered", Verdict.Rejected, Scope.Recipient, ApnsReaction.None)]
    [InlineData(410, "ExpiredToken", Verdict.Rejected, Scope.Recipient, ApnsReaction.None)]
    [InlineData(413, "PayloadTooLarge", Verdict.Rejected, Scope.Message, ApnsReaction.None)]
    [InlineData(429, "TooManyRequests", Verdict.Retry, Scope.Recipient, ApnsReaction.None)]
    [InlineData(429, "TooManyProviderTokenUpdates", Verdict.Retry, Scope.Credential, ApnsReaction.KeepToken)]
    [InlineData(500, "InternalServerError", Verdict.Retry, Scope.Provider, ApnsReaction.None)]
    [InlineData(503, "ServiceUnavailable", Verdict.Retry, Scope.Provider, ApnsReaction.None)]
    [InlineData(503, "Shutdown", Verdict.Retry, Scope.Provider, ApnsReaction.NewConnection)]
    [InlineData(418, "Teapot", Verdict.Retry, Scope.Provider, ApnsReaction.None)]
    [InlineData(200 + 99, "", Verdict.Retry, Scope.Provider, ApnsReaction.None)]
    internal void Answer_means(int status, string reason, Verdict verdict, Scope scope, ApnsReaction reaction)
    {
        var (attempt, asked) = ApnsVerdicts.Of(status, new ApnsError(reason, null), null, Messages.AcceptedAt);
        (attempt.Verdict, attempt.Scope, asked).ShouldBe((verdict, scope, reaction));
        attempt.Suppress.ShouldBeFalse(); // nothing is, without Apple's word on when the token died
        attempt.AgainAtOnce.ShouldBe(verdict == Verdict.Retry && reaction == ApnsReaction.NewConnection && scope == Scope.Provider);
        attempt.Reason.ShouldBe(verdict == Verdict.Accepted ? "" : reason.Length > 0 ? reason : $"{status}");
    }

    [Theory]
    [InlineData(-1, false)] // died, then the caller gave it to us: its app may be back
    [InlineData(0, true)]
    [InlineData(1, true)]
    public void A_dead_token_is_suppressed_if_it_died_after_the_caller_gave_it(int secondsAfter, bool suppressed)
    {
        var died = Messages.AcceptedAt.AddSeconds(secondsAfter).ToUnixTimeMilliseconds();
        var error = ApnsError.Parse(Encoding.UTF8.GetBytes($$"""{"reason":"Unregistered","timestamp":{{died}}}"""));
        ApnsVerdicts.Of(410, error, null, Messages.AcceptedAt).Attempt.Suppress.ShouldBe(suppressed);
    }

    [Theory]
    [InlineData(429, "TooManyRequests")]
    [InlineData(503, "ServiceUnavailable")]
    [InlineData(503, "Shutdown")]
    public void A_wait_that_apple_asks_for_is_kept(int status, string reason) =>
        ApnsVerdicts.Of(status, new ApnsError(reason, null), TimeSpan.FromSeconds(7), Messages.AcceptedAt).Attempt.RetryAfter.ShouldBe(TimeSpan.FromSeconds(7));

    [Theory]
    [InlineData("""{"reason":"BadTopic"}""", "BadTopic")]
    [InlineData("", "")]
    [InlineData("<html>", "")]
    [InlineData("[1]", "")]
    [InlineData("""{"reason":7,"timestamp":"x"}""", "")]
    [InlineData("""{"reason":"A","timestamp":99999999999999999}""", "A")]
    public void A_body_is_read_as_far_as_it_makes_sense(string body, string reason) =>
        ApnsError.Parse(Encoding.UTF8.GetBytes(body)).Reason.ShouldBe(reason);
}
