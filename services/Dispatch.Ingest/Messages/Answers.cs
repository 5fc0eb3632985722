namespace Dispatch.Ingest.Messages;

/// <summary>What became of one request.</summary>
/// <param name="Durable">Where it is safe: log, or spool: on this instance's disk until the brokers take it.</param>
/// <param name="Messages">In the order of the recipients; left out when there are more than 100 recipients, then `GET /v1/requests/{id}` has them.</param>
/// <param name="Accepted">How many messages were accepted.</param>
/// <param name="Rejected">With more than 100 recipients: those that got nothing, because nothing else remembers them.</param>
sealed record RequestAnswer(string RequestId, string Durable, int Accepted, IReadOnlyList<MessageAnswer>? Messages, IReadOnlyList<MessageAnswer>? Rejected);

/// <param name="Recipient">Its place in the request, from 0.</param>
/// <param name="Status">accepted or rejected.</param>
sealed record MessageAnswer(string? MessageId, int Recipient, string? Channel, string Status, string? Code, string? Detail);

/// <summary>What became of a batch, item by item, in order.</summary>
sealed record BatchAnswer(string Durable, IReadOnlyList<BatchItemAnswer> Items);

/// <param name="Index">Its place in the batch, from 0.</param>
/// <param name="Status">accepted or rejected.</param>
/// <param name="Replayed">The first answer under the item's key, given again.</param>
sealed record BatchItemAnswer(
    int Index, string Status, string? RequestId, int? Accepted, IReadOnlyList<MessageAnswer>? Messages, IReadOnlyList<MessageAnswer>? Rejected, bool? Replayed,
    string? Code, string? Detail, bool? Retryable, IReadOnlyList<ErrorAnswer>? Errors);

/// <param name="Pointer">RFC 6901, into the body.</param>
sealed record ErrorAnswer(string Pointer, string Code, string Message);
