using Dispatch.Ingest.Auth;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest.Http;

/// <summary>One call, by whom.</summary>
sealed record Call(HttpContext Http, ApiKey Key)
{
    public string Tenant => Key.Tenant;

    public CancellationToken Aborted => Http.RequestAborted;
}

/// <summary>
/// What every call passes: its key, its scope, and the one place where faults become answers. A caller learns nothing of our insides:
/// what nobody foresaw is logged and answered 500 without a detail.
/// </summary>
sealed class Gate(KeyRing keys, Degraded degraded, ILogger<Gate> log)
{
    private const string RequestIdHeader = "X-Request-Id";
    private const int RequestIdLengthMax = 128;

    /// <param name="anyOf">One of these scopes is enough to come in.</param>
    public RequestDelegate For(Scopes anyOf, Func<Call, Task> handler) => http => RunAsync(http, () =>
    {
        var key = keys.Open(http);
        if ((key.Scopes & anyOf) == 0)
        {
            throw new RefusedException(Problem.MissingScope(string.Join(" or ", ScopeWords.Of(anyOf))));
        }

        degraded.Tell(http, key.Tenant);
        return handler(new Call(http, key));
    });

    /// <summary>For calls that prove themselves in another way than by a key.</summary>
    public RequestDelegate ForAnybody(Func<HttpContext, Task> handler) => http => RunAsync(http, () => handler(http));

    private async Task RunAsync(HttpContext http, Func<Task> run)
    {
        http.Response.Headers[RequestIdHeader] = RequestId(http);
        try
        {
            await run();
        }
        catch (RefusedException e)
        {
            await RefuseAsync(http, e.Problem);
        }
        catch (AppendException)
        {
            await RefuseAsync(http, Problem.Unavailable("Nothing durable is possible right now; nothing was accepted."));
        }
        catch (BadHttpRequestException e)
        {
            await RefuseAsync(http, Problem.OfStatus(e.StatusCode));
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException)
        {
            // the caller is gone; nobody waits for an answer
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            await RefuseAsync(http, Problem.Unavailable("The store is away; accepting messages does not need it.", retryAfter: 5));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log.Unforeseen(e, RequestId(http));
            await RefuseAsync(http, Problem.Internal);
        }
    }

    private static Task RefuseAsync(HttpContext http, Problem problem)
    {
        Telemetry.Refused.Add(1, new KeyValuePair<string, object?>("code", problem.Code));
        return problem.WriteAsync(http);
    }

    /// <summary>The caller's own when it is harmless in a log, else the connection's name and the number of the call on it.</summary>
    private static string RequestId(HttpContext http) =>
        http.Request.Headers[RequestIdHeader] is [{ Length: > 0 and <= RequestIdLengthMax } own] && own.All(c => c is > ' ' and <= '~') ? own : http.TraceIdentifier;
}
