using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// What was found damaged, and what was cut off as a torn tail. The bytes are kept aside with a description, in the folder <c>damaged</c>; what is there is reported
/// at every start, until a person has looked and moved it away.
/// </summary>
sealed class Damages
{
    private const int BytesKeptMax = 64 * 1024 * 1024;
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    private readonly Lock _gate = new();
    private readonly string _folder;
    private readonly ILogger _log;
    private ImmutableList<Damage> _all = [];

    public Damages(string folder, ILogger log)
    {
        (_folder, _log) = (Path.Combine(folder, "damaged"), log);
        if (Directory.Exists(_folder))
        {
            foreach (var path in Directory.EnumerateFiles(_folder, "*.json").Order(StringComparer.Ordinal))
            {
                if (Load(path) is { } damage)
                {
                    _all = _all.Add(damage);
                    _log.DamageStands(damage.Kind, damage.File, damage.Position, damage.Detail);
                }
            }
        }
    }

    public IReadOnlyList<Damage> All => _all;

    /// <summary>Reports it once, however many readers come by.</summary>
    public void Add(Damage damage, SafeFileHandle? file)
    {
        lock (_gate)
        {
            if (_all.Exists(known => known.File == damage.File && known.Position == damage.Position && known.Kind == damage.Kind))
            {
                return;
            }

            _all = _all.Add(damage);
        }

        Telemetry.Damages.Add(1, new KeyValuePair<string, object?>("kind", damage.Kind.ToString()));
        if (damage.Kind == DamageKind.TornTail)
        {
            _log.TornTail(damage.File, damage.Position, damage.Bytes, damage.Detail);
        }
        else
        {
            _log.Damaged(damage.File, damage.Position, damage.Bytes, damage.Detail);
        }

        try
        {
            Keep(damage, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.DamageNotKept(damage.File, damage.Position, e);
        }
    }

    private void Keep(Damage damage, SafeFileHandle? file)
    {
        Directory.CreateDirectory(_folder);
        var name = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{damage.FoundAt:yyyyMMdd'T'HHmmssfff}-{damage.File}-{damage.Position}"));
        if (file is not null)
        {
            var bytes = new byte[Math.Min(damage.Bytes, BytesKeptMax)];
            var read = Disk.Read(file, bytes, damage.Position);
            File.WriteAllBytes(name + ".bin", bytes[..read]);
        }

        Disk.Replace(name + ".json", JsonSerializer.SerializeToUtf8Bytes(damage, Json));
    }

    private static Damage? Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Damage>(File.ReadAllBytes(path), Json);
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return null;
        }
    }
}
