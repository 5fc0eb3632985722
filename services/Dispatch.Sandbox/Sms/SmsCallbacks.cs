using System.Globalization;

namespace Dispatch.Sandbox.Sms;

/// <summary>A status that the gateway reports to its customer's address.</summary>
/// <param name="Then">The message's next report; it waits for the first answer to this one, so that reports are out of order only when somebody asks for it.</param>
sealed record SmsCallback(SmsMessage Message, string Status, int? ErrorCode, SmsCallback? Then = null, int Tried = 0);

/// <summary>
/// Signed status callbacks, each at its time, so many at once as the options say. Answered 5xx or 429, or not at all: tried again with growing waits; any other refusal is final,
/// as with the gateways that it stands in for. What is still to be called when the Sandbox stops is lost, as in an outage of theirs.
/// </summary>
sealed class SmsCallbacks : IAsyncDisposable
{
    const int WaitingMax = 200_000;

    static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(15);
    static readonly TimeSpan LongWait = TimeSpan.FromSeconds(10);

    readonly SandboxOptions options;
    readonly string authToken;
    readonly Counters counters;
    readonly HttpClient http;
    readonly Lock gate = new();
    readonly PriorityQueue<SmsCallback, long> waiting = new(); // by Environment.TickCount64
    readonly SemaphoreSlim more = new(0);
    readonly SemaphoreSlim slots;
    readonly CancellationTokenSource stop = new();
    readonly Task running;

    public SmsCallbacks(SandboxOptions options, string authToken, Counters counters)
    {
        (this.options, this.authToken, this.counters) = (options, authToken, counters);
        slots = new SemaphoreSlim(options.CallbacksInFlight);
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false }) { Timeout = AnswerMax };
        running = RunAsync();
    }

    public void Schedule(SmsCallback callback, TimeSpan delay)
    {
        lock (gate)
        {
            if (waiting.Count >= WaitingMax)
            {
                counters.CallbackDropped();
                return;
            }

            waiting.Enqueue(callback, Environment.TickCount64 + (long)delay.TotalMilliseconds);
        }

        more.Release();
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        for (var i = 0; i < options.CallbacksInFlight; i++)
        {
            await slots.WaitAsync(); // those on their way end by the same token
        }

        http.Dispose();
        stop.Dispose();
        slots.Dispose();
        more.Dispose();
    }

    async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var wait = Due(out var callback);
                if (callback is null)
                {
                    await more.WaitAsync(wait, stop.Token);
                }
                else
                {
                    await slots.WaitAsync(stop.Token);
                    _ = CallAsync(callback);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    /// <returns>How long until the next is due, when none is.</returns>
    TimeSpan Due(out SmsCallback? callback)
    {
        lock (gate)
        {
            callback = null;
            if (!waiting.TryPeek(out _, out var at))
            {
                return LongWait;
            }

            var left = at - Environment.TickCount64;
            if (left > 0)
            {
                return TimeSpan.FromMilliseconds(left);
            }

            callback = waiting.Dequeue();
            return default;
        }
    }

    async Task CallAsync(SmsCallback callback)
    {
        await Task.Yield();
        try
        {
            (callback.Message.Status, callback.Message.ErrorCode) = (callback.Status, callback.ErrorCode);
            var status = await PostAsync(callback);
            if (status is >= 200 and < 300)
            {
                counters.CallbackSent();
            }
            else if ((status is null or 429 or >= 500) && callback.Tried + 1 < options.CallbackTries)
            {
                Schedule(callback with { Then = null, Tried = callback.Tried + 1 }, options.CallbackRetryDelay * Math.Pow(2, callback.Tried));
            }
            else
            {
                counters.CallbackFailed();
            }

            if (callback.Then is { } next)
            {
                Schedule(next, options.CallbackDelay);
            }
        }
        finally
        {
            slots.Release();
        }
    }

    /// <returns>Null: no answer.</returns>
    async Task<int?> PostAsync(SmsCallback callback)
    {
        var form = Form(callback);
        using var request = new HttpRequestMessage(HttpMethod.Post, callback.Message.StatusCallback) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Add("X-Twilio-Signature", SmsSignature.Of(authToken, callback.Message.StatusCallback!, form));
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop.Token);
            return (int)answer.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    static List<KeyValuePair<string, string>> Form(SmsCallback callback)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("MessageSid", callback.Message.Sid),
            new("SmsSid", callback.Message.Sid),
            new("MessageStatus", callback.Status),
            new("SmsStatus", callback.Status),
            new("To", callback.Message.To),
            new("From", callback.Message.From),
            new("AccountSid", Credentials.SmsAccountSid),
            new("ApiVersion", "2010-04-01"),
        ];
        if (callback.ErrorCode is { } error)
        {
            form.Add(new("ErrorCode", error.ToString(CultureInfo.InvariantCulture)));
        }

        return form;
    }
}
