using System.Globalization;

namespace Dispatch.Host.Separate;

/// <summary>One process of `--separate`.</summary>
/// <param name="Service">As its program is called: "ingest" is Dispatch.Ingest.dll.</param>
/// <param name="Name">The service's, and from the second instance on its number: "push", "push-2". Also its folder below `{data}/services`.</param>
/// <param name="AdminPort">0: it has no admin port of ours.</param>
/// <param name="ApiPort">0: it has no API.</param>
sealed record ServiceInstance(string Service, string Name, int AdminPort, int ApiPort)
{
    public const string Ingest = "ingest";
    public const string Sandbox = "sandbox";
    public const string InstancesKey = "Dispatch:Instances";
    private const int InstancesMax = 9;

    // Behind --port: +10 to +14 and +30 are the Sandbox's, +38 and +39 a broker's.
    private static readonly int[] AdminOffsets = [.. Enumerable.Range(1, 9), .. Enumerable.Range(15, 15)];
    private static readonly int[] ApiOffsets = [0, .. Enumerable.Range(31, 7)];

    /// <summary>In the order of the path; the reverse of what depends on what.</summary>
    public static IReadOnlyList<string[]> StopOrder { get; } = [[Ingest], ["router"], ["push", "email", "sms"], ["feedback"], [Sandbox]];

    /// <summary>Pure: which processes a configuration asks for, and their ports. The first Ingest has --port itself and its neighbour, as in one process.</summary>
    /// <param name="instances">"push=2,router=3"; what is not named has one.</param>
    /// <exception cref="InvalidOperationException">Not such a list, or more than there are ports for.</exception>
    public static IReadOnlyList<ServiceInstance> Of(int port, string? instances, bool withSandbox)
    {
        var counts = CountsOf(instances);
        var wanted = StopOrder.SelectMany(it => it).Where(it => it != Sandbox).SelectMany(service => Enumerable.Range(1, counts.GetValueOrDefault(service, 1)).Select(n => (Service: service, Number: n)))
            .OrderBy(it => it.Number > 1).ToList(); // the first ones' ports do not depend on how many there are
        if (wanted.Count > AdminOffsets.Length)
        {
            throw new InvalidOperationException($"--instances asks for {wanted.Count} processes; there are ports for {AdminOffsets.Length}");
        }

        var apis = 0;
        var all = wanted.Select((it, n) => new ServiceInstance(
            it.Service, it.Number == 1 ? it.Service : string.Create(CultureInfo.InvariantCulture, $"{it.Service}-{it.Number}"), port + AdminOffsets[n],
            it.Service == Ingest ? port + (apis < ApiOffsets.Length ? ApiOffsets[apis++] : throw new InvalidOperationException($"--instances: there are ports for {ApiOffsets.Length} of ingest")) : 0)).ToList();
        return withSandbox ? [new ServiceInstance(Sandbox, Sandbox, 0, 0), .. all] : all;
    }

    private static Dictionary<string, int> CountsOf(string? instances)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var part in (instances ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('=') is not [var service, var text] || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > InstancesMax
                || service == Sandbox || !StopOrder.Any(it => it.Contains(service)))
            {
                throw new InvalidOperationException($"--instances {instances}: takes SERVICE=N[,...] with ingest, router, push, email, sms or feedback, and 1 to {InstancesMax}");
            }

            counts[service] = count;
        }

        return counts;
    }
}
