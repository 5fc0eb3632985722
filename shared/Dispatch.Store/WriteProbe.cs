using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Store;

/// <summary>
/// Knows whether the store can be written, by writing to it. Reads prove nothing: a replica without primary still answers them.
/// Not writable until the first write has succeeded. Looks every <see cref="StoreOptions.ProbeInterval"/>, every second while it is away.
/// </summary>
public sealed class WriteProbe(Database database, IOptions<StoreOptions> options, TimeProvider clock, ILogger<WriteProbe> log) : BackgroundService
{
    private static readonly TimeSpan WhileAway = TimeSpan.FromSeconds(1);
    private readonly string _writer = $"{Environment.MachineName}/{Environment.ProcessId}";
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = NewSource();
    private volatile State _state = new(false, clock.GetUtcNow(), "not probed yet");

    public bool Writable => _state.Writable;

    /// <summary>Since when it is as it is.</summary>
    public DateTimeOffset Since => _state.Since;

    /// <summary>Why it cannot be written; empty when it can.</summary>
    public string Reason => _state.Reason;

    /// <summary>Raised with the new value of <see cref="Writable"/>, on the probe's own loop: handlers return at once.</summary>
    public event Action<bool>? Changed;

    /// <summary>Somebody's statement failed: looks at once instead of at the next interval.</summary>
    public void Hurry()
    {
        if (_hurry.CurrentCount == 0)
        {
            try
            {
                _hurry.Release();
            }
            catch (SemaphoreFullException)
            {
                // somebody else was faster
            }
        }
    }

    /// <summary>Returns when the store can be written.</summary>
    public async Task WhenWritableAsync(CancellationToken stop)
    {
        while (true)
        {
            Task next;
            lock (_gate)
            {
                if (_state.Writable)
                {
                    return;
                }

                next = _changed.Task;
            }

            await next.WaitAsync(stop);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var fault = await ProbeAsync(stoppingToken);
            if (!stoppingToken.IsCancellationRequested)
            {
                Set(fault);
                var rest = fault is null || WhileAway > options.Value.ProbeInterval ? options.Value.ProbeInterval : WhileAway;
                await ((Task)_hurry.WaitAsync(rest, stoppingToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <returns>What is wrong; null: the write succeeded.</returns>
    private async Task<Exception?> ProbeAsync(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.Value.ProbeTimeout);
        try
        {
            await using var connection = await database.OpenAsync(limit.Token);
            await connection.Statement("probe/write").Add(_writer).ExecuteAsync(limit.Token);
            return null;
        }
        catch (OperationCanceledException)
        {
            return new TimeoutException($"no answer to a write within {options.Value.ProbeTimeout.TotalSeconds} s");
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) || e is Npgsql.NpgsqlException)
        {
            return e;
        }
    }

    private void Set(Exception? fault)
    {
        var writable = fault is null;
        if (writable == _state.Writable)
        {
            _state = _state with { Reason = fault?.Message ?? "" };
            return;
        }

        var before = _state;
        lock (_gate)
        {
            _state = new State(writable, clock.GetUtcNow(), fault?.Message ?? "");
            _changed.TrySetResult();
            _changed = NewSource();
        }

        if (writable)
        {
            log.StoreWritable(_state.Since - before.Since);
        }
        else
        {
            log.StoreNotWritable(_state.Reason);
        }

        Changed?.Invoke(writable);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override void Dispose()
    {
        _hurry.Dispose();
        base.Dispose();
    }

    private sealed record State(bool Writable, DateTimeOffset Since, string Reason);
}
