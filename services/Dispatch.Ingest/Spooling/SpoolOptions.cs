using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Spooling;

/// <summary>What Ingest does while Kafka does not answer. Section `Dispatch:Ingest:Spool`; of no effect on the log in files.</summary>
public sealed class SpoolOptions
{
    /// <summary>Where it stands; default `{Dispatch:Data}/ingest/spool`. Each instance has its own, on a disk that outlives the process.</summary>
    public string Folder { get; set; } = "";

    /// <summary>Bytes of records that may wait, 16 MiB to 1 TiB. Campaigns get 60 % of it, automations 80 %: the urgent has room for longest.</summary>
    [Range(16L << 20, 1L << 40)] public long BytesMax { get; init; } = 10L << 30;

    /// <summary>How old the oldest waiting record of a class may be, 1 min to 30 days, before more of it is refused; in the same parts. What waits is never dropped.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")] public TimeSpan AgeMax { get; init; } = TimeSpan.FromHours(24);

    /// <summary>A record that the brokers have not acknowledged after so long goes to the spool too, 50 ms to 5 s: what a caller waits for at most.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:05")] public TimeSpan HedgeAfter { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>A partition, or the whole cluster, that acknowledges nothing for so long is out, 1 to 10 s: from then on records go to the spool at once.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:10")] public TimeSpan OutageAfter { get; init; } = TimeSpan.FromSeconds(3);
}

[OptionsValidator]
sealed partial class SpoolOptionsValidator : IValidateOptions<SpoolOptions>;
