using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Store.Private;

/// <summary>
/// Looks after the private server: starts it without holding up the process's start, brings it back when it was killed, stops it when everything else has stopped.
/// Of several processes on one data folder one looks after it, by a lock on a file; the others find it by its socket, and take over when that one ends.
/// </summary>
sealed class PrivatePostgres(PrivateServer server, IOptions<StoreOptions> options, ILogger<PrivatePostgres> log) : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RestMin = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RestMax = TimeSpan.FromSeconds(10);
    private FileStream? _guard;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.ConnectionString.Length > 0)
        {
            return; // somebody else's server
        }

        await Task.Yield();
        try
        {
            await BecomeGuardAsync(stoppingToken);
            await LookAfterAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // StoppedAsync stops the server, after the services that use it
        }
    }

    private async Task LookAfterAsync(CancellationToken stop)
    {
        var rest = RestMin;
        var ran = false;
        while (true)
        {
            try
            {
                if (!ran || !await server.RunsAsync(stop))
                {
                    if (ran)
                    {
                        log.ServerGone(server.Folder);
                    }

                    var begin = Stopwatch.GetTimestamp();
                    await server.StartAsync(stop);
                    log.ServerRuns(server.Folder, Stopwatch.GetElapsedTime(begin), server.ProcessId ?? 0);
                    ran = true;
                    rest = RestMin;
                }

                await Task.Delay(Look, stop);
            }
            catch (Exception e) when (e is PostgresMissingException or InvalidOperationException or IOException or UnauthorizedAccessException or Npgsql.NpgsqlException
                or System.ComponentModel.Win32Exception)
            {
                log.ServerNotStarted(rest, e.Message);
                await Task.Delay(rest, stop);
                rest = TimeSpan.FromTicks(Math.Min(RestMax.Ticks, rest.Ticks * 2));
            }
        }
    }

    private async Task BecomeGuardAsync(CancellationToken stop)
    {
        for (var first = true; _guard is null; first = false)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(server.Folder)!);
                _guard = new FileStream(server.Folder + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (first)
                {
                    log.ServerOfAnother(server.Folder);
                }

                await Task.Delay(Look, stop);
            }
        }
    }

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (_guard is null)
        {
            return;
        }

        try
        {
            await server.StopAsync(CancellationToken.None);
            log.ServerStopped(server.Folder);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            log.ServerNotStopped(e.Message);
        }

        await _guard.DisposeAsync();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Dispose()
    {
        _guard?.Dispose();
        base.Dispose();
    }
}
