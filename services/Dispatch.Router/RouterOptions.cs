using System.ComponentModel.DataAnnotations;
using Dispatch.Contracts;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>What a class does while the cap ledger cannot be asked.</summary>
enum LedgerAway
{
    /// <summary>Goes unasked, says so (`caps: not_checked`), and is charged afterwards.</summary>
    Send,

    /// <summary>Waits, and goes on by itself. Only what a rule counts waits, and what stands behind it in its partition.</summary>
    Hold,
}

/// <summary>Section `Dispatch:Router`.</summary>
sealed class RouterOptions
{
    public const string Section = "Dispatch:Router";

    public LedgerAway TransactionalWithoutLedger { get; init; } = LedgerAway.Send;

    public LedgerAway AutomationWithoutLedger { get; init; } = LedgerAway.Hold;

    public LedgerAway CampaignWithoutLedger { get; init; } = LedgerAway.Hold;

    /// <summary>Messages decided and written at once, 1 to 10 000: how long a batch holds its rows, and how long an urgent one waits for its turn.</summary>
    [Range(1, 10_000)] public int MessagesAtOnceMax { get; init; } = 2_000;

    /// <summary>Bytes of messages decided and written at once; a single larger record goes alone.</summary>
    [Range(64 * 1024, 64 * 1024 * 1024)] public int BytesAtOnceMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Transactions on the cap ledger at once, per class, each on a connection of its own: a campaign never waits in front of the urgent. 1 to 32.</summary>
    [Range(1, 32)] public int LedgerConnectionsPerClass { get; init; } = 2;

    /// <summary>A transaction on the ledger that takes longer is given up and asked again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")] public TimeSpan LedgerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For so long after the start a ledger that was never writable is waited for, whatever the class does without it: the store may be starting too.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")] public TimeSpan LedgerStartGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often suppressions and cap rules are looked at, besides at each change that the store tells of.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:05:00")] public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>For so long a record that is equal to a marked one is dropped: an Ingest may have been frozen in its append (architecture, 4.1).</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")] public TimeSpan RepeatWindow { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How often parked messages are looked at, besides at each change of a mode.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")] public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A record that throws so often is put in quarantine; its neighbours go on.</summary>
    [Range(1, 100)] public int TriesMax { get; init; } = 3;

    public LedgerAway WithoutLedger(TrafficClass of) => of switch
    {
        TrafficClass.Transactional => TransactionalWithoutLedger,
        TrafficClass.Automation => AutomationWithoutLedger,
        _ => CampaignWithoutLedger,
    };
}

[OptionsValidator]
sealed partial class RouterOptionsValidator : IValidateOptions<RouterOptions>;
