using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using Dispatch.Channels.Templates;
using Dispatch.Push.Apns;
using Dispatch.Push.Fcm;

namespace Dispatch.Push.Tests;

/// <summary>Payloads against files that a person has read. Set DISPATCH_WRITE_GOLDEN=1 to write them anew, then read the difference.</summary>
public class PayloadTests
{
    private const string MessageId = "msg_00000000000000000000000000";

    private static readonly Dictionary<string, (PushContent Content, string Variables)> Cases = new()
    {
        ["alert"] = (new() { Title = "Your code", Body = "{{code}} for {{user.name}}", Badge = 3, Sound = "default" }, """{"code":"4711","user":{"name":"Zoë \"Z\" 🦊"}}"""),
        ["title-only"] = (new() { Title = "Sale" }, ""),
        ["data"] = (new() { Body = "Go", Data = { ["link"] = "shop://o/{{order}}", ["plain"] = "é\n\"" }, CollapseKey = "otp" }, """{"order":"A-1"}"""),
        ["background"] = (new() { Background = true, Sound = "unheard", Data = { ["refresh"] = "1" } }, ""),
        ["badge-away"] = (new() { Badge = 0 }, ""),
        ["hostile-value"] = (new() { Body = "{{name}}" }, """{"name":"\",\"aps\":{\"badge\":9},\"x\":\"{{secret}}"}"""),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Apns_payload_is_the_golden_one(string name) => Check($"apns-{name}", Apns(Cases[name].Content, Cases[name].Variables));

    [Theory]
    [MemberData(nameof(Names))]
    public void Fcm_payload_is_the_golden_one(string name) => Check($"fcm-{name}", Fcm(Cases[name].Content, Cases[name].Variables));

    [Fact]
    public void Apns_takes_4096_bytes_and_not_one_more()
    {
        var room = ApnsPayload.BytesMax - Apns(new() { Body = "-" }).Body.Length + 1;
        Apns(new() { Body = new string('x', room) }).Fault.ShouldBeNull();
        Apns(new() { Body = new string('x', room + 1) }).Fault.ShouldBe("PayloadTooLarge");
        Apns(new() { Body = new string('é', (room / 2) + 1) }).Fault.ShouldBe("PayloadTooLarge"); // bytes, not characters
    }

    [Fact]
    public void Fcm_takes_4096_bytes_of_notification_and_data_and_not_one_more()
    {
        var taken = "body".Length + PushText.MessageIdKey.Length + MessageId.Length;
        Fcm(new() { Body = new string('x', FcmPayload.BytesMax - taken) }).Fault.ShouldBeNull();
        Fcm(new() { Body = new string('x', FcmPayload.BytesMax - taken + 1) }).Fault.ShouldBe("PayloadTooLarge");
        Fcm(new() { Body = "x", Data = { ["k"] = new string('x', FcmPayload.BytesMax - taken - 1) } }).Fault.ShouldBe("PayloadTooLarge");
    }

    [Theory]
    [InlineData("aps")]
    [InlineData("dispatch_message_id")]
    public void Apns_refuses_data_under_keys_that_are_taken(string key) => Apns(new() { Body = "x", Data = { [key] = "1" } }).Fault.ShouldBe("data_key_taken");

    [Theory]
    [InlineData("from")]
    [InlineData("gcm")]
    [InlineData("gcm.n")]
    [InlineData("google.x")]
    [InlineData("googleX")]
    [InlineData("message_type")]
    [InlineData("dispatch_message_id")]
    public void Fcm_refuses_data_under_keys_that_are_taken(string key) => Fcm(new() { Body = "x", Data = { [key] = "1" } }).Fault.ShouldBe("data_key_taken");

    [Fact]
    public void Apns_refuses_a_push_that_says_nothing() => Apns(new() { Data = { ["a"] = "1" } }).Fault.ShouldBe("PayloadEmpty");

    [Fact]
    public void What_cannot_be_rendered_is_a_template_fault() => Should.Throw<TemplateException>(() => Apns(new() { Body = "{{#if" }));

    [Theory]
    [InlineData(-1, "0s")] // late: now or never
    [InlineData(90, "90s")]
    [InlineData(40 * 86_400, "2419200s")]
    public void Fcm_ttl_is_what_is_left_to_live(int seconds, string ttl)
    {
        var message = Messages.Push("token", new() { Body = "x" });
        message.ExpiresAt = Messages.AcceptedAt.AddSeconds(seconds).ToUnixTimeMilliseconds();
        Encoding.UTF8.GetString(FcmOf(message).Body).ShouldContain($"\"ttl\":\"{ttl}\"");
    }

    private static (string? Fault, byte[] Body) Apns(PushContent content, string variables = "")
    {
        var to = new ArrayBufferWriter<byte>();
        var fault = ApnsPayload.Write(to, new PushText(Messages.Push("token", content, variables)), MessageId);
        return (fault, to.WrittenSpan.ToArray());
    }

    private static (string? Fault, byte[] Body) Fcm(PushContent content, string variables = "") => FcmOf(Messages.Push("token", content, variables));

    private static (string? Fault, byte[] Body) FcmOf(Message message)
    {
        var to = new ArrayBufferWriter<byte>();
        var fault = FcmPayload.Write(to, message, new PushText(message), MessageId, Messages.AcceptedAt);
        return (fault, to.WrittenSpan.ToArray());
    }

    private static void Check(string name, (string? Fault, byte[] Body) payload, [CallerFilePath] string here = "")
    {
        payload.Fault.ShouldBeNull();
        var file = Path.Combine(Path.GetDirectoryName(here)!, "Golden", $"{name}.json");
        if (Environment.GetEnvironmentVariable("DISPATCH_WRITE_GOLDEN") == "1")
        {
            File.WriteAllText(file, Encoding.UTF8.GetString(payload.Body) + "\n");
        }

        Encoding.UTF8.GetString(payload.Body).ShouldBe(File.ReadAllText(file).TrimEnd('\n'));
    }
}
