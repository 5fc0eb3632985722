using System.ComponentModel.DataAnnotations;
using System.Text;
using Dispatch.Sms.HttpSms;

namespace Dispatch.Sms.Tests.HttpSms;

public class HttpSmsPayloadTests
{
    private static readonly HttpSmsOptions Options = new() { AccountSid = "AC1", TokenFile = "token", From = "+15550001" };

    private static (Attempt? Fault, string Form, int Segments, bool FromLane) Make(Message message, string callback = "")
    {
        var fault = HttpSmsPayload.Make(message, Options, callback, out var payload);
        return (fault, payload.Form is null ? "" : Encoding.ASCII.GetString(payload.Form), payload.Segments, payload.FromLane);
    }

    [Fact]
    public void A_form_to_the_letter()
    {
        var message = Messages.To("+33612345678", "Zürich & Co: {{code}}");

        var made = Make(message, "https://dispatch.example/hooks/http-sms/sms-1");

        made.Form.ShouldBe(
            $"To=%2B33612345678&From=SHOP&Body=Z%C3%BCrich%20%26%20Co%3A%204711"
            + $"&StatusCallback=https%3A%2F%2Fdispatch.example%2Fhooks%2Fhttp-sms%2Fsms-1%3Fmessage_id%3D{message.TextId()}");
        (made.Fault, made.Segments, made.FromLane).ShouldBe((null, 1, false));
    }

    [Fact]
    public void The_lane_has_a_sender_for_messages_that_name_none() => Make(Messages.To("+33612345678", from: "")).Form.ShouldStartWith("To=%2B33612345678&From=%2B15550001&Body=");

    [Fact]
    public void A_messaging_service_has_a_field_of_its_own() =>
        Make(Messages.To("+33612345678", from: "MG" + new string('a', 32))).Form.ShouldContain($"&MessagingServiceSid=MG{new string('a', 32)}&");

    [Theory]
    [InlineData("33612345678")]
    [InlineData("+336")]
    [InlineData("+3361234567812345")]
    [InlineData("+33612345678&To=+1")]
    [InlineData("+33612 345678")]
    [InlineData("+٣٣٦١٢٣٤٥٦٧٨")]
    [InlineData("")]
    public void What_is_no_number_is_not_tried(string phone)
    {
        var fault = Make(Messages.To(phone)).Fault.ShouldNotBeNull();
        (fault.Verdict, fault.Scope, fault.Reason).ShouldBe((Verdict.Rejected, Scope.Recipient, "invalid_phone: not E.164"));
    }

    [Theory]
    [InlineData("", "empty_text")]
    [InlineData("{{code", "template_syntax: ")]
    [InlineData("long", "too_long: 1601 characters")]
    public void A_text_that_cannot_be_sent_says_why(string text, string reason)
    {
        var fault = Make(Messages.To("+33612345678", text == "long" ? new string('x', 1601) : text)).Fault.ShouldNotBeNull();
        (fault.Verdict, fault.Scope).ShouldBe((Verdict.Rejected, Scope.Message));
        fault.Reason.ShouldStartWith(reason);
    }

    [Fact]
    public void Segments_are_those_of_the_rendered_text() =>
        Make(Messages.To("+33612345678", "{{code}}", variables: $$"""{"code":"{{new string('ы', 71)}}"}""")).Segments.ShouldBe(2);

    [Theory]
    [InlineData("http://gateway.example", "AC1", "token", "is not https")]
    [InlineData("https://gateway.example", "", "token", "AccountSid")]
    [InlineData("https://gateway.example", "AC/1", "token", "AccountSid")]
    [InlineData("https://gateway.example", "AC1", "", "TokenFile")]
    public void Options_that_cannot_work_stop_the_start(string endpoint, string account, string token, string fault) =>
        new HttpSmsOptionsValidator().Validate("lane", new HttpSmsOptions { Endpoint = new Uri(endpoint), AccountSid = account, TokenFile = token })
            .FailureMessage.ShouldNotBeNull().ShouldContain(fault);

    [Fact]
    public void Options_that_can_work_pass() => new HttpSmsOptionsValidator().Validate("lane", Options).Succeeded.ShouldBeTrue();
}
