using System.ComponentModel.DataAnnotations;

namespace Dispatch.Hosting;

/// <summary>What every service knows about its place on the machine; section `Dispatch`.</summary>
public sealed class DispatchOptions
{
    /// <summary>Folder for everything that outlives the process: log, journals, snapshots, secrets. Made if missing.</summary>
    [Required] public string Data { get; init; } = "data";

    /// <summary>Where the public API listens.</summary>
    [Required] public string Listen { get; init; } = "http://127.0.0.1:8080";

    /// <summary>Where probes, numbers and the switches of last resort are. Never open to callers.</summary>
    [Required] public string AdminListen { get; init; } = "http://127.0.0.1:8081";
}
