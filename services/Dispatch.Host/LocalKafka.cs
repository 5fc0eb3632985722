using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;

namespace Dispatch.Host;

/// <summary>`--kafka auto`: a broker of this machine's own below the data folder, with its topics. It lives as long as this process.</summary>
static class LocalKafka
{
    public const string Auto = "auto";
    private const int PortOffset = 38; // the last two of the ports behind --port
    private const int Partitions = 4;

    /// <returns>Null: not asked for. Otherwise the configuration names it.</returns>
    /// <exception cref="InvalidOperationException">There is no Kafka to start, or it does not start; says why.</exception>
    public static async Task<PrivateBrokers?> StartAsync(IConfigurationManager configuration)
    {
        if (configuration["Dispatch:Kafka:Brokers"] != Auto)
        {
            return null;
        }

        var brokers = await PrivateBrokers.StartAsync(Path.Combine(configuration["Dispatch:Data"]!, "kafka"), 1, configuration.GetValue("Dispatch:Port", LocalDefaults.PortDefault) + PortOffset, CancellationToken.None);
        configuration["Dispatch:Kafka:Brokers"] = brokers.Brokers;
        configuration["Dispatch:Kafka:Replication"] = "1";
        configuration["Dispatch:Kafka:Partitions"] ??= Partitions.ToString(CultureInfo.InvariantCulture);
        using var topics = new TopicAdmin(KafkaClusters.Of(configuration)[0], Topics.All);
        try
        {
            await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
            return brokers;
        }
        catch (LogUnavailableException e)
        {
            await brokers.DisposeAsync();
            throw new InvalidOperationException(e.Message, e);
        }
    }
}
