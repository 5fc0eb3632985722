using Dispatch.Log.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests;

public sealed class MockKafkaContractTests : EventLogContract
{
    private readonly MockCluster _cluster = new();
    private KafkaOptions? _options;

    protected override async Task<IEventLog> OpenAsync()
    {
        _options ??= await _cluster.MakeAsync(Requests, Push, Outcomes);
        return await KafkaLog.OpenAsync(_options, [Requests, Push, Outcomes], Environment.GetEnvironmentVariable("KLOG") is null ? NullLogger.Instance : Microsoft.Extensions.Logging.LoggerFactory.Create(b => { Microsoft.Extensions.Logging.ConsoleLoggerExtensions.AddSimpleConsole(b, o => { o.SingleLine = true; o.TimestampFormat = "ss.fff "; }); b.SetMinimumLevel(Microsoft.Extensions.Logging.LogLevel.Debug); }).CreateLogger("k"));
    }

    protected override Task CloseAsync()
    {
        _cluster.Dispose();
        return Task.CompletedTask;
    }
}
