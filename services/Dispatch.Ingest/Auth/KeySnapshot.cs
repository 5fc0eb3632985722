using System.Text.Json;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest.Auth;

/// <summary>The keys on disk: hashes, no secrets. Replaced as a whole, and only when something changed.</summary>
sealed class KeySnapshot(string path, ILogger<KeySnapshot> log)
{
    private byte[] _last = [];

    /// <returns>No keys and no time: there is no snapshot.</returns>
    public (IReadOnlyList<ApiKey> Keys, DateTimeOffset? At) Read()
    {
        try
        {
            if (File.Exists(path))
            {
                return (JsonSerializer.Deserialize<List<ApiKey>>(File.ReadAllBytes(path)) ?? [], new DateTimeOffset(File.GetLastWriteTimeUtc(path)));
            }
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            log.KeySnapshotUnusable(e, path);
        }

        return ([], null);
    }

    /// <summary>A disk that refuses costs the next cold start without a store, and nothing now.</summary>
    public void Write(IReadOnlyList<ApiKey> keys, DateTimeOffset now)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(keys);
        if (bytes.AsSpan().SequenceEqual(_last))
        {
            return;
        }

        try
        {
            SecretFile.Replace(path, bytes);
            File.SetLastWriteTimeUtc(path, now.UtcDateTime);
            _last = bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.KeySnapshotUnusable(e, path);
        }
    }
}
