using System.Diagnostics;

namespace Dispatch.Host.Separate;

/// <summary>
/// Starts every service as a process of its own, in no order, since each waits for what it needs; and stops them in the order of the path, so that what was taken in is carried on as far
/// as it gets: Ingest, Router, dispatchers, Feedback, and the Sandbox last, because senders want to hear its answers.
/// </summary>
sealed class Supervisor(IReadOnlyList<ServiceInstance> instances, Func<ServiceInstance, IReadOnlyDictionary<string, string>> settings, ILogger<Supervisor> log) : IHostedService, IDisposable
{
    /// <summary>What a service takes at most by itself is 60 s, see Dispatch.Hosting.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(75);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    private readonly Guardian _guardian = new();
    private IReadOnlyList<Child> _children = [];

    public IReadOnlyList<ServiceInstance> Instances { get; } = instances;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _children = [.. Instances.Select(instance => new Child(instance, settings(instance), _guardian, log))];
        foreach (var child in _children)
        {
            child.Start();
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var together in ServiceInstance.StopOrder)
        {
            var began = Stopwatch.GetTimestamp();
            var children = _children.Where(child => together.Contains(child.Instance.Service)).ToList();
            await Task.WhenAll(children.Select(child => child.StopAsync(Grace)));
            if (children.Count > 0)
            {
                log.StepStopped(string.Join(", ", children.Select(child => child.Instance.Name)), Stopwatch.GetElapsedTime(began));
            }
        }
    }

    /// <summary>Returns when every service says that it can do its work, degraded or not.</summary>
    public async Task WhenReadyAsync(CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        foreach (var instance in Instances.Where(it => it.AdminPort > 0))
        {
            while (!await IsReadyAsync(http, instance, stop))
            {
                await Task.Delay(Look, stop);
            }
        }
    }

    public void Dispose()
    {
        foreach (var child in _children)
        {
            child.Dispose();
        }

        _guardian.Dispose();
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, ServiceInstance instance, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"{LocalDefaults.Local(instance.AdminPort)}/healthz/ready"), stop);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            return false; // it does not listen yet
        }
    }
}
