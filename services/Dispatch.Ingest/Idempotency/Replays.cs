using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Messages;

namespace Dispatch.Ingest.Idempotency;

/// <summary>What a call answers.</summary>
sealed record Made(int Status, byte[] Json)
{
    /// <summary>What a repeat is answered, where the first answer holds what must not be kept.</summary>
    public byte[]? Kept { get; init; }

    public static Made Of<T>(int status, T answer, JsonTypeInfo<T> type) => new(status, JsonSerializer.SerializeToUtf8Bytes(answer, type));
}

/// <summary>For calls whose answer does not follow from their body: the first one is kept, and given again.</summary>
sealed class Replays(Door door, TimeProvider clock)
{
    public async Task RunAsync(Call call, ReadOnlyMemory<byte> body, Func<Task<Made>> run)
    {
        if (PostMessages.KeyOf(call.Http) is not { } key)
        {
            await AnswerAsync(call.Http, await run());
            return;
        }

        var pass = await door.EnterAsync(KeyHash.OfKey(CallKind.Other, call.Tenant, key), BodyHash(call.Http, body), clock.GetUtcNow());
        PostMessages.Refuse(pass);
        PostMessages.Mark(call.Http, pass);
        if (!pass.GoesThrough)
        {
            await AnswerAsync(call.Http, pass.Answer is { } first ? new Made(first.Status, first.Body) : throw new RefusedException(Problem.Running));
            return;
        }

        Made made;
        try
        {
            made = await run();
        }
        catch (Exception e)
        {
            door.Fail(pass, e);
            throw;
        }

        door.Settle(pass, new StoredAnswer((short)made.Status, made.Kept ?? made.Json));
        await AnswerAsync(call.Http, made);
    }

    private static Task AnswerAsync(HttpContext http, Made made) => Answer.BytesAsync(http, made.Status, made.Json);

    private static Guid BodyHash(HttpContext http, ReadOnlyMemory<byte> body) =>
        KeyHash.OfBody(CallKind.Other, [.. Encoding.UTF8.GetBytes($"{http.Request.Method} {http.Request.Path}\0"), .. body.Span]);
}
