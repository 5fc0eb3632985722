using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Testing;

namespace Dispatch.Ingest.Tests;

/// <summary>One service for the whole table; nothing of it may ever reach the log.</summary>
public sealed class HostileHost : IAsyncLifetime
{
    private TestDatabase _database = null!;

    public IngestHost Host { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresServer.CreateDatabaseAsync();
        Host = await IngestHost.StartAsync(_database.ConnectionString);
    }

    public async Task DisposeAsync()
    {
        await Host.DisposeAsync();
        await _database.DisposeAsync();
    }
}

public sealed class HostileRequestsTests(HostileHost hostile) : IClassFixture<HostileHost>
{
    private const string Messages = "/v1/messages";
    private const string? Get = null; // no body
    private const string Email = """{ "email": { "from": "a@example.org", "subject": "s", "text": "t" } }""";
    private const string Ada = """[ { "email": "ada@example.org" } ]""";

    private static readonly List<Hostile> Table =
    [
        // not JSON at all
        new("empty body", "", 400, "invalid", " empty_body"),
        new("no JSON", "hello", 400, "invalid", " invalid_json"),
        new("cut JSON", """{ "class": "transactional", """, 400, "invalid", " invalid_json"),
        new("trailing bytes", Posts.Fine + "x", 400, "invalid", " invalid_json"),
        new("trailing comma", """{ "class": "campaign", }""", 400, "invalid", " invalid_json"),
        new("comment", """{ /* hi */ "class": "campaign" }""", 400, "invalid", " invalid_json"),
        new("byte order mark", "\uFEFF" + Posts.Fine, 400, "invalid", " invalid_json"),
        new("NaN", """{ "class": "campaign", "ttl_seconds": NaN }""", 400, "invalid", " invalid_json"),
        new("bad UTF-8", [.. "{\"class\":\""u8, 0xC3, 0x28, .. "\"}"u8], 400, "invalid", " invalid_utf8"),
        new("UTF-16", Encoding.Unicode.GetBytes(Posts.Fine), 400, "invalid", " invalid_json"),
        new("half a surrogate pair", """{ "class": "\ud800" }""", 400, "invalid", " invalid_text"),
        new("half a surrogate pair in a name", """{ "\udfff": 1 }""", 400, "invalid", " invalid_text"),
        new("NUL in a text", """{ "class": "campaign\u0000" }""", 400, "invalid", " invalid_text"),
        new("a field twice", """{ "class": "campaign", "class": "transactional" }""", 400, "invalid", " duplicate_field"),
        new("a variable twice", With("variables", """{ "a": 1, "a": 2 }"""), 400, "invalid", " duplicate_field"),
        new("10 000 arrays deep", new string('[', 10_000) + new string(']', 10_000), 400, "invalid", " too_deep"),
        new("10 MB of brackets", new string('[', 10_000_000), 400, "invalid", " invalid_json"),

        // not a request
        new("an array", "[]", 400, "invalid", " wrong_type"),
        new("a string", "\"hello\"", 400, "invalid", " wrong_type"),
        new("null", "null", 400, "invalid", " wrong_type"),
        new("an empty object", "{}", 400, "invalid", "/class required", "/recipients required", "/content required"),
        new("unknown field", With("priority", "1"), 400, "invalid", "/priority unknown_field"),
        new("unknown field with a slash", With("a/b~c", "1"), 400, "invalid", "/a~1b~0c unknown_field"),
        new("capital letters", With("Class", "\"campaign\""), 400, "invalid", "/Class unknown_field"),
        new("every fault at once",
            """{ "class": 5, "recipients": [ { "email": "x" } ], "content": { "email": { "from": "x", "subject": "" }, "fax": {} }, "ttl_seconds": "soon", "labels": [ "ok", "not ok" ] }""",
            400, "invalid",
            "/class not_a_choice", "/content/email/from invalid_email", "/content/email/subject too_short", "/content/fax unknown_field", "/ttl_seconds wrong_type",
            "/labels/1 invalid_characters", "/recipients/0/email invalid_email"),
        new("unknown class", With("class", "\"urgent\""), 400, "invalid", "/class not_a_choice"),
        new("ttl of nothing", With("ttl_seconds", "0"), 400, "invalid", "/ttl_seconds out_of_range"),
        new("ttl below zero", With("ttl_seconds", "-5"), 400, "invalid", "/ttl_seconds out_of_range"),
        new("ttl of years", With("ttl_seconds", "999999999"), 400, "invalid", "/ttl_seconds out_of_range"),
        new("ttl beyond 64 bits", With("ttl_seconds", "99999999999999999999"), 400, "invalid", "/ttl_seconds wrong_type"),
        new("ttl with a fraction", With("ttl_seconds", "1.5"), 400, "invalid", "/ttl_seconds wrong_type"),
        new("send_at in the future", With("send_at", "\"2999-01-01T00:00:00Z\""), 400, "invalid", "/send_at not_supported"),
        new("send_at without offset", With("send_at", "\"2026-01-01T00:00:00\""), 400, "invalid", "/send_at invalid_time"),
        new("send_at in words", With("send_at", "\"tomorrow\""), 400, "invalid", "/send_at invalid_time"),
        new("fallback", With("fallback", """[ "push", "email" ]"""), 400, "invalid", "/fallback not_supported"),
        new("in_doubt unknown", With("in_doubt", "\"guess\""), 400, "invalid", "/in_doubt not_a_choice"),
        new("eleven labels", With("labels", "[" + string.Join(',', Enumerable.Repeat("\"a\"", 11)) + "]"), 400, "invalid", "/labels too_many"),
        new("a long label", With("labels", $"[\"{new string('a', 65)}\"]"), 400, "invalid", "/labels/0 too_long"),
        new("a label with a line break", With("labels", "[\"a\\nb\"]"), 400, "invalid", "/labels/0 control_character"),
        new("metadata that is no object", With("metadata", "[1]"), 400, "invalid", "/metadata wrong_type"),
        new("metadata that is large", With("metadata", $$"""{ "a": "{{new string('x', 17_000)}}" }"""), 400, "invalid", "/metadata too_large"),
        new("variables that are deep", With("variables", string.Concat(Enumerable.Repeat("{\"a\":", 9)) + "1" + new string('}', 9)), 400, "invalid", "/variables too_deep"),
        new("variables that are large", With("variables", $$"""{ "a": "{{new string('x', 66_000)}}" }"""), 400, "invalid", "/variables too_large"),

        // recipients
        new("no recipients", With("recipients", "[]"), 400, "invalid", "/recipients too_few"),
        new("recipients as an object", With("recipients", "{}"), 400, "invalid", "/recipients wrong_type"),
        new("10 001 recipients", With("recipients", "[" + string.Join(',', Enumerable.Repeat("{\"email\":\"a@example.org\"}", 10_001)) + "]"), 400, "invalid", "/recipients too_many"),
        new("a bare user", With("recipients", """[ { "user_id": "u-17" } ]"""), 400, "invalid", "/recipients/0 no_address"),
        new("an empty recipient", With("recipients", "[ {} ]"), 400, "invalid", "/recipients/0 no_address"),
        new("a recipient that is a string", With("recipients", "[ \"ada@example.org\" ]"), 400, "invalid", "/recipients/0 wrong_type"),
        new("CR LF in an email", With("recipients", """[ { "email": "ada@example.org\r\nRCPT TO:<eve@example.org>" } ]"""), 400, "invalid", "/recipients/0/email control_character"),
        new("two ats", With("recipients", """[ { "email": "a@b@example.org" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("quoted local part", With("recipients", """[ { "email": "\"a b\"@example.org" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("angle brackets", With("recipients", """[ { "email": "<a@example.org>" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("domain literal", With("recipients", """[ { "email": "a@[127.0.0.1]" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("one label", With("recipients", """[ { "email": "a@localhost" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("65 in front of the at", With("recipients", $$"""[ { "email": "{{new string('a', 65)}}@example.org" } ]"""), 400, "invalid", "/recipients/0/email invalid_email"),
        new("national number", With("recipients", """[ { "phone": "06 12 34 56 78" } ]"""), 400, "invalid", "/recipients/0/phone invalid_phone"),
        new("number with letters", With("recipients", """[ { "phone": "+33CALLME00" } ]"""), 400, "invalid", "/recipients/0/phone invalid_phone"),
        new("number that is too long", With("recipients", """[ { "phone": "+1234567890123456" } ]"""), 400, "invalid", "/recipients/0/phone invalid_phone"),
        new("number in Arabic digits", With("recipients", """[ { "phone": "+٣٣٦١٢٣٤٥٦٧٨" } ]"""), 400, "invalid", "/recipients/0/phone invalid_phone"),
        new("token that is a path", With("recipients", """[ { "push": { "provider": "apns", "app": "a", "token": "../../3/device/x" } } ]"""), 400, "invalid", "/recipients/0/push invalid_token"),
        new("unknown provider", With("recipients", """[ { "push": { "provider": "carrier-pigeon", "app": "a", "token": "x" } } ]"""), 400, "invalid", "/recipients/0/push/provider not_a_choice"),
        new("21 tokens", With("recipients", "[ { \"push\": [" + string.Join(',', Enumerable.Range(0, 21).Select(it => $$"""{ "provider": "apns", "app": "a", "token": "{{it}}" }""")) + "] } ]"),
            400, "invalid", "/recipients/0/push too_many"),
        new("a user_id of 300 characters", With("recipients", $$"""[ { "user_id": "{{new string('u', 300)}}", "email": "a@example.org" } ]"""), 400, "invalid", "/recipients/0/user_id too_long"),
        new("no content for the channel", With("recipients", """[ { "phone": "+33612345678" } ]"""), 400, "invalid", "/recipients/0/phone no_content"),

        // content
        new("no content", With("content", "{}"), 400, "invalid", "/content required"),
        new("content null", With("content", "null"), 400, "invalid", "/content required"),
        new("CR LF in the subject", WithEmail("\"subject\": \"hi\\r\\nBcc: eve@example.org\""), 400, "invalid", "/content/email/subject control_character"),
        new("LF in from", WithEmail("\"from\": \"Shop\\n<a@example.org>\""), 400, "invalid", "/content/email/from control_character"),
        new("two addresses in from", WithEmail("\"from\": \"a@example.org, b@example.org\""), 400, "invalid", "/content/email/from invalid_email"),
        new("CR in reply_to", WithEmail("\"reply_to\": \"a@example.org\\rX: y\""), 400, "invalid", "/content/email/reply_to control_character"),
        new("raw output", WithEmail("\"html\": \"{{{name}}}\""), 400, "invalid", "/content/email/html invalid_template"),
        new("a partial", WithEmail("\"html\": \"{{> secrets}}\""), 400, "invalid", "/content/email/html invalid_template"),
        new("an open tag", WithEmail("\"text\": \"{{name\""), 400, "invalid", "/content/email/text invalid_template"),
        new("an open section", WithEmail("\"text\": \"{{#if a}} b\""), 400, "invalid", "/content/email/text invalid_template"),
        new("a helper with arguments", WithEmail("\"text\": \"{{lookup a b}}\""), 400, "invalid", "/content/email/text invalid_template"),
        new("reflection", WithEmail("\"text\": \"{{constructor.prototype x}}\""), 400, "invalid", "/content/email/text invalid_template"),
        new("a bomb of sections", WithEmail($"\"text\": \"{string.Concat(Enumerable.Repeat("{{#each a}}", 9))}{string.Concat(Enumerable.Repeat("{{/each}}", 9))}\""),
            400, "invalid", "/content/email/text invalid_template"),
        new("a thousand tags too many", WithEmail($"\"text\": \"{string.Concat(Enumerable.Repeat("{{a}}", 1_001))}\""), 400, "invalid", "/content/email/text invalid_template"),
        new("a template of 100 KB", WithEmail($"\"text\": \"{{{{a}}}}{new string('x', 100_000)}\""), 400, "invalid", "/content/email/text invalid_template"),
        new("a push of 5 KB", With("content", $$"""{ "push": { "title": "t", "data": { "a": "{{new string('x', 4_096)}}", "b": "{{new string('x', 900)}}" } } }"""),
            400, "invalid", "/content/push too_large"),
        new("a push of nothing", With("content", """{ "push": {} }"""), 400, "invalid", "/content/push required"),
        new("data with numbers", With("content", """{ "push": { "title": "t", "data": { "a": 1, "aps": "x" } } }"""),
            400, "invalid", "/content/push/data/a wrong_type", "/content/push/data/aps reserved_name"),
        new("a badge below zero", With("content", """{ "push": { "badge": -1 } }"""), 400, "invalid", "/content/push/badge out_of_range"),
        new("an SMS from nowhere", With("content", """{ "sms": { "from": "MUCH-TOO-LONG-NAME", "text": "t" } }"""), 400, "invalid", "/content/sms/from too_long"),
        new("an SMS of a novel", With("content", $$"""{ "sms": { "from": "SHOP", "text": "{{new string('x', 1_601)}}" } }"""), 400, "invalid", "/content/sms/text too_long"),
        new("content times recipients", $$"""
            { "class": "campaign", "recipients": [{{string.Join(',', Enumerable.Range(0, 60).Select(it => $$"""{"email":"u{{it}}@example.org"}"""))}}],
              "content": { "email": { "from": "a@example.org", "subject": "s", "text": "{{new string('x', 1_000_000)}}" } } }
            """, 413, "too_large"),
        new("11 MiB", With("metadata", $$"""{ "a": "{{new string('x', 11 * 1_024 * 1_024)}}" }"""), 413, "too_large"),
        new("11 MiB in chunks", With("metadata", $$"""{ "a": "{{new string('x', 11 * 1_024 * 1_024)}}" }"""), 413, "too_large") { Chunked = true },

        // headers
        new("a form", Posts.Fine, 415, "unsupported_media_type") { ContentType = "application/x-www-form-urlencoded" },
        new("no content type", Posts.Fine, 415, "unsupported_media_type") { ContentType = null },
        new("almost JSON", Posts.Fine, 415, "unsupported_media_type") { ContentType = "application/jsonx" },
        new("compressed", Posts.Fine, 415, "unsupported_media_type") { Header = ("Content-Encoding", "gzip") },
        new("a key of 256 characters", Posts.Fine, 400, "invalid_parameter") { Header = ("Idempotency-Key", new string('k', 256)) },
        new("an empty key", Posts.Fine, 400, "invalid_parameter") { Header = ("Idempotency-Key", "") },
        new("a header of 20 KB", Posts.Fine, 431, null) { Header = ("X-Large", new string('x', 20_000)) },
        new("no API key", Posts.Fine, 401, "unauthenticated") { Key = "" },
        new("a mistyped key", Posts.Fine, 401, "unauthenticated") { Key = "dsp_live_000000000000_00000000000000000000000000000000000000" },
        new("somebody else's word", Posts.Fine, 401, "unauthenticated") { Key = "sk_live_abcdefghijklmnop" },

        // other calls
        new("wrong method", Get, 405, "method_not_allowed") { Path = "/v1/events" },
        new("unknown path", Posts.Fine, 404, "not_found") { Path = "/v1/massages" },
        new("an id that is none", Get, 404, "not_found") { Path = "/v1/messages/msg_1" },
        new("an id of SQL", Get, 404, "not_found") { Path = "/v1/messages/msg_'%20or%201=1" },
        new("a request's id as a message's", Get, 404, "not_found") { Path = "/v1/messages/req_00000000000000000000000001" },
        new("unknown parameter", Get, 400, "invalid", "/query/sort unknown_parameter") { Path = "/v1/messages?sort=asc" },
        new("bad parameters", Get, 400, "invalid", "/query/cursor invalid_cursor", "/query/page_size out_of_range", "/query/state not_a_choice", "/query/channel not_a_choice", "/query/from invalid_time")
        {
            Path = "/v1/messages?state=lost&channel=fax&from=now&page_size=201&cursor=!!",
        },
        new("a label with a line break in it", Get, 400, "invalid", "/query/label invalid_parameter") { Path = "/v1/messages?label=a%0Ab" },
        new("stats until the year 1", Get, 400, "invalid", "/query/until invalid_time") { Path = "/v1/stats?until=0001-01-01T00:00:00Z" },
        new("settlement until the year 1", Get, 400, "invalid", "/query/until invalid_time") { Path = "/v1/operate/settlement?until=0001-01-01T00:00:00Z" },
        new("settlement of years", Get, 400, "invalid", "/query/from out_of_range") { Path = "/v1/operate/settlement?from=2020-01-01T00:00:00Z" },
        new("a batch of 1 001", "{\"messages\":[" + string.Join(',', Enumerable.Repeat("{}", 1_001)) + "]}", 400, "invalid", "/messages too_many") { Path = "/v1/messages/batch" },
        new("an empty batch", """{ "messages": [] }""", 400, "invalid", "/messages too_few") { Path = "/v1/messages/batch" },
        new("a batch with a bad key", """{ "messages": [ { "idempotency_key": "ünïcode" } ] }""", 400, "none_accepted",
            "/messages/0/idempotency_key invalid_key", "/messages/0/class required", "/messages/0/recipients required", "/messages/0/content required") { Path = "/v1/messages/batch" },
        new("events of nothing", "{}", 400, "invalid", "/events required") { Path = "/v1/events" },
        new("an event without anything", """{ "events": [ {} ] }""", 400, "invalid",
            "/events/0/event_id required", "/events/0/user_id required", "/events/0/name required", "/events/0/at required") { Path = "/v1/events" },
        new("NUL in an event's attributes", """{ "events": [ { "event_id": "e", "user_id": "u", "name": "n", "at": "2026-01-01T00:00:00Z", "attributes": { "a": "\u0000" } } ] }""", 400, "invalid",
            " invalid_text") { Path = "/v1/events" },
        new("NUL in an event's user", """{ "events": [ { "event_id": "e", "user_id": "u\u0000", "name": "n", "at": "2026-01-01T00:00:00Z" } ] }""", 400, "invalid", " invalid_text") { Path = "/v1/events" },
        new("an event of long ago", """{ "events": [ { "event_id": "e", "user_id": "u", "name": "n", "at": "2020-01-01T00:00:00Z" } ] }""", 400, "invalid", "/events/0/at too_old") { Path = "/v1/events" },
        new("an event about a request", """{ "events": [ { "event_id": "e", "user_id": "u", "name": "opened", "at": "2026-01-01T00:00:00Z", "message_id": "req_1" } ] }""", 400, "invalid",
            "/events/0/message_id invalid_id") { Path = "/v1/events" },
        new("a switch without a reason", """{ "switch": "feedback", "value": "bypass", "owner": "me", "expires_in_seconds": 60 }""", 400, "invalid", "/reason required") { Path = "/v1/operate/modes" },
        new("a switch for ever", """{ "switch": "feedback", "value": "bypass", "owner": "me", "reason": "r", "expires_in_seconds": 99999999 }""", 400, "invalid",
            "/expires_in_seconds out_of_range") { Path = "/v1/operate/modes" },
        new("a switch that does not exist", """{ "switch": "gravity", "value": "off", "owner": "me", "reason": "r", "expires_in_seconds": 60 }""", 400, "invalid", "/switch invalid")
        {
            Path = "/v1/operate/modes",
        },
        new("a spool that does not exist", """{ "switch": "ingest", "value": "spool", "owner": "me", "reason": "r", "expires_in_seconds": 60 }""", 400, "invalid", "/value not_supported")
        {
            Path = "/v1/operate/modes",
        },
        new("a cap of nothing", """{ "kind": "label", "classes": [], "limit": 0, "window_seconds": 0 }""", 400, "invalid",
            "/classes not_a_choice", "/limit out_of_range", "/window_seconds out_of_range", "/subject required") { Path = "/v1/caps" },
        new("two addresses to suppress", """{ "email": "a@example.org", "phone": "+33612345678", "reason": "r" }""", 400, "invalid", " one_address") { Path = "/v1/suppressions" },
        new("a receipt for no lane", "MessageSid=SM1", 404, "not_found") { Path = "/hooks/http-sms/none", ContentType = "application/x-www-form-urlencoded" },
    ];

    public static TheoryData<string> Names => [.. Table.Select(it => it.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Is_refused_with_its_problem_and_leaves_nothing(string name)
    {
        var (host, it) = (hostile.Host, Table.Single(it => it.Name == name));
        using var client = it.Key is null ? null : host.Client(it.Key.Length == 0 ? null : it.Key);
        using var request = it.Request();

        var answer = await host.SendAsync(request, client);

        answer.Status.ShouldBe(it.Status, answer.Text);
        if (it.Code is null)
        {
            return; // the server itself refused it, before anything of ours ran
        }

        answer.Header("Content-Type").ShouldBe("application/problem+json");
        answer.Code.ShouldBe(it.Code);
        ((string?)answer.Json["type"]).ShouldBe($"urn:dispatch:problem:{it.Code}");
        ((int)answer.Json["status"]!).ShouldBe(it.Status);
        ((string?)answer.Json["detail"]).ShouldNotBeNullOrEmpty();
        answer.Errors.ShouldBe(it.Errors, ignoreOrder: true);
        (await host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public void Table_is_long_enough_and_names_are_unique()
    {
        Table.Count.ShouldBeGreaterThanOrEqualTo(60);
        Table.Select(it => it.Name).ShouldBeUnique();
    }

    private static string With(string field, string json)
    {
        var body = new Dictionary<string, string> { ["class"] = "\"transactional\"", ["recipients"] = Ada, ["content"] = Email, [field] = json };
        return "{" + string.Join(',', body.Select(it => $"{JsonValue.Create(it.Key).ToJsonString()}:{it.Value}")) + "}";
    }

    private static string WithEmail(string field)
    {
        var name = field[..field.IndexOf(':', StringComparison.Ordinal)];
        var fields = new[] { "\"from\": \"a@example.org\"", "\"subject\": \"s\"", "\"text\": \"t\"" }.Where(it => !it.StartsWith(name, StringComparison.Ordinal)).Append(field);
        return With("content", $$"""{ "email": { {{string.Join(',', fields)}} } }""");
    }

    private sealed record Hostile(string Name, byte[]? Body, int Status, string? Code, params string[] Errors)
    {
        public Hostile(string name, string? body, int status, string? code, params string[] errors)
            : this(name, body is null ? null : Encoding.UTF8.GetBytes(body), status, code, errors)
        {
        }

        public string Path { get; init; } = Messages;

        public string? ContentType { get; init; } = "application/json";

        public (string Name, string Value)? Header { get; init; }

        /// <summary>null: the right one.</summary>
        public string? Key { get; init; }

        public bool Chunked { get; init; }

        public HttpRequestMessage Request()
        {
            var request = new HttpRequestMessage(Body is null ? HttpMethod.Get : HttpMethod.Post, Path);
            if (Body is not null)
            {
                request.Content = Chunked ? new StreamContent(new MemoryStream(Body)) : new ByteArrayContent(Body);
                request.Content.Headers.ContentType = ContentType is null ? null : new MediaTypeHeaderValue(ContentType);
                request.Headers.TransferEncodingChunked = Chunked ? true : null;
            }

            if (Header is var (name, value) && !request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.Add(name, value);
            }

            return request;
        }
    }
}
