using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dispatch.Cli.Api;

/// <summary>The public API as a caller sees it: JSON in, JSON out.</summary>
public sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;

    public ApiClient(Uri address, string key, int connections = 64)
    {
#pragma warning disable CA2000 // the client disposes it
        _http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = connections }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) };
#pragma warning restore CA2000
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Task<ApiAnswer> GetAsync(string path, CancellationToken stop = default) => SendAsync(HttpMethod.Get, path, null, null, stop);

    public Task<ApiAnswer> PostAsync(string path, JsonNode body, string? idempotencyKey = null, CancellationToken stop = default) =>
        SendAsync(HttpMethod.Post, path, body, idempotencyKey, stop);

    /// <summary>All items of a list, page by page.</summary>
    public async IAsyncEnumerable<JsonNode> ListAsync(string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop = default)
    {
        string? cursor = null;
        do
        {
            var page = await GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}page_size=200{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}", stop);
            page.EnsureSuccess();
            foreach (var item in page.Body!["items"]!.AsArray())
            {
                yield return item!;
            }

            cursor = (string?)page.Body["next_cursor"];
        }
        while (cursor is not null);
    }

    public void Dispose() => _http.Dispose();

    private async Task<ApiAnswer> SendAsync(HttpMethod method, string path, JsonNode? body, string? idempotencyKey, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body);
        }

        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        using var answer = await _http.SendAsync(request, stop);
        var text = await answer.Content.ReadAsStringAsync(stop);
        return new ApiAnswer(answer.StatusCode, Parse(text), answer.Headers.TryGetValues("Dispatch-Degraded", out var degraded) ? string.Join(", ", degraded) : null);
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            return text.Length == 0 ? null : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}

/// <param name="Degraded">The header that tells a caller what is degraded; null: nothing.</param>
public sealed record ApiAnswer(HttpStatusCode Status, JsonNode? Body, string? Degraded)
{
    public bool Success => (int)Status is >= 200 and < 300;

    /// <exception cref="ApiException">The answer's problem, in words.</exception>
    public ApiAnswer EnsureSuccess() => Success ? this : throw new ApiException(this);
}

public sealed class ApiException(ApiAnswer answer) : Exception(Words(answer))
{
    public ApiAnswer Answer { get; } = answer;

    private static string Words(ApiAnswer answer)
    {
        if (answer.Body is not JsonObject problem)
        {
            return $"{(int)answer.Status} {answer.Status}";
        }

        var faults = problem["errors"] is JsonArray errors ? errors.Select(it => $"\n  {it?["pointer"]} {it?["message"] ?? it?["detail"]}") : [];
        return $"{(int)answer.Status} {problem["code"]}: {problem["detail"] ?? problem["title"]}{string.Concat(faults)}";
    }
}
