using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Dispatch.Store;

/// <summary>Which PostgreSQL, and how it is used. Section `Dispatch:Store`; the connection string and the data folder come from `Dispatch:Postgres` and `Dispatch:Data`.</summary>
public sealed class StoreOptions
{
    /// <summary>`Dispatch:Postgres` or the environment's DISPATCH_POSTGRES. Empty: a private server in <see cref="Data"/>, that this process starts and looks after.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>`Dispatch:Data`.</summary>
    [Required] public string Data { get; set; } = "data";

    /// <summary>Connections of this process, 2 to 1 000. They are kept open, because statements are prepared on each.</summary>
    [Range(2, 1_000)] public int ConnectionsMax { get; init; } = 40;

    /// <summary>How often a real write shows that the store can be written. A replica without primary still answers reads.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")] public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A probe without answer for so long has failed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")] public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Days of ledger, outcomes and statistics that are kept, 3 to 3 650. Idempotency keys are kept as long.</summary>
    [Range(3, 3_650)] public int RetentionDays { get; init; } = 30;

    /// <summary>False only for tests and scratch: the private server then syncs nothing.</summary>
    public bool Durable { get; init; } = true;
}

[OptionsValidator]
sealed partial class StoreOptionsValidator : IValidateOptions<StoreOptions>;
