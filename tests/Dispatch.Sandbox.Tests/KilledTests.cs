using System.Collections.Concurrent;
using System.Diagnostics;
using Dispatch.Contracts;
using Dispatch.Sandbox.Oracle;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

/// <summary>The stand-in as a process of its own, killed in the middle: whatever it answered must be in its oracle log.</summary>
public sealed class KilledTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_was_answered_before_a_kill_is_on_file()
    {
        var answered = new ConcurrentBag<string>();
        for (var round = 0; round < 3; round++)
        {
            await RoundAsync(answered);
        }

        var receipts = OracleLine.Read(folder[Path.Combine("oracle", "apns.jsonl")]).Where(line => line is { Accepted: true, Answered: true }).Select(line => line.MessageId).ToHashSet();
        answered.Where(id => !receipts.Contains(id)).ShouldBeEmpty();
        answered.Count.ShouldBeGreaterThan(3 * 500);
    }

    private async Task RoundAsync(ConcurrentBag<string> answered)
    {
        var port = FreePorts.Row(5);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { typeof(Sandbox).Assembly.Location, $"--Dispatch:Sandbox:Folder={folder.Path}", $"--Dispatch:Sandbox:BasePort={port}" })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var admin = new HttpClient();
        await Eventually.HoldsAsync(() => AnswersAsync(admin, new Uri($"http://127.0.0.1:{port + 4}/state")), TimeSpan.FromSeconds(60));
        using var handler = new SocketsHttpHandler { SslOptions = SandboxFixture.Trust(Credentials.Ensure(folder.Path)) };
        using var http = new HttpClient(handler);
        var bearer = SandboxFixture.ApnsToken(Credentials.Ensure(folder.Path));
        var before = answered.Count;
        var clients = Enumerable.Range(0, 20).Select(_ => PushUntilItDiesAsync(http, new Uri($"https://127.0.0.1:{port}"), bearer, answered)).ToList();
        await Eventually.HoldsAsync(() => answered.Count > before + 500, TimeSpan.FromSeconds(60));
        process.Kill(); // SIGKILL: nothing is flushed, nothing is closed
        await process.WaitForExitAsync();
        await Task.WhenAll(clients);
    }

    private static async Task<bool> AnswersAsync(HttpClient http, Uri address)
    {
        try
        {
            using var answer = await http.GetAsync(address);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task PushUntilItDiesAsync(HttpClient http, Uri apns, string bearer, ConcurrentBag<string> answered)
    {
        try
        {
            while (true)
            {
                var id = Id.New(DateTimeOffset.UtcNow);
                using var request = SandboxFixture.Push(apns, "abc", bearer, "{}", [("apns-id", id.ToGuid().ToString())]);
                using var answer = await http.SendAsync(request);
                answer.EnsureSuccessStatusCode();
                answered.Add(id.ToText(IdPrefix.Message));
            }
        }
        catch (HttpRequestException)
        {
            // it is dead
        }
    }
}
