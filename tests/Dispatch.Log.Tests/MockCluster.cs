using System.Runtime.InteropServices;
using Dispatch.Log.Kafka;

namespace Dispatch.Log.Tests;

/// <summary>
/// librdkafka's own stand-in for a broker, in this process: quick, and true enough for everything but administration, fencing, times, and what happens inside brokers.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2216", Justification = "A test that does not dispose of it ends with its process.")]
sealed partial class MockCluster : IDisposable
{
    private const int Producer = 0;
    private readonly nint _client;
    private readonly nint _cluster;

    static MockCluster() => Native.Use(typeof(MockCluster).Assembly);

    public MockCluster()
    {
        var error = new byte[512];
        _client = rd_kafka_new(Producer, rd_kafka_conf_new(), error, (nuint)error.Length);
        _cluster = rd_kafka_mock_cluster_new(_client, 1);
        try
        {
            rd_kafka_mock_group_initial_rebalance_delay_ms(_cluster, 0);
        }
        catch (EntryPointNotFoundException)
        {
            // An older one: the first member of a group waits for three seconds.
        }
    }

    public Task<KafkaOptions> MakeAsync(params string[] topics) => MakeAsync(2, topics);

    public async Task<KafkaOptions> MakeAsync(int partitions, params string[] topics)
    {
        foreach (var topic in topics.Append(ProgressTopic.Name))
        {
            rd_kafka_mock_topic_create(_cluster, topic, partitions, 1).ShouldBe(0);
        }

        var options = new KafkaOptions { Brokers = Marshal.PtrToStringUTF8(rd_kafka_mock_cluster_bootstraps(_cluster))!, IsStandIn = true, SessionTimeout = TimeSpan.FromSeconds(6) };
        await TopicAdmin.IdentifyAsync(options, partitions, CancellationToken.None);
        return options;
    }

    public void Dispose()
    {
        rd_kafka_mock_cluster_destroy(_cluster);
        rd_kafka_destroy(_client);
    }

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint rd_kafka_conf_new();

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint rd_kafka_new(int type, nint config, [Out] byte[] error, nuint errorSize);

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void rd_kafka_destroy(nint client);

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint rd_kafka_mock_cluster_new(nint client, int brokers);

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void rd_kafka_mock_cluster_destroy(nint cluster);

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint rd_kafka_mock_cluster_bootstraps(nint cluster);

    [LibraryImport(Native.Library, StringMarshalling = StringMarshalling.Utf8), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int rd_kafka_mock_topic_create(nint cluster, string topic, int partitions, int replication);

    [LibraryImport(Native.Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void rd_kafka_mock_group_initial_rebalance_delay_ms(nint cluster, int delay);
}
