using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Capping;

/// <summary>
/// The rules of all tenants, in memory and on disk, so that a Router that starts while PostgreSQL is away still knows which messages a cap counts.
/// </summary>
sealed class CapRuleBook(CapRules store, IOptions<DispatchOptions> dispatch, ILogger<CapRuleBook> log)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(), new IdConverter() } };

    private readonly string _path = Path.Combine(dispatch.Value.Data, "router", "cap-rules.json");
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile FrozenDictionary<string, CapRule[]> _rules = FrozenDictionary<string, CapRule[]>.Empty;
    private byte[] _written = [];

    public int Count => _rules.Values.Sum(rules => rules.Length);

    public bool IsKnown => _known.Task.IsCompleted;

    public Task WhenKnownAsync(CancellationToken stop) => _known.Task.WaitAsync(stop);

    /// <returns>Every rule that counts such a message; empty: none does.</returns>
    public IReadOnlyList<CapRule> Match(string tenant, TrafficClass of, IReadOnlyCollection<string> labels, string campaign)
    {
        if (!_rules.TryGetValue(tenant, out var rules))
        {
            return [];
        }

        var counts = rules.Count(rule => rule.Counts(tenant, of, labels, campaign));
        return counts == rules.Length ? rules : counts == 0 ? [] : Array.FindAll(rules, rule => rule.Counts(tenant, of, labels, campaign));
    }

    /// <summary>Starts from the copy on disk, if there is one.</summary>
    public void Load()
    {
        try
        {
            if (File.Exists(_path))
            {
                _written = File.ReadAllBytes(_path);
                Apply(JsonSerializer.Deserialize<List<CapRule>>(_written, Json) ?? []);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            log.CapRulesUnreadable(e);
        }
    }

    /// <summary>Takes over what the store has.</summary>
    /// <exception cref="Exception">The store is away, as <see cref="StoreFault"/> says: the rules stay as they are.</exception>
    public async Task RefreshAsync(CancellationToken stop)
    {
        var rules = await store.AllAsync(stop);
        rules.Sort((one, other) => one.Number.CompareTo(other.Number));
        Apply(rules);
        Write(rules);
    }

    private void Apply(List<CapRule> rules)
    {
        _rules = rules.GroupBy(rule => rule.Tenant).ToFrozenDictionary(tenant => tenant.Key, tenant => tenant.ToArray());
        _known.TrySetResult();
    }

    private void Write(List<CapRule> rules)
    {
        var next = JsonSerializer.SerializeToUtf8Bytes(rules, Json);
        if (next.AsSpan().SequenceEqual(_written))
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            using (var file = new FileStream(_path + ".next", FileMode.Create, FileAccess.Write))
            {
                file.Write(next);
                file.Flush(flushToDisk: true);
            }

            File.Move(_path + ".next", _path, overwrite: true);
            _written = next;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.CapRulesUnwritable(e);
        }
    }

    private sealed class IdConverter : JsonConverter<Id>
    {
        public override Id Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Id.TryParse(reader.GetString(), IdPrefix.CapRule, out var id) ? id : throw new JsonException("not the id of a rule");

        public override void Write(Utf8JsonWriter writer, Id value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToText(IdPrefix.CapRule));
    }
}
