using System.Security.Cryptography;
using System.Text.Json;
using Dispatch.Log.Files;

namespace Dispatch.Channels.Journal;

/// <summary>Who owns a journal folder: a name for its life, a number for each start, and the boot of the machine that the last start saw.</summary>
/// <param name="Starts">From 1.</param>
/// <param name="Epoch">
/// Grows at each start, durably, and no other owner has it: an attempt's number is unique within it, and a message may be attempted by several owners. Milliseconds since 1970, and 12 random bits.
/// </param>
sealed record Owner(string Name, int Starts, ulong Epoch, string Boot)
{
    private const int RandomBits = 12;
    private const string BootFile = "/proc/sys/kernel/random/boot_id";

    /// <returns>The last start's; null: there was none.</returns>
    public static Owner? Of(string folder) => PathOf(folder) is var path && File.Exists(path) ? JsonSerializer.Deserialize<Owner>(File.ReadAllText(path)) : null;

    /// <returns>This start's owner, and whether the machine went down since the last one: then intents that were only written, not synced, may be gone.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static (Owner Owner, bool MachineRestarted) Next(string folder, string prefix)
    {
        var last = Of(folder);
        var boot = File.Exists(BootFile) ? File.ReadAllText(BootFile).Trim() : "";
        var next = last is null
            ? new Owner($"{prefix}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}", 1, NewEpoch(), boot)
            : last with { Starts = last.Starts + 1, Epoch = Math.Max(NewEpoch(), last.Epoch + 1), Boot = boot };

        Disk.Replace(PathOf(folder), JsonSerializer.SerializeToUtf8Bytes(next));
        return (next, last is not null && (boot.Length == 0 || last.Boot != boot));
    }

    private static ulong NewEpoch() => ((ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() << RandomBits) | (uint)RandomNumberGenerator.GetInt32(1 << RandomBits);

    private static string PathOf(string folder) => Path.Combine(folder, "owner.json");
}
