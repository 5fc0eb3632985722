namespace Dispatch.Store.Idempotency;

/// <summary>What stands under a key.</summary>
/// <param name="CreatedAt">The first accept: ids are derived from its day.</param>
/// <param name="Leased">Whoever holds it may still be at work.</param>
/// <param name="Settled">What came under it is in the log.</param>
public sealed record KeyRow(Guid Key, Guid Body, Guid Claim, DateTimeOffset CreatedAt, bool Leased, bool Settled, short? Status, byte[]? Answer);

/// <summary>A key as the log has it.</summary>
public readonly record struct LoggedKey(Guid Key, Guid Body, DateTimeOffset AcceptedAt);
