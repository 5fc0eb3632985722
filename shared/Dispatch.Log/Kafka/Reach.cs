using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>Whether brokers answer just now: asked when somebody wants to know, and not again for some seconds.</summary>
sealed class Reach(KafkaOptions options) : IDisposable
{
    private const long AnswerHoldsFor = 5_000;
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _one = new(1);
    private IAdminClient? _asks;
    private (string? Fault, long At)? _last;

    /// <returns>null: they do.</returns>
    public async Task<string?> FaultAsync(CancellationToken stop)
    {
        await _one.WaitAsync(stop);
        try
        {
            if (_last is not { } last || BootClock.Milliseconds - last.At > AnswerHoldsFor)
            {
                _last = last = (await Task.Run(Ask, CancellationToken.None), BootClock.Milliseconds);
            }

            return last.Fault;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose()
    {
        _asks?.Dispose();
        _one.Dispose();
    }

    private string? Ask()
    {
        _asks ??= new AdminClientBuilder(ClientSettings.Common(options)).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        try
        {
            _asks.GetMetadata(CallTime);
            return null;
        }
        catch (KafkaException e)
        {
            return $"no broker at {options.Brokers} answers: {e.Error.Reason}";
        }
    }
}
