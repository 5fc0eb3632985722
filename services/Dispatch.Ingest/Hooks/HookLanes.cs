using System.Collections.Concurrent;
using System.Text;

namespace Dispatch.Ingest.Hooks;

/// <summary>What a gateway's receipts are checked by: the lane's auth token, and the address under which the gateway knows us.</summary>
sealed record HookLane(string Name, Uri Base, string TokenFile);

/// <summary>
/// The lanes of `Dispatch:Lanes` that get receipts by HTTP. Of a lane's settings Ingest reads `Name`, `Provider`, `TokenFile`, and `CallbackBase` where the gateway
/// knows this deployment by another address than `Dispatch:PublicUrl`.
/// </summary>
sealed class HookLanes
{
    public const string HttpSms = "http-sms";
    private readonly Dictionary<string, HookLane> _lanes;
    private readonly ConcurrentDictionary<string, (DateTime WrittenAt, byte[] Token)> _tokens = new();

    public HookLanes(IConfiguration configuration, Uri publicUrl) => _lanes = configuration.GetSection("Dispatch:Lanes").GetChildren()
        .Where(lane => lane["Provider"] == HttpSms && !string.IsNullOrEmpty(lane["Name"]) && !string.IsNullOrEmpty(lane["TokenFile"]))
        .Select(lane => new HookLane(lane["Name"]!, string.IsNullOrEmpty(lane["CallbackBase"]) ? publicUrl : new Uri(lane["CallbackBase"]!), lane["TokenFile"]!))
        .ToDictionary(lane => lane.Name);

    public HookLane? Of(string? name) => name is null ? null : _lanes.GetValueOrDefault(name);

    /// <summary>Read again when the file changes, so that a token can be rotated while we run.</summary>
    /// <exception cref="IOException">It cannot be read now, or is empty: anybody can sign with nothing. The gateway comes again.</exception>
    public byte[] TokenOf(HookLane lane)
    {
        var writtenAt = File.GetLastWriteTimeUtc(lane.TokenFile);
        if (!_tokens.TryGetValue(lane.Name, out var known) || known.WrittenAt != writtenAt)
        {
            var token = Encoding.UTF8.GetBytes(File.ReadAllText(lane.TokenFile).Trim());
            _tokens[lane.Name] = known = (writtenAt, token.Length > 0 ? token : throw new IOException("the file is empty"));
        }

        return known.Token;
    }
}
