using Microsoft.Extensions.Logging;

namespace Dispatch.Log;

/// <summary>Event ids 1000 to 1099.</summary>
static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "Log {ClusterId} open in {Folder}: {Topics} topics, {Partitions} partitions, {Segments} segments, sequence {Sequence}")]
    public static partial void Opened(this ILogger log, string clusterId, string folder, int topics, int partitions, int segments, long sequence);

    [LoggerMessage(1001, LogLevel.Warning, "Torn tail in {File} at {Position}: {Bytes} bytes that nobody was promised were cut off and kept aside. {Detail}")]
    public static partial void TornTail(this ILogger log, string file, long position, long bytes, string detail);

    [LoggerMessage(1002, LogLevel.Error, "Damage in {File} at {Position}, {Bytes} bytes, kept aside. {Detail}")]
    public static partial void Damaged(this ILogger log, string file, long position, long bytes, string detail);

    [LoggerMessage(1003, LogLevel.Warning, "Damage from an earlier run still stands ({Kind} in {File} at {Position}). {Detail} It is reported until somebody moves its files out of the folder 'damaged'")]
    public static partial void DamageStands(this ILogger log, DamageKind kind, string file, long position, string detail);

    [LoggerMessage(1004, LogLevel.Error, "The damaged bytes of {File} at {Position} could not be kept aside")]
    public static partial void DamageNotKept(this ILogger log, string file, long position, Exception why);

    [LoggerMessage(1005, LogLevel.Error, "Writing {File} failed: it is closed for good, what was in flight fails, the next group begins a new file")]
    public static partial void WriteFailed(this ILogger log, string file, Exception why);

    [LoggerMessage(1006, LogLevel.Error, "Segment {Number} could not be begun")]
    public static partial void SegmentFailed(this ILogger log, long number, Exception why);

    [LoggerMessage(1007, LogLevel.Error, "No room for a new segment ({Why}): only outcomes and positions are taken, into the reserve")]
    public static partial void ReserveInUse(this ILogger log, string why);

    [LoggerMessage(1008, LogLevel.Warning, "The log can be written again")]
    public static partial void Healed(this ILogger log);

    [LoggerMessage(1009, LogLevel.Warning, "No room for the next segment: {Why}. Records that everybody has read go before their time")]
    public static partial void Short(this ILogger log, string why);

    [LoggerMessage(1010, LogLevel.Warning, "Keeping the log's folder failed; it is tried again")]
    public static partial void KeeperFailed(this ILogger log, Exception why);

    [LoggerMessage(1011, LogLevel.Warning, "Group {Group} has not moved in {Topic}/{Partition} for {Since}, {Waiting} records before the end, and holds back segments beyond their retention")]
    public static partial void GroupStalled(this ILogger log, string group, string topic, int partition, TimeSpan since, long waiting);

    [LoggerMessage(1012, LogLevel.Warning, "Records {First} to {End} of {Topic}/{Partition} are damaged or gone: readers pass over them")]
    public static partial void Skipped(this ILogger log, long first, long end, string topic, int partition);

    [LoggerMessage(1013, LogLevel.Error, "Reading {Topic}/{Partition} at {Offset} failed; it is tried again, nothing is skipped")]
    public static partial void ReadFailed(this ILogger log, string topic, int partition, long offset, Exception why);

    [LoggerMessage(1014, LogLevel.Information, "Group {Group} begins: {Partitions} partitions of {Topics}")]
    public static partial void GroupDeclared(this ILogger log, string group, int partitions, string topics);

    [LoggerMessage(1015, LogLevel.Information, "Group {Group}: {Members} members, {Partitions} partitions")]
    public static partial void Shared(this ILogger log, string group, int members, int partitions);

    [LoggerMessage(1016, LogLevel.Warning, "Work on {Topic}/{Partition} of group {Group} did not settle in time; its lease ends now")]
    public static partial void NotSettled(this ILogger log, string group, string topic, int partition);

    [LoggerMessage(1017, LogLevel.Warning, "Topic {Topic} keeps its {Partitions} partitions: the setting is for topics that are made now")]
    public static partial void PartitionsKept(this ILogger log, string topic, int partitions);

    [LoggerMessage(1018, LogLevel.Debug, "Segment {Number} ended: everybody has read it")]
    public static partial void SegmentRetired(this ILogger log, long number);
    [LoggerMessage(1030, LogLevel.Debug, "librdkafka {Client} {Facility}: {Line}")]
    public static partial void ClientSays(this ILogger log, string client, string facility, string line);

    [LoggerMessage(1031, LogLevel.Warning, "A producer became unusable and is replaced: {Why}")]
    public static partial void ProducerReplaced(this ILogger log, string why);

    [LoggerMessage(1032, LogLevel.Information, "A commit of group {Group} was refused because the group has moved on; it is made again if the partition is still ours: {Why}")]
    public static partial void CommitFenced(this ILogger log, string group, string why);

    [LoggerMessage(1033, LogLevel.Warning, "Group {Group} cannot commit yet; it is tried again: {Why}")]
    public static partial void TransactionsWait(this ILogger log, string group, string why);

    [LoggerMessage(1034, LogLevel.Critical, "Group {Group} has no valid position in {Topic}/{Partition}, where it stood before: it was lost. Nothing there is skipped or read again until a person decides (docs/runbooks/lost-position.md)")]
    public static partial void PositionLost(this ILogger log, string group, string topic, int partition);

    [LoggerMessage(1035, LogLevel.Information, "Group {Group}: {Count} partitions assigned: {Partitions}")]
    public static partial void PartitionsAssigned(this ILogger log, string group, int count, string partitions);

    [LoggerMessage(1036, LogLevel.Information, "Group {Group}: {Count} partitions revoked: {Partitions}")]
    public static partial void PartitionsRevoked(this ILogger log, string group, int count, string partitions);

    [LoggerMessage(1037, LogLevel.Warning, "Group {Group}: {Count} partitions were given to others, because nothing was heard of this process: {Partitions}")]
    public static partial void PartitionsLost(this ILogger log, string group, int count, string partitions);

    [LoggerMessage(1038, LogLevel.Warning, "This process stood still for a while; group {Group} starts nothing until the brokers have confirmed what it owns")]
    public static partial void LeaseInDoubt(this ILogger log, string group);

    [LoggerMessage(1039, LogLevel.Warning, "Group {Group} waits for Kafka; it is tried again: {Why}")]
    public static partial void KafkaAwaited(this ILogger log, string group, string why);

    [LoggerMessage(1040, LogLevel.Error, "The log on Kafka at {Brokers} cannot be opened; it is tried again: {Why}")]
    public static partial void CannotOpen(this ILogger log, string brokers, string why);

    [LoggerMessage(1041, LogLevel.Information, "Log {ClusterId} open on Kafka at {Brokers}: {Topics} topics, {Partitions} partitions, librdkafka {Version}")]
    public static partial void ClusterOpened(this ILogger log, string clusterId, string brokers, int topics, int partitions, string version);

    [LoggerMessage(1042, LogLevel.Debug, "Group {Group}: the brokers were away; the last {Commits} commits before that are sealed, in case their marks were forgotten")]
    public static partial void Sealing(this ILogger log, string group, int commits);

    [LoggerMessage(1043, LogLevel.Error, "Group {Group}: the brokers have lost a position that they had acknowledged. What was written with it is undone, and done again from where it stood before")]
    public static partial void Undone(this ILogger log, string group);

    [LoggerMessage(1045, LogLevel.Warning, "Group {Group}: the brokers have lost a part of a transaction that they had acknowledged. It is written again: {Missing} of its {Partitions} partitions, and its position: {Position}")]
    public static partial void WrittenAgain(this ILogger log, string group, int missing, int partitions, bool position);

    [LoggerMessage(1046, LogLevel.Warning, "Group {Group}: what it wrote before an outage could not be read back in {Looks} looks, because of an older transaction that nobody decides (docs/runbooks/all-brokers-lost.md); it goes on unseen")]
    public static partial void NotReadBack(this ILogger log, string group, int looks);

    [LoggerMessage(1044, LogLevel.Error, "Cluster {Cluster} is not used: {Why}")]
    public static partial void ClusterRefused(this ILogger log, string cluster, string why);
}
