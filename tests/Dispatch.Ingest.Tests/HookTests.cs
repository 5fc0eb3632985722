using System.Net.Sockets;
using Dispatch.Contracts;
using Dispatch.Ingest.Hooks;
using Dispatch.Testing;
using Microsoft.Extensions.Primitives;

namespace Dispatch.Ingest.Tests;

public sealed class HookTests : IAsyncLifetime
{
    private const string Token = "a-token-of-the-gateway";
    private const string Public = "https://api.shop.example/dispatch";
    private const string Message = "msg_00000000000000000000000042";
    private TempFolder _folder = null!;
    private IngestHost _host = null!;

    public async Task InitializeAsync()
    {
        _folder = new TempFolder();
        await File.WriteAllTextAsync(_folder["sms-token"], Token + "\n");
        _host = await IngestHost.StartAsync(
            null, _folder, null,
            ("Dispatch:PublicUrl", "https://API.shop.example:443/dispatch/"), ("Dispatch:Lanes:0:Name", "gw-1"), ("Dispatch:Lanes:0:Provider", "http-sms"), ("Dispatch:Lanes:0:TokenFile", _folder["sms-token"]));
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void Signature_is_that_of_the_vendors_page()
    {
        // Twilio docs, "Validating Signatures from Twilio", the worked example.
        var form = new Dictionary<string, StringValues>
        {
            ["CallSid"] = "CA1234567890ABCDE", ["Caller"] = "+14158675309", ["Digits"] = "1234", ["From"] = "+14158675309", ["To"] = "+18005551212",
        };
        TwilioSignature.Of("12345"u8, "https://mycompany.com/myapp.php?foo=1&bar=2", form).ShouldBe("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    [Theory]
    [InlineData("delivered", OutcomeKind.Delivered, State.Delivered)]
    [InlineData("read", OutcomeKind.Delivered, State.Delivered)]
    [InlineData("undelivered", OutcomeKind.Undelivered, State.Undelivered)]
    [InlineData("failed", OutcomeKind.Undelivered, State.Undelivered)]
    public async Task A_receipt_becomes_a_fact_about_its_message(string status, OutcomeKind kind, State state)
    {
        (await PostAsync(Form(status))).ShouldBe(204);

        var fact = Outcome.Parser.ParseFrom((await _host.EntriesAsync(Topics.Outcomes)).ShouldHaveSingleItem().Value.Span);
        Id.From(fact.MessageId.Span).ToText(IdPrefix.Message).ShouldBe(Message);
        (fact.Kind, fact.State, fact.SourceId, fact.Lane, fact.Channel).ShouldBe((kind, state, $"SM1:{status}", "gw-1", Channel.Sms));
        fact.Day.ShouldBe(Id.DayOf(Id.From(fact.MessageId.Span).Day));
    }

    [Theory]
    [InlineData("queued")]
    [InlineData("sent")]
    [InlineData("a-status-of-tomorrow")]
    public async Task What_is_on_its_way_is_taken_and_says_nothing(string status)
    {
        (await PostAsync(Form(status))).ShouldBe(204);
        (await _host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Only_what_the_gateway_signed_is_believed()
    {
        var form = Form("delivered");
        var path = $"/hooks/http-sms/gw-1?message_id={Message}";
        (await PostAsync(form, signed: $"http://127.0.0.1{path}")).ShouldBe(403); // the address of this process instead of the public one
        (await PostAsync(form, signed: $"{Public}{path}&x=1")).ShouldBe(403);
        (await PostAsync(form, signed: $"{Public}{path.Replace("42", "43", StringComparison.Ordinal)}")).ShouldBe(403); // another message
        (await PostAsync(form, token: "another-token")).ShouldBe(403);
        (await PostAsync(form, signature: "")).ShouldBe(403);
        (await PostAsync(form, signature: "not base64!")).ShouldBe(403);
        var altered = Form("delivered");
        altered["MessageStatus"] = "failed";
        (await PostAsync(altered, signedForm: form)).ShouldBe(403);
        var added = Form("delivered");
        added["Extra"] = "1";
        (await PostAsync(added, signedForm: form)).ShouldBe(403);
        (await _host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_receipt_for_nobody_is_refused()
    {
        (await PostAsync(Form("delivered"), path: "/hooks/http-sms/gw-1")).ShouldBe(400);
        (await PostAsync(Form("delivered"), path: "/hooks/http-sms/gw-1?message_id=msg_1")).ShouldBe(400);
        (await PostAsync(Form("delivered"), path: $"/hooks/http-sms/gw-2?message_id={Message}")).ShouldBe(404);
        (await _host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task An_empty_token_signs_nothing()
    {
        await File.WriteAllTextAsync(_folder["sms-token"], "\n");
        File.SetLastWriteTimeUtc(_folder["sms-token"], DateTime.UtcNow.AddSeconds(5));

        (await PostAsync(Form("delivered"), token: "")).ShouldBe(503);
        (await PostAsync(Form("delivered"))).ShouldBe(503);
        (await _host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_target_that_is_a_whole_url_is_malformed()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_host.Address.Host, _host.Address.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(
            $"POST {_host.Address}hooks/http-sms/gw-1?message_id={Message} HTTP/1.1\r\nHost: {_host.Address.Authority}\r\nConnection: close\r\n"
            + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\nMessageSid=SM1"));
        using var reader = new StreamReader(stream);

        (await reader.ReadLineAsync()).ShouldBe("HTTP/1.1 400 Bad Request");
    }

    [Fact]
    public async Task A_rotated_token_counts_at_once()
    {
        await File.WriteAllTextAsync(_folder["sms-token"], "new");
        File.SetLastWriteTimeUtc(_folder["sms-token"], DateTime.UtcNow.AddSeconds(5));

        (await PostAsync(Form("delivered"), token: "new")).ShouldBe(204);
        (await PostAsync(Form("delivered"))).ShouldBe(403);
    }

    private static Dictionary<string, StringValues> Form(string status) => new()
    {
        ["MessageSid"] = "SM1", ["MessageStatus"] = status, ["To"] = "+33612345678", ["From"] = "SHOP", ["Body"] = "a+b & c=ü",
    };

    private async Task<int> PostAsync(
        Dictionary<string, StringValues> form, string? path = null, string? signed = null, string token = Token, string? signature = null,
        Dictionary<string, StringValues>? signedForm = null)
    {
        path ??= $"/hooks/http-sms/gw-1?message_id={Message}";
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = new FormUrlEncodedContent(form.Select(it => KeyValuePair.Create(it.Key, it.Value.ToString())));
        request.Headers.TryAddWithoutValidation(
            "X-Twilio-Signature", signature ?? TwilioSignature.Of(System.Text.Encoding.UTF8.GetBytes(token), signed ?? Public + path, signedForm ?? form));
        using var anybody = _host.Client(null);
        return (await _host.SendAsync(request, anybody)).Status;
    }
}
