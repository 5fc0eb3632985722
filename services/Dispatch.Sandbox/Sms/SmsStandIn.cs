using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox.Sms;

/// <summary>
/// Answers as a gateway of Twilio's shape: POST Messages.json takes a message, GET lists and shows them, status callbacks follow. What a number asks for is in <see cref="Behaviour"/>.
/// </summary>
sealed class SmsStandIn(Provider provider, SandboxOptions options, string authToken, SmsCallbacks callbacks, TimeProvider clock)
{
    const string Account = "/2010-04-01/Accounts/" + Credentials.SmsAccountSid + "/Messages";
    const int PageMax = 1000;

    readonly SmsOutbox outbox = new();
    readonly EvenShare doubled = new();
    readonly EvenShare disordered = new();
    readonly byte[] credential = Encoding.UTF8.GetBytes("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Credentials.SmsAccountSid}:{authToken}")));

    public async Task HandleAsync(HttpContext context)
    {
        provider.Counters.Connected();
        try
        {
            await RouteAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has left, or the stand-in stops.
        }
        finally
        {
            provider.Counters.Disconnected();
        }
    }

    async Task RouteAsync(HttpContext context)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value ?? "");
        if (method == "POST" && path == Account + ".json")
        {
            await PostAsync(context);
        }
        else if (!IsKnown(context.Request))
        {
            await RefuseAsync(context, SmsRefusal.Of(401, 20003));
        }
        else if (method == "GET" && path == Account + ".json")
        {
            var found = outbox.List(context.Request.Query["To"] is { Count: > 0 } to ? to.ToString() : null, PageMax);
            await AnswerAsync(context, 200, new JsonObject { ["messages"] = new JsonArray([.. found.Select(message => message.ToJson())]) });
        }
        else if (method == "GET" && path.StartsWith(Account + "/", StringComparison.Ordinal) && outbox.Find(Path.GetFileNameWithoutExtension(path)) is { } message)
        {
            await AnswerAsync(context, 200, message.ToJson());
        }
        else
        {
            await RefuseAsync(context, SmsRefusal.Of(404, 20404));
        }
    }

    async Task PostAsync(HttpContext context)
    {
        var settings = provider.Settings;
        if (await FormAsync(context) is not { } form)
        {
            await RefuseAsync(context, new SmsRefusal(400, 21604, "A 'To' phone number is required."));
            return;
        }

        var request = SmsRequest.Of(form);
        var asked = provider.Next(Behaviour.OfPhone(request.To), request.MessageId, request.To);
        var isSilent = settings.Mode == Mode.Mute || asked.Act == Act.Silent;
        var refusal = isSilent ? null : Refusal(context.Request, request, settings, asked);
        var delay = settings.LatencyMs + (asked.Act == Act.Slow ? asked.Count : 0);
        var taken = new Taken(request, refusal, Accepted: refusal is null && !isSilent, asked, settings, (int)(context.Request.ContentLength ?? 0));
        if (delay > 0 && !isSilent)
        {
            await DelayAsync(delay, taken, context.RequestAborted);
        }

        Record(taken, answered: !isSilent && asked.Act != Act.Cut);
        if (isSilent)
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }
        else if (refusal is not null)
        {
            await RefuseAsync(context, refusal);
        }
        else
        {
            await TakeAsync(context, taken);
        }
    }

    /// <returns>Null: the body is no form.</returns>
    static async Task<IFormCollection?> FormAsync(HttpContext context)
    {
        try
        {
            return context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted) : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>A request whose form is here, and what was decided.</summary>
    readonly record struct Taken(SmsRequest Request, SmsRefusal? Refusal, bool Accepted, Behaviour Asked, ProviderSettings Settings, int Bytes);

    async Task DelayAsync(int delay, Taken taken, CancellationToken gone)
    {
        try
        {
            await Task.Delay(delay, gone);
        }
        catch (OperationCanceledException)
        {
            Record(taken, answered: false); // the message was here, its answer never left
            throw;
        }
    }

    SmsRefusal? Refusal(HttpRequest http, SmsRequest request, ProviderSettings settings, Behaviour asked) =>
        settings.Mode == Mode.Revoked || !IsKnown(http) ? SmsRefusal.Of(401, 20003)
        : request.Fault(options.CallbackToAnyHost) is { } fault ? fault
        : settings.Mode is Mode.Unavailable or Mode.Shutdown ? SmsRefusal.Of(503, 20503)
        : settings.Mode == Mode.Throttle ? SmsRefusal.Of(429, 20429)
        : provider.FailsNow() ? SmsRefusal.Of(503, 20503)
        : asked.Act switch
        {
            Act.Retry => SmsRefusal.Of(503, 20503),
            Act.Answer => SmsRefusal.Of(asked.Count, int.Parse(asked.Reason, CultureInfo.InvariantCulture)),
            _ => null,
        };

    void Record(Taken taken, bool answered)
    {
        provider.Record(new Receipt
        {
            Lane = Credentials.SmsAccountSid,
            MessageId = taken.Request.MessageId,
            Recipient = Encoding.UTF8.GetBytes(taken.Request.To),
            Accepted = taken.Accepted,
            Answered = answered,
            Delivered = taken.Settings.Mode != Mode.Swallow && taken.Asked.Act is not (Act.Undelivered or Act.Failed),
            Status = taken.Accepted ? "201" : taken.Refusal?.Status.ToString(CultureInfo.InvariantCulture) ?? "",
            Reason = taken.Refusal?.Code.ToString(CultureInfo.InvariantCulture) ?? "",
            Bytes = taken.Bytes,
        });
        provider.Oracle.WriteOut();
    }

    async Task TakeAsync(HttpContext context, Taken taken)
    {
        var callback = taken.Request.StatusCallback.Length > 0 ? new Uri(taken.Request.StatusCallback) : null;
        var message = new SmsMessage("SM" + RandomNumberGenerator.GetHexString(32, lowercase: true), taken.Request.To, taken.Request.From, taken.Request.Body, callback, clock.GetUtcNow());
        outbox.Add(message);
        if (callback is not null && taken.Settings.Mode != Mode.Swallow)
        {
            Promise(message, taken.Asked.Act, taken.Asked.Count, taken.Settings);
        }

        if (taken.Asked.Act == Act.Cut)
        {
            context.Abort();
            return;
        }

        await AnswerAsync(context, 201, message.ToJson());
    }

    /// <summary>The callbacks of a message that was taken, in the order in which they are to leave.</summary>
    void Promise(SmsMessage message, Act asked, int error, ProviderSettings settings)
    {
        (string Status, int? Error)[] reports = asked switch
        {
            Act.NoReceipt => [],
            Act.Undelivered => [("sent", null), ("undelivered", error)],
            Act.Failed => [("failed", error)],
            _ => [("sent", null), ("delivered", null)],
        };
        if (asked == Act.Disordered || disordered.Next(settings.CallbackDisordered))
        {
            Array.Reverse(reports);
        }

        var times = asked == Act.Doubled || doubled.Next(settings.CallbackDoubled) ? 2 : 1;
        SmsCallback? first = null;
        for (var i = reports.Length * times - 1; i >= 0; i--) // the last one first: each knows the next
        {
            first = new SmsCallback(message, reports[i / times].Status, reports[i / times].Error, first);
        }

        if (first is not null)
        {
            callbacks.Schedule(first, options.CallbackDelay);
        }
    }

    bool IsKnown(HttpRequest request) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(request.Headers.Authorization.ToString()), credential);

    Task RefuseAsync(HttpContext context, SmsRefusal refusal)
    {
        var retryAfter = provider.Settings.RetryAfterS;
        if (retryAfter > 0 && refusal.Status is 429 or 503)
        {
            context.Response.Headers.RetryAfter = retryAfter.ToString(CultureInfo.InvariantCulture);
        }

        if (refusal.Status == 401)
        {
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"Twilio API\"";
        }

        return AnswerAsync(context, refusal.Status, refusal.ToJson());
    }

    static Task AnswerAsync(HttpContext context, int status, JsonObject body)
    {
        var octets = JsonSerializer.SerializeToUtf8Bytes(body);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = octets.Length;
        return context.Response.Body.WriteAsync(octets, context.RequestAborted).AsTask();
    }
}
