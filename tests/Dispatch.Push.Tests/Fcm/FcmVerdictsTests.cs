using System.Text;
using Dispatch.Push.Fcm;

namespace Dispatch.Push.Tests.Fcm;

/// <summary>The reaction table of FCM, row by row, in its order.</summary>
public class FcmVerdictsTests
{
    private const string BadPayload = """{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.data[0].key"}]}""";
    private const string BadToken = """{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.token"}]}""";

    [Theory]
    [InlineData(200, "", "", "", Verdict.Accepted, Scope.Message, FcmReaction.None)]
    [InlineData(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", BadPayload, Verdict.Rejected, Scope.Message, FcmReaction.None)]
    [InlineData(400, "INVALID_ARGUMENT", "", BadPayload, Verdict.Rejected, Scope.Message, FcmReaction.None)]
    [InlineData(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "", Verdict.Rejected, Scope.Recipient, FcmReaction.None)]
    [InlineData(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", BadToken, Verdict.Rejected, Scope.Recipient, FcmReaction.None)]
    [InlineData(400, "INVALID_ARGUMENT", "", "", Verdict.Rejected, Scope.Message, FcmReaction.None)]
    [InlineData(404, "NOT_FOUND", "UNREGISTERED", "", Verdict.Rejected, Scope.Recipient, FcmReaction.None)]
    [InlineData(404, "NOT_FOUND", "", "", Verdict.Retry, Scope.Credential, FcmReaction.None)]
    [InlineData(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "", Verdict.Rejected, Scope.Recipient, FcmReaction.None)]
    [InlineData(403, "PERMISSION_DENIED", "", "", Verdict.Retry, Scope.Credential, FcmReaction.None)]
    [InlineData(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "", Verdict.Retry, Scope.Credential, FcmReaction.None)]
    [InlineData(401, "UNAUTHENTICATED", "", "", Verdict.Retry, Scope.Credential, FcmReaction.NewToken)]
    [InlineData(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "", Verdict.Retry, Scope.Provider, FcmReaction.None)]
    [InlineData(500, "INTERNAL", "INTERNAL", "", Verdict.Retry, Scope.Provider, FcmReaction.None)]
    [InlineData(503, "UNAVAILABLE", "UNAVAILABLE", "", Verdict.Retry, Scope.Provider, FcmReaction.None)]
    [InlineData(502, "", "", "", Verdict.Unknown, Scope.Provider, FcmReaction.None)]
    [InlineData(504, "DEADLINE_EXCEEDED", "", "", Verdict.Unknown, Scope.Provider, FcmReaction.None)]
    [InlineData(418, "", "", "", Verdict.Retry, Scope.Provider, FcmReaction.None)]
    internal void Answer_means(int status, string canonical, string code, string badRequest, Verdict verdict, Scope scope, FcmReaction reaction)
    {
        var (attempt, asked) = FcmVerdicts.Of(status, Error(status, canonical, code, badRequest), null);
        (attempt.Verdict, attempt.Scope, asked).ShouldBe((verdict, scope, reaction));
        attempt.Suppress.ShouldBe(code == "UNREGISTERED");
        attempt.NothingLeft.ShouldBe(verdict is Verdict.Retry or Verdict.Rejected);
        attempt.Reason.ShouldBe(verdict == Verdict.Accepted ? "" : code.Length > 0 ? code : canonical.Length > 0 ? canonical : $"{status}");
    }

    [Theory]
    [InlineData(429, null, 60)]
    [InlineData(429, 7, 7)]
    [InlineData(503, 7, 7)]
    [InlineData(503, null, null)]
    public void Waits_as_long_as_fcm_asks_and_a_minute_on_a_quota(int status, int? asked, int? waited)
    {
        var after = asked is { } seconds ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null;
        FcmVerdicts.Of(status, new FcmError("", "", false), after).Attempt.RetryAfter?.TotalSeconds.ShouldBe(waited!.Value);
        FcmVerdicts.Of(status, new FcmError("", "", false), after).Attempt.RetryAfter.HasValue.ShouldBe(waited.HasValue);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("""{"error":"x"}""")]
    [InlineData("""{"error":{"status":5,"details":{"a":1}}}""")]
    [InlineData("""{"error":{"details":[1,{"@type":3},{"@type":"google.rpc.BadRequest","fieldViolations":3}]}}""")]
    public void A_body_that_makes_no_sense_has_no_reason(string body) => FcmError.Parse(Encoding.UTF8.GetBytes(body)).Reason.ShouldBe("");

    private static FcmError Error(int code, string status, string fcmCode, string badRequest)
    {
        var details = new List<string>();
        if (fcmCode.Length > 0)
        {
            details.Add($$"""{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"{{fcmCode}}"}""");
        }

        if (badRequest.Length > 0)
        {
            details.Add(badRequest);
        }

        var body = $$"""{"error":{"code":{{code}},"message":"no","status":"{{status}}","details":[{{string.Join(',', details)}}] } }""";
        return FcmError.Parse(status.Length == 0 ? ReadOnlyMemory<byte>.Empty : Encoding.UTF8.GetBytes(body));
    }
}
