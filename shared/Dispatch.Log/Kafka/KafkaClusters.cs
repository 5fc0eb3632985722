using System.Diagnostics.CodeAnalysis;
using Dispatch.Contracts;
using Dispatch.Log.Clusters;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Section <c>Dispatch:Kafka</c>: the settings of one cluster, number 0, named main; or what several have in common, and each one's own under <c>Clusters:{number}</c>, with its name.
/// The first gets everything new unless weights say otherwise; a cluster without a weight is attached, read, and written to once somebody diverts to it.
/// </summary>
public static class KafkaClusters
{
    public const string Section = "Dispatch:Kafka";
    private const string Others = "Clusters";
    private const int WholeWeight = 100;

    public static bool AreConfigured(IConfiguration configuration) => Sections(configuration).Any();

    /// <returns>By number; at least one.</returns>
    /// <exception cref="OptionsValidationException">With all faults.</exception>
    public static IReadOnlyList<KafkaOptions> Of(IConfiguration configuration)
    {
        var (clusters, faults) = Read(configuration);
        return faults.Count == 0 ? clusters : throw new OptionsValidationException(Section, typeof(KafkaOptions), faults);
    }

    /// <summary>Begins to open them; see <see cref="KafkaLog.Open"/>.</summary>
    /// <exception cref="OptionsValidationException">With all faults.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "owned by the log that is made of them")]
    public static ClusterWeights Open(IConfiguration configuration, ILoggerFactory loggers) =>
        new([.. Of(configuration).Select(it => new Cluster(it.Number, it.Name, it.Weight, KafkaLog.Open(it, [.. Topics.All], loggers.CreateLogger<KafkaLog>())))]);

    /// <summary>One log of all; it owns them.</summary>
    public static IEventLog LogOf(ClusterWeights weights, ILoggerFactory loggers) =>
        weights.Clusters is [{ Number: 0, Log: var only }] ? only : new ClusteredLog(weights, [.. Topics.All], loggers.CreateLogger<ClusteredLog>());

    private static (List<KafkaOptions> Clusters, List<string> Faults) Read(IConfiguration configuration)
    {
        var read = Sections(configuration).Select(it => (it.Path, Options: it.Settings.Get<KafkaOptions>()!)).OrderBy(it => it.Options.Number).ToList();
        if (read.Count > 0 && read.TrueForAll(it => it.Options.Weight == 0))
        {
            read[0] = (read[0].Path, read[0].Options with { Weight = WholeWeight });
        }

        var faults = read.SelectMany(it => new KafkaOptionsValidator().Validate(it.Path, it.Options) is { Failed: true } failed ? failed.Failures : [])
            .Concat(read.GroupBy(it => it.Options.Name, StringComparer.Ordinal).Where(it => it.Count() > 1).Select(it => $"{Section}: {it.Count()} clusters are named '{it.Key}'"))
            .Concat(read.GroupBy(it => it.Options.Number).Where(it => it.Count() > 1).Select(it => $"{Section}: number {it.Key} is given by {string.Join(" and ", it.Select(one => one.Path))}"))
            .ToList();
        return ([.. read.Select(it => it.Options)], read.Count > 0 ? faults : [$"{Section}:Brokers is not set"]);
    }

    private static IEnumerable<(string Path, IConfiguration Settings)> Sections(IConfiguration configuration)
    {
        var common = configuration.GetSection(Section);
        var own = common.GetSection(Others).GetChildren().ToList();
        if (common["Brokers"] is { Length: > 0 } && !own.Exists(it => it.Key == "0"))
        {
            yield return (Section, Merged(common, null));
        }

        foreach (var cluster in own)
        {
            yield return (cluster.Path, Merged(common, cluster));
        }
    }

    private static IConfiguration Merged(IConfigurationSection common, IConfigurationSection? own)
    {
        var settings = common.AsEnumerable(makePathsRelative: true)
            .Where(it => it.Value is not null && !it.Key.StartsWith(Others, StringComparison.OrdinalIgnoreCase) && (own is null || it.Key is not ("Name" or "Weight" or "Number")))
            .ToDictionary(it => it.Key, it => it.Value, StringComparer.OrdinalIgnoreCase);
        if (own is not null)
        {
            (settings["Number"], settings["Name"]) = (own.Key, own.Key == "0" ? "main" : "");
            foreach (var (key, value) in own.AsEnumerable(makePathsRelative: true).Where(it => it.Value is not null))
            {
                settings[key] = value;
            }
        }

        return new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
    }

    /// <summary>At the start, together with the faults of all other settings.</summary>
    internal sealed class Validator(IConfiguration configuration) : IValidateOptions<KafkaOptions>
    {
        public ValidateOptionsResult Validate(string? name, KafkaOptions options) =>
            Read(configuration).Faults is { Count: > 0 } faults ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
