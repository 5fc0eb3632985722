using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Dispatch.Testing;

namespace Dispatch.Bench.Sides;

/// <summary>The whole system in a fresh process on a data folder, with a PostgreSQL of its own in it.</summary>
sealed class HostSide : IAsyncDisposable
{
    private readonly HttpClient _http = new();

    private HostSide(SideProcess process, int port, string apiKey)
    {
        (Process, Port, ApiKey) = (process, port, apiKey);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
    }

    public SideProcess Process { get; }

    /// <summary>Of the public API.</summary>
    public int Port { get; }

    public string ApiKey { get; }

    public static async Task<HostSide> StartAsync(string data, IEnumerable<string> settings, CancellationToken stop)
    {
        var (port, admin) = (FreePorts.One(), FreePorts.One());
        var process = await SideProcess.StartAsync(
            admin, ["host", $"--Dispatch:Data={data}", $"--Dispatch:Listen=http://127.0.0.1:{port}", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}", .. settings], stop);
        await OpenPort.WaitAsync(port, stop);
        return new HostSide(process, port, (await File.ReadAllTextAsync(Path.Combine(data, "secrets", "first-key"), stop)).Trim());
    }

    /// <summary>As a person would, once.</summary>
    public async Task PostAsync(string path, JsonObject body, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{Port}{path}")) { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        using var answer = await _http.SendAsync(request, stop);
        answer.EnsureSuccessStatusCode();
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return Process.DisposeAsync();
    }
}
