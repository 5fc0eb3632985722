namespace Dispatch.Store.Private;

/// <summary>The private server's own settings, written anew at each start, so that a new release brings new ones.</summary>
static class ServerSettings
{
    public const string File = "dispatch.conf";

    /// <summary>100 bytes and a socket's name fit in the 108 that the kernel has for a socket's path (unix(7)).</summary>
    public const int SocketFolderBytesMax = 100 - 18;

    public static string Text(string socketFolder, string clusterName, bool durable) =>
        $"""
        # Written by Dispatch at each start; changes are lost.
        listen_addresses = ''
        unix_socket_directories = '{socketFolder.Replace("'", "''", StringComparison.Ordinal)}'
        unix_socket_permissions = 0700
        cluster_name = '{clusterName}'
        max_connections = 300
        shared_buffers = 128MB
        work_mem = 8MB
        max_parallel_workers_per_gather = 0
        jit = off
        synchronous_commit = {(durable ? "on" : "off")}
        fsync = {(durable ? "on" : "off")}
        full_page_writes = {(durable ? "on" : "off")}
        wal_compression = on
        max_wal_size = 2GB
        checkpoint_timeout = 15min
        random_page_cost = 1.1
        autovacuum_naptime = 15s
        log_min_messages = warning
        timezone = 'UTC'

        """;
}
