using Microsoft.Extensions.Logging;

namespace Dispatch.Channels;

static partial class Log // 3000-3099
{
    [LoggerMessage(3001, LogLevel.Error, "Journal {Journal} cannot be written; nothing is sent until it can")]
    public static partial void JournalFailed(this ILogger log, Exception exception, string journal);

    [LoggerMessage(3002, LogLevel.Information, "Journal {Journal} can be written again")]
    public static partial void JournalHealed(this ILogger log, string journal);

    [LoggerMessage(3003, LogLevel.Warning, "The journal cannot begin its next file; what is in flight still has room")]
    public static partial void JournalHasNoRoom(this ILogger log, Exception exception);

    [LoggerMessage(3004, LogLevel.Error, "The journal is full with {Bytes} bytes; nothing is sent until outcomes are shipped")]
    public static partial void JournalFull(this ILogger log, long bytes);

    [LoggerMessage(3005, LogLevel.Warning, "Journal: a torn tail of {Bytes} bytes was cut from segment {Segment} at {Offset}; nothing confirmed was in it")]
    public static partial void JournalTorn(this ILogger log, long bytes, long segment, long offset);

    [LoggerMessage(3006, LogLevel.Error, "Journal: {Bytes} bytes of segment {Segment} at {Offset} are damaged; outcomes in them are lost, and their messages in doubt")]
    public static partial void JournalDamaged(this ILogger log, long bytes, long segment, long offset);

    [LoggerMessage(3010, LogLevel.Warning, "Shipper of {Journal} is paused; outcomes stay in the journal")]
    public static partial void ShipperPaused(this ILogger log, string journal);

    [LoggerMessage(3011, LogLevel.Information, "Shipper of {Journal} goes on")]
    public static partial void ShipperResumed(this ILogger log, string journal);

    [LoggerMessage(3012, LogLevel.Information, "Shipper of {Journal} has caught up with the last {Behind}")]
    public static partial void ShipperCaughtUp(this ILogger log, string journal, TimeSpan behind);

    [LoggerMessage(3013, LogLevel.Error, "Outcomes of {Journal} cannot be written; feedback is bypassed until they can")]
    public static partial void BypassByItself(this ILogger log, Exception? exception, string journal);

    [LoggerMessage(3020, LogLevel.Warning, "Commit of {Topic}/{Partition} failed; again in {BackOff}")]
    public static partial void CommitFailed(this ILogger log, Exception exception, string topic, int partition, TimeSpan backOff);

    [LoggerMessage(3021, LogLevel.Warning, "Partition {Topic}/{Partition} belongs to somebody else; nothing more of it is sent")]
    public static partial void LeaseLost(this ILogger log, string topic, int partition);

    [LoggerMessage(3022, LogLevel.Error, "Record {Offset} of {Topic}/{Partition} is no message: {Fault}; it goes to quarantine")]
    public static partial void PoisonRecord(this ILogger log, string topic, int partition, long offset, string fault);

    [LoggerMessage(3023, LogLevel.Warning, "{Count} records of {Topic}/{Partition} were kept by a dispatcher whose journal is not here; they wait for it")]
    public static partial void KeptByAnother(this ILogger log, int count, string topic, int partition);

    [LoggerMessage(3024, LogLevel.Warning, "{Kept} messages of {Topic}/{Partition} were still in flight when it went; this journal settles them")]
    public static partial void LeftInFlight(this ILogger log, int kept, string topic, int partition);

    [LoggerMessage(3025, LogLevel.Warning, "{Count} messages of {Topic}/{Partition} were in flight when this dispatcher ended last; each is handled by its policy")]
    public static partial void InDoubt(this ILogger log, int count, string topic, int partition);

    [LoggerMessage(3030, LogLevel.Warning, "Lane {Lane} fenced ({Reason}): {Waiting} waiting, {InFlight} in flight")]
    public static partial void LaneFenced(this ILogger log, string lane, string reason, int waiting, int inFlight);

    [LoggerMessage(3031, LogLevel.Warning, "Lane {Lane} held: its credential is refused ({Reason}); its messages wait")]
    public static partial void LaneHeld(this ILogger log, string lane, string reason);

    [LoggerMessage(3032, LogLevel.Information, "Lane {Lane} returned: a probe got through")]
    public static partial void LaneReturned(this ILogger log, string lane);

    [LoggerMessage(3033, LogLevel.Error, "Lane {Lane}: more than a fifth of the tokens of app '{App}' are refused as dead; that is a fault of configuration, so none is suppressed")]
    public static partial void CircuitOpened(this ILogger log, string lane, string app);

    [LoggerMessage(3034, LogLevel.Error, "Sender of lane {Lane} threw for message {Message}")]
    public static partial void SenderThrew(this ILogger log, Exception exception, string lane, string message);

    [LoggerMessage(3035, LogLevel.Critical, "Lane {Lane} could not write down what became of message {Message}")]
    public static partial void AttemptBroke(this ILogger log, Exception exception, string lane, string message);

    [LoggerMessage(3036, LogLevel.Warning, "{Count} kept messages of earlier starts are settled by {Name}")]
    public static partial void KeptRecalled(this ILogger log, int count, string name);

    [LoggerMessage(3037, LogLevel.Warning, "{Count} kept messages are left in the journal {Name}: start it again on this folder, or have it adopted")]
    public static partial void KeptLeft(this ILogger log, int count, string name);

    [LoggerMessage(3038, LogLevel.Warning, "A kept message of {Name} waits for the log: {Why}")]
    public static partial void KeptWaits(this ILogger log, string why, string name);

    [LoggerMessage(3040, LogLevel.Information, "Dispatcher {Name}, start {Starts}, runs with {Lanes} lanes")]
    public static partial void Started(this ILogger log, string name, int starts, int lanes);

    [LoggerMessage(3041, LogLevel.Error, "Dispatcher {Channel} fell over; again in {BackOff}")]
    public static partial void FellOver(this ILogger log, Exception exception, string channel, TimeSpan backOff);

    [LoggerMessage(3042, LogLevel.Warning, "Dispatcher {Channel} has no lane; its messages wait")]
    public static partial void NoLane(this ILogger log, string channel);

    [LoggerMessage(3043, LogLevel.Warning, "The machine went down since the last start: what was in flight may have left")]
    public static partial void MachineWentDown(this ILogger log);

    [LoggerMessage(3044, LogLevel.Warning, "Dispatcher {Channel} does not wait any longer for its lanes")]
    public static partial void StopTookTooLong(this ILogger log, Exception exception, string channel);
}
