using System.Runtime.CompilerServices;
using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Ingest.Auth;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Store.Keys;
using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Messages;

/// <summary>
/// Takes requests in. Promise: a 202 is durable, and whatever is refused has left nothing behind.
/// The order: everything that can be wrong is found; the key is claimed; the records are appended; the answer is given.
/// </summary>
sealed class PostMessages(
    Door door, Recipients recipients, Appender appender, RecentMessages recent, RateLimits rates, IOptions<IngestOptions> options, TimeProvider clock)
{
    private const string KeyHeader = "Idempotency-Key";

    /// <summary>`POST /v1/messages`</summary>
    public async Task PostAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, options.Value.BodyBytesMax);
        var key = KeyOf(call.Http);
        var now = Now();
        var draft = Read(body.Bytes, now, call.Tenant);
        Allow(call.Key, draft);
        MessageRules.CheckWeight(draft, options.Value.ExpandedBytesMax);
        rates.Take(call.Http, call.Key, draft.Reachable);

        var keyHash = key is null ? default : KeyHash.OfKey(CallKind.Message, call.Tenant, key);
        var bodyHash = key is null ? default : KeyHash.OfBody(CallKind.Message, body.Bytes.Span);
        var pass = key is null ? new Pass(PassKind.Fresh, now) : await door.EnterAsync(keyHash, bodyHash, now, isBrief: draft.Recipients.Count == 1);
        Refuse(pass);
        Mark(call.Http, pass);
        if (pass.Answer is { } first)
        {
            await Answer.BytesAsync(call.Http, first.Status, first.Body);
            return;
        }

        var id = key is null ? Id.New(now) : IdOf(keyHash, bodyHash, pass.FirstAt);
        RequestAnswer answer;
        try
        {
            RequestRecords.Complete(draft, id, call.Tenant, pass.FirstAt, pass.RepeatSince);
            answer = AnswerOf.Request(draft, id);
            if (pass.GoesThrough)
            {
                SetKey(draft, key is null ? null : (keyHash, bodyHash));
                answer = answer with { Durable = (await AppendAsync(call.Http, [draft])).Name() };
                recent.Add(draft, id);
            }
        }
        catch (Exception e)
        {
            door.Fail(pass, e);
            throw;
        }

        if (pass.GoesThrough)
        {
            // An answer that does not follow from the body is kept: a later version may judge an address in another way, and the first answer is to be given again.
            door.Settle(pass, key is not null && (answer.Durable != Durable.Log.Name() || draft.Recipients.Exists(it => it.Rejected.Count > 0))
                ? new StoredAnswer(StatusCodes.Status202Accepted, JsonSerializer.SerializeToUtf8Bytes(answer, TimelessJson.Default.RequestAnswer)) : null);
        }

        await Answer.JsonAsync(call.Http, StatusCodes.Status202Accepted, answer, TimelessJson.Default.RequestAnswer);
    }

    /// <summary>As <see cref="PostAsync"/> goes, up to where something would become durable, and back: the key is free again.</summary>
    public async Task RehearseAsync(ReadOnlyMemory<byte> body)
    {
        var now = Now();
        var draft = Read(body, now, tenant: "");
        MessageRules.CheckWeight(draft, options.Value.ExpandedBytesMax);
        var (key, bodyHash) = (KeyHash.OfKey(CallKind.Message, "", Guid.NewGuid().ToString()), KeyHash.OfBody(CallKind.Message, body.Span));
        var pass = await door.EnterAsync(key, bodyHash, now, isBrief: true);
        door.Fail(pass, new OperationCanceledException("a rehearsal"));
        var id = IdOf(key, bodyHash, pass.FirstAt);
        RequestRecords.Complete(draft, id, "", pass.FirstAt, pass.RepeatSince);
        SetKey(draft, (key, bodyHash));
        RequestRecords.AddTo([], draft, []);
        JsonSerializer.SerializeToUtf8Bytes(AnswerOf.Request(draft, id), TimelessJson.Default.RequestAnswer);
    }

    public static string? KeyOf(HttpContext http)
    {
        var header = http.Request.Headers[KeyHeader];
        return header switch
        {
            [] => null,
            [{ Length: > 0 } key] when MessageRules.Key(key) is null => key,
            _ => throw new RefusedException(Problem.BadParameter(KeyHeader, "has 1 to 255 printable ASCII characters, once")),
        };
    }

    public static void Refuse(Pass pass)
    {
        switch (pass.Kind)
        {
            case PassKind.Conflict: throw new RefusedException(Problem.Conflict);
            case PassKind.Running: throw new RefusedException(Problem.Running);
        }
    }

    public static void Mark(HttpContext http, Pass pass)
    {
        if (pass.Deferred)
        {
            http.Response.Headers[Answer.CheckDeferred] = "deferred";
        }

        if (pass.Kind is PassKind.Replay)
        {
            http.Response.Headers[Answer.Replayed] = "true";
        }
    }

    public static Id IdOf(Guid key, Guid body, DateTimeOffset firstAt) =>
        Id.Derive(Id.DayOf(firstAt), key.ToByteArray(bigEndian: true), body.ToByteArray(bigEndian: true));

    public static void SetKey(MessageDraft draft, (Guid Key, Guid Body)? of)
    {
        if (of is var (key, body))
        {
            draft.Request.IdempotencyKey = UnsafeByteOperations.UnsafeWrap(key.ToByteArray(bigEndian: true));
            draft.Request.BodyHash = UnsafeByteOperations.UnsafeWrap(body.ToByteArray(bigEndian: true));
        }
    }

    /// <exception cref="RefusedException">403.</exception>
    public static void Allow(ApiKey key, MessageDraft draft)
    {
        var needed = (draft.Push is null ? Scopes.None : Scopes.SendPush) | (draft.Email is null ? Scopes.None : Scopes.SendEmail) | (draft.Sms is null ? Scopes.None : Scopes.SendSms);
        if ((needed & ~key.Scopes) is not Scopes.None and var missing)
        {
            throw new RefusedException(Problem.MissingScope(string.Join(" and ", ScopeWords.Of(missing))));
        }
    }

    /// <summary>All of it becomes durable.</summary>
    /// <returns>Where.</returns>
    /// <exception cref="AppendException">Nothing was accepted.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // waits in every call: no garbage for that
    public async ValueTask<Durable> AppendAsync(HttpContext http, IReadOnlyList<MessageDraft> drafts)
    {
        using var activity = Trace.Send(Topics.Requests(drafts[0].Request.Class));
        var headers = Trace.Headers(http, activity);
        var records = new List<Record>(drafts.Count);
        foreach (var draft in drafts)
        {
            RequestRecords.AddTo(records, draft, headers);
        }

        var durable = await appender.AppendAsync(records);
        Telemetry.Accepted.Add(drafts.Sum(it => it.Reachable));
        return durable;
    }

    public DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());

    /// <exception cref="RefusedException">400, with all that is wrong.</exception>
    private MessageDraft Read(ReadOnlyMemory<byte> body, DateTimeOffset now, string tenant)
    {
        var faults = new Faults();
        using var document = JsonBody.Parse(body, faults) ?? throw RefusedException.Of(faults);
        var draft = new MessageDraft();
        MessageShapes.Message.Read(document.RootElement, draft, faults);
        MessageRules.Check(draft, now, faults);
        Resolve(draft, tenant);
        if (faults.Count > 0 || draft.Reachable == 0)
        {
            throw new RefusedException(Problem.Invalid([.. faults.All.Concat(AnswerOf.FaultsOfRecipients(draft, "")).Take(Faults.Max)]));
        }

        return draft;
    }

    public void Resolve(MessageDraft draft, string tenant)
    {
        if (draft.Recipients.Count > 0)
        {
            recipients.Resolve(draft, tenant);
        }
    }
}
