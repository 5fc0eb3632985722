using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatch.Contracts;
using Microsoft.Extensions.Logging;

namespace Dispatch.Hosting;

/// <summary>The last modes and cancellations on disk. Replaced as a whole, so that a reader finds the old state or the new one, never half of it.</summary>
public sealed class SnapshotFile(string path, ILogger<SnapshotFile> log)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(), new IdConverter() } };

    /// <returns>null: there is none, or it cannot be read, which is logged; the process starts with everything in its normal position.</returns>
    public ControlSnapshot? Read()
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<ControlSnapshot>(File.ReadAllBytes(path), Json) : null;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            log.SnapshotUnreadable(e, path);
            return null;
        }
    }

    /// <summary>A disk that refuses costs the snapshot, not the switch: the change holds in memory all the same.</summary>
    public void Write(ControlSnapshot snapshot)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var next = path + ".next";
            using (var file = new FileStream(next, FileMode.Create, FileAccess.Write))
            {
                JsonSerializer.Serialize(file, snapshot, Json);
                file.Flush(flushToDisk: true);
            }

            File.Move(next, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.SnapshotUnwritable(e, path);
        }
    }

    private sealed class IdConverter : JsonConverter<Id>
    {
        public override Id Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Id.TryParse(reader.GetString(), IdPrefix.Request, out var id) ? id : throw new JsonException("not a request id");

        public override void Write(Utf8JsonWriter writer, Id value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToText(IdPrefix.Request));
    }
}
