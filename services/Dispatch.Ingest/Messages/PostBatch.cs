using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Ingest.Auth;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Spooling;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Messages;

/// <summary>
/// `POST /v1/messages/batch`: many requests, one append. Each item is answered for itself, in order; one that is refused never refuses its neighbours.
/// An item may have a key of its own; the header's key stands for the batch as a whole.
/// </summary>
sealed class PostBatch(PostMessages messages, Door door, RecentMessages recent, RateLimits rates, IOptions<IngestOptions> options)
{
    public async Task PostAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, options.Value.BodyBytesMax);
        var key = PostMessages.KeyOf(call.Http);
        var now = messages.Now();
        var items = Read(call, body.Bytes, now);
        if (items.TrueForAll(it => it.Problem is not null))
        {
            throw new RefusedException(NoneAccepted(items));
        }

        rates.Take(call.Http, call.Key, items.Where(it => it.Problem is null).Sum(it => it.Draft.Reachable));
        var keyHash = key is null ? default : KeyHash.OfKey(CallKind.Batch, call.Tenant, key);
        var bodyHash = key is null ? default : KeyHash.OfBody(CallKind.Batch, body.Bytes.Span);
        var whole = key is null ? new Pass(PassKind.Fresh, now) : await door.EnterAsync(keyHash, bodyHash, now);
        PostMessages.Refuse(whole);
        PostMessages.Mark(call.Http, whole);
        if (whole.Answer is { } first)
        {
            await Answer.BytesAsync(call.Http, first.Status, first.Body);
            return;
        }

        byte[] answer;
        try
        {
            await EnterAsync(call, items, whole, now);
            Complete(call, items, key is null ? null : (keyHash, bodyHash), whole);
            var durable = await AppendAsync(call, items, whole);
            if (items.TrueForAll(it => it.Problem is not null))
            {
                throw new RefusedException(NoneAccepted(items));
            }

            answer = JsonSerializer.SerializeToUtf8Bytes(AnswerFor(items, durable), TimelessJson.Default.BatchAnswer);
        }
        catch (Exception e)
        {
            door.Fail(whole, e);
            items.ForEach(it => it.Fail(door, e));
            throw;
        }

        items.ForEach(it => it.Settle(door));
        if (whole.GoesThrough)
        {
            door.Settle(whole, new StoredAnswer(StatusCodes.Status202Accepted, answer));
        }

        await Answer.BytesAsync(call.Http, StatusCodes.Status202Accepted, answer);
    }

    /// <exception cref="RefusedException">The batch as a whole cannot be understood.</exception>
    private List<Item> Read(Call call, ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        var faults = new Faults();
        using var document = JsonBody.Parse(body, faults) ?? throw RefusedException.Of(faults);
        var drafts = new List<MessageDraft>();
        MessageShapes.Batch.Read(document.RootElement, drafts, faults);
        if (faults.Count > 0)
        {
            throw RefusedException.Of(faults);
        }

        var items = new List<Item>(drafts.Count);
        var room = new Room { ExpandedBytes = options.Value.ExpandedBytesMax };
        foreach (var element in document.RootElement.GetProperty("messages"u8).EnumerateArray())
        {
            var item = new Item(items.Count, drafts[items.Count]);
            items.Add(item);
            item.BodyHash = item.Draft.IdempotencyKey is null ? default : KeyHash.OfBody(CallKind.Message, JsonMarshal.GetRawUtf8Value(element));
            item.Problem = Check(call, item, now, faults, room);
        }

        return items;
    }

    private Problem? Check(Call call, Item item, DateTimeOffset now, Faults faults, Room room)
    {
        var draft = item.Draft;
        faults.PutBack(draft.Faults);
        faults.Enter("messages");
        faults.Enter(item.Index);
        MessageRules.Check(draft, now, faults);
        faults.Leave();
        faults.Leave();
        messages.Resolve(draft, call.Tenant);
        var own = faults.CutFrom(0);
        if (own.Count > 0 || draft.Reachable == 0)
        {
            return Problem.Invalid(room.Take(own.Concat(AnswerOf.FaultsOfRecipients(draft, string.Create(CultureInfo.InvariantCulture, $"/messages/{item.Index}")))));
        }

        try
        {
            PostMessages.Allow(call.Key, draft);
            return room.Take(MessageRules.CheckWeight(draft, options.Value.ExpandedBytesMax)) ? null : Problem.TooLarge(string.Create(
                CultureInfo.InvariantCulture,
                $"Content, variables and metadata times addresses are at most {options.Value.ExpandedBytesMax} bytes in one batch; send this item and those behind it in another."));
        }
        catch (RefusedException e)
        {
            return e.Problem;
        }
    }

    /// <summary>All items with a key of their own ask at once; under a batch that was seen before they are asked too, and say what they know.</summary>
    private async Task EnterAsync(Call call, List<Item> items, Pass whole, DateTimeOffset now)
    {
        var asked = items.Where(it => it.Problem is null && it.Draft.IdempotencyKey is not null)
            .Select(it => (Item: it, Pass: door.EnterAsync(KeyHash.OfKey(CallKind.Message, call.Tenant, it.Draft.IdempotencyKey!), it.BodyHash, now).AsTask())).ToList();
        foreach (var (item, pass) in asked)
        {
            item.Pass = await pass;
            item.Problem = item.Pass.Value.Kind switch { PassKind.Conflict => Problem.Conflict, PassKind.Running => Problem.Running, _ => null };
        }

        foreach (var item in items.Where(it => it.Draft.IdempotencyKey is null))
        {
            item.Pass = whole with { Held = null };
        }
    }

    private static void Complete(Call call, List<Item> items, (Guid Key, Guid Body)? whole, Pass wholePass)
    {
        foreach (var item in items.Where(it => it.Problem is null))
        {
            var pass = item.Pass!.Value;
            if (item.Draft.IdempotencyKey is { } key)
            {
                var hash = KeyHash.OfKey(CallKind.Message, call.Tenant, key);
                item.Request = PostMessages.IdOf(hash, item.BodyHash, pass.FirstAt);
                PostMessages.SetKey(item.Draft, (hash, item.BodyHash));
            }
            else
            {
                item.Request = whole is var (batch, body)
                    ? Id.Derive(Id.DayOf(wholePass.FirstAt), batch.ToByteArray(bigEndian: true), body.ToByteArray(bigEndian: true), BitConverter.GetBytes(item.Index))
                    : Id.New(pass.FirstAt);
                PostMessages.SetKey(item.Draft, whole);
            }

            RequestRecords.Complete(item.Draft, item.Request, call.Tenant, pass.FirstAt, pass.RepeatSince);
            item.Answer = AnswerOf.Request(item.Draft, item.Request);
        }
    }

    private async Task<Durable> AppendAsync(Call call, List<Item> items, Pass whole)
    {
        var fresh = whole.GoesThrough ? items.Where(it => it.Problem is null && it.Pass!.Value.GoesThrough).ToList() : [];
        if (fresh.Count == 0)
        {
            return Durable.Log;
        }

        var durable = await messages.AppendAsync(call.Http, fresh.ConvertAll(it => it.Draft));
        fresh.ForEach(it => recent.Add(it.Draft, it.Request));
        return durable;
    }

    private static BatchAnswer AnswerFor(List<Item> items, Durable durable) => new(durable.Name(),
    [
        .. items.Select(it => it.Problem is { } problem ? AnswerOf.Item(it.Index, problem) : AnswerOf.Item(it.Index, it.Answer!, it.Pass!.Value.Kind is PassKind.Replay)),
    ]);

    private static Problem NoneAccepted(List<Item> items) => new(
        StatusCodes.Status400BadRequest, "none_accepted", "No item of the batch was accepted", "The errors name each item's faults.", items.Exists(it => it.Problem!.Retryable))
    {
        Errors =
        [
            .. items.SelectMany(it => it.Problem!.Errors.Count > 0
                ? it.Problem.Errors
                : [new Fault(string.Create(CultureInfo.InvariantCulture, $"/messages/{it.Index}"), it.Problem.Code, it.Problem.Detail)]).Take(Faults.Max),
        ],
    };

    /// <summary>What is left for the items of one batch together.</summary>
    private sealed class Room
    {
        private int _faults = Faults.Max;

        public long ExpandedBytes { get; set; }

        /// <returns>false: the batch is full here, for whatever comes behind too; callers cut a batch at a place, and do not pick what fits.</returns>
        public bool Take(long expandedBytes)
        {
            if (expandedBytes > ExpandedBytes)
            {
                ExpandedBytes = -1;
                return false;
            }

            ExpandedBytes -= expandedBytes;
            return true;
        }

        /// <summary>Every refused item has one at least.</summary>
        public List<Fault> Take(IEnumerable<Fault> faults)
        {
            var taken = faults.Take(Math.Max(_faults, 1)).ToList();
            _faults -= taken.Count;
            return taken;
        }
    }

    /// <summary>One request of the batch on its way.</summary>
    private sealed class Item(int index, MessageDraft draft)
    {
        public int Index => index;

        public MessageDraft Draft => draft;

        public Guid BodyHash { get; set; }

        /// <summary>Why it is refused; null: it is not.</summary>
        public Problem? Problem { get; set; }

        public Pass? Pass { get; set; }

        public Id Request { get; set; }

        public RequestAnswer? Answer { get; set; }

        public void Settle(Door door)
        {
            if (Pass is { GoesThrough: true, Held: not null } pass)
            {
                door.Settle(pass);
            }
        }

        public void Fail(Door door, Exception reason)
        {
            if (Pass is { } pass)
            {
                door.Fail(pass, reason);
            }
        }
    }
}
