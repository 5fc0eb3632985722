using Dispatch.Host.Separate;
using Dispatch.Hosting;
using Microsoft.Extensions.Options;

namespace Dispatch.Host;

/// <summary>Once everything listens: where to look, and a line that works when pasted.</summary>
sealed class Welcome(IOptions<DispatchOptions> options, IConfiguration configuration, IHostApplicationLifetime lifetime, Supervisor? supervisor = null) : BackgroundService
{
    private const string FirstMessage =
        """{"class":"transactional","recipients":[{"email":"ada@example.org"}],"content":{"email":{"from":"Dispatch <no-reply@dispatch.example>","subject":"Hello","text":"It works."}}}""";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
        await started.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var of = options.Value;
        var key = Path.Combine(of.Data, "secrets", "first-key");
        while (!stoppingToken.IsCancellationRequested && !File.Exists(key))
        {
            await Task.Delay(100, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (supervisor is not null)
        {
            await supervisor.WhenReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!stoppingToken.IsCancellationRequested)
        {
            await Console.Out.WriteLineAsync(Text(of, (await File.ReadAllTextAsync(key, stoppingToken)).Trim()));
        }
    }

    private string Admin(DispatchOptions of) => supervisor is null
        ? $"{of.AdminListen}/healthz/ready   /metrics"
        : $"/healthz/ready and /metrics of {string.Join(", ", supervisor.Instances.Where(it => it.AdminPort > 0).Select(it => $"{it.Name} {LocalDefaults.Local(it.AdminPort)}"))}";

    private string Text(DispatchOptions of, string key) => $"""

        Dispatch is up, on the data folder {of.Data}

          API          {of.Listen}          (described at {of.Listen}/openapi/v1.json)
          admin        {Admin(of)}
          {(LocalDefaults.UsesSandbox(configuration) ? $"Sandbox      receipts in {Path.Combine(of.Data, "sandbox", "oracle")}" : "lanes        as configured")}
          first key    {key}

        Send a first message:

          curl -s {of.Listen}/v1/messages -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{FirstMessage}'

        Ctrl-C ends it; a second `up` on the same folder continues where this one stopped.

        """;
}
