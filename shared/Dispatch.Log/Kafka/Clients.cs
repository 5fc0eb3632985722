using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Kafka;

/// <summary>Makes clients whose own log lines go where ours go. What they call errors is information: they heal by themselves, and what they do not heal is thrown.</summary>
static class Clients
{
    public static ConsumerBuilder<byte[], byte[]> Consumer(ConsumerConfig config, ILogger? log = null) => new ConsumerBuilder<byte[], byte[]>(config)
        .SetLogHandler((_, line) => Tell(log, line)).SetErrorHandler((_, error) => Tell(log, error));

    /// <param name="trouble">Called with what the client meets that heals by itself, too.</param>
    public static IProducer<byte[], byte[]> Producer(ProducerConfig config, ILogger? log = null, Action<Error>? fatal = null, Action? trouble = null) => new ProducerBuilder<byte[], byte[]>(config)
        .SetLogHandler((_, line) => Tell(log, line))
        .SetErrorHandler((_, error) =>
        {
            Tell(log, error);
            trouble?.Invoke();
            if (error.IsFatal)
            {
                fatal?.Invoke(error);
            }
        }).Build();

    private static void Tell(ILogger? log, LogMessage line) => (log ?? NullLogger.Instance).ClientSays(line.Name, line.Facility, line.Message);

    private static void Tell(ILogger? log, Error error) => (log ?? NullLogger.Instance).ClientSays("", error.Code.ToString(), error.Reason);
}
