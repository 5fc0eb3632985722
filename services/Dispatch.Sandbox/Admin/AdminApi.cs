using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Dispatch.Sandbox.Admin;

/// <summary>
/// Steers the stand-ins while they run. http, loopback, JSON; a change is in force when it is answered, for connections that are open too.
/// <code>
/// GET  /state                        every provider: received, accepted, refused, unanswered, connections (http-sms: requests under way),
///                                    max_streams (most at once on one connection), violations (streams above the acknowledged limit), ..., settings
/// POST /settings {"provider":"apns", any of the settings}   what is not named stays; "*" is all providers. Answers the settings as they are now
///        latency_ms           0 to 600000
///        error_rate           0 to 1: share that is refused as the provider's own fault (503, UNAVAILABLE, 451)
///        stream_limit         0 to 100000: MAX_CONCURRENT_STREAMS of every connection
///        retry_after_s        0 (none) to 86400: in 429 and 503 answers
///        mode                 normal, unavailable, throttle, mute, swallow, revoked, shutdown (see Mode)
///        callback_doubled, callback_disordered   0 to 1: only http-sms
/// POST /goaway   {"provider":"apns"} GOAWAY on every connection; whole requests are answered first
/// POST /reset    {} or {"provider":"apns"}   settings as at start, counters 0, tries forgotten; oracle logs stay
/// </code>
/// Providers: apns, fcm, smtp, smtp-2, ..., http-sms. Faults: 400 with what is wrong, and nothing is changed.
/// </summary>
sealed class AdminApi(IReadOnlyDictionary<string, Provider> providers, Action<string> goAway, ILogger log)
{
    static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public async Task HandleAsync(HttpContext context)
    {
        if (!IsLocal(context.Request))
        {
            await FaultAsync(context, 403, "only by a loopback name, and POST only with content-type application/json");
            return;
        }

        try
        {
            var answer = (context.Request.Method, context.Request.Path.Value) switch
            {
                ("GET", "/state") => State(),
                ("POST", "/settings") => Change(await BodyAsync(context)),
                ("POST", "/goaway") => GoAway(await BodyAsync(context)),
                ("POST", "/reset") => Reset(await BodyAsync(context)),
                _ => null,
            };
            await (answer is null ? FaultAsync(context, 404, "GET /state, POST /settings, /goaway, /reset") : AnswerAsync(context, answer));
        }
        catch (Exception e) when (e is JsonException or ValidationException or InvalidOperationException or FormatException)
        {
            await FaultAsync(context, 400, e.Message);
        }
    }

    /// <summary>A web page that somebody opens on this machine must not be able to steer it: no foreign host name, no simple form post.</summary>
    static bool IsLocal(HttpRequest request) =>
        request.Host.Host is "127.0.0.1" or "localhost"
        && (request.Method == "GET" || request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true);

    JsonObject State()
    {
        var all = new JsonObject();
        foreach (var provider in providers.Values)
        {
            var state = JsonSerializer.SerializeToNode(provider.Counters, Json)!.AsObject();
            state["settings"] = JsonSerializer.SerializeToNode(provider.Settings, Json);
            all[provider.Name] = state;
        }

        return new JsonObject { ["providers"] = all };
    }

    JsonObject Change(JsonObject body)
    {
        var chosen = Chosen(body, required: true);
        body.Remove("provider");
        var changes = chosen.Select(provider => (Provider: provider, To: Merged(provider.Settings, body))).ToList(); // all are valid before the first is made
        foreach (var (provider, to) in changes)
        {
            provider.Change(to);
            log.SettingsChanged(provider.Name, JsonSerializer.Serialize(to, Json));
        }

        return new JsonObject(changes.Select(change => KeyValuePair.Create(change.Provider.Name, JsonSerializer.SerializeToNode(change.To, Json))));
    }

    static ProviderSettings Merged(ProviderSettings settings, JsonObject changes)
    {
        var merged = JsonSerializer.SerializeToNode(settings, Json)!.AsObject();
        foreach (var (name, value) in changes)
        {
            merged[name] = value?.DeepClone();
        }

        var to = merged.Deserialize<ProviderSettings>(Json)!;
        Validator.ValidateObject(to, new ValidationContext(to), validateAllProperties: true);
        return to;
    }

    JsonObject GoAway(JsonObject body)
    {
        foreach (var provider in Chosen(body, required: true))
        {
            goAway(provider.Name);
        }

        return [];
    }

    JsonObject Reset(JsonObject body)
    {
        foreach (var provider in Chosen(body, required: false))
        {
            provider.Reset();
        }

        return [];
    }

    IEnumerable<Provider> Chosen(JsonObject body, bool required)
    {
        var name = body["provider"]?.GetValue<string>() ?? (required ? throw new ValidationException("provider is missing") : "*");
        return name == "*" ? providers.Values
            : providers.TryGetValue(name, out var one) ? [one]
            : throw new ValidationException($"provider must be one of {string.Join(", ", providers.Keys)}, or *");
    }

    static async Task<JsonObject> BodyAsync(HttpContext context) =>
        await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted) as JsonObject ?? throw new JsonException("a JSON object is expected");

    static Task FaultAsync(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        return AnswerAsync(context, new JsonObject { ["title"] = ((HttpStatusCode)status).ToString(), ["status"] = status, ["detail"] = detail });
    }

    static Task AnswerAsync(HttpContext context, JsonObject body)
    {
        context.Response.ContentType = context.Response.StatusCode == 200 ? "application/json" : "application/problem+json";
        return context.Response.WriteAsync(body.ToJsonString(Json), context.RequestAborted);
    }
}
