using System.Buffers.Binary;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;
using Dispatch.Store;
using Dispatch.Store.Control;

namespace Dispatch.Ingest.Resources;

/// <summary>An address that gets nothing. The address itself is kept nowhere, only its keyed hash, which the id is made of: the same address has the same id.</summary>
sealed record SuppressionAnswer(string Id, string Channel, string Reason, DateTimeOffset CreatedAt);

sealed class SuppressionDraft
{
    public List<Address> Addresses { get; } = [];

    public string Reason { get; set; } = "";

    public Address Add(Channel channel, string value)
    {
        var address = new Address { Channel = channel, Value = value };
        Addresses.Add(address);
        return address;
    }
}

/// <summary>`/v1/suppressions`. A change holds in every Router within seconds.</summary>
sealed class SuppressionResource(SuppressionStore suppressions, Recipients recipients, ControlStore control, Replays replays, TimeProvider clock)
{
    private const int BodyBytesMax = 16 * 1_024;
    private const int CursorLength = sizeof(long) + 1 + Id.Size;

    public static readonly IReadOnlyList<Parameter> ListParameters = [new("channel", "push, email or sms."), .. Parameter.Paging];

    public static readonly Shape<SuppressionDraft> New = new("Suppression", "One of email, phone and push.",
        new TextField<SuppressionDraft>("email", "The address.", (it, value) => it.Add(Channel.Email, value)) { LengthMax = 320, Format = "email" },
        new TextField<SuppressionDraft>("phone", "E.164.", (it, value) => it.Add(Channel.Sms, value)) { LengthMax = 32 },
        new ObjectField<SuppressionDraft, Address>("push", "The token.", MessageShapes.PushAddress, it => it.Add(Channel.Push, "")),
        new TextField<SuppressionDraft>("reason", "Why; no address.", (it, value) => it.Reason = value) { Required = true, LengthMax = 200 });

    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, ListParameters);
        var (channel, cursor, pageSize) = (query.Channel(), query.Cursor(CursorLength), query.PageSize());
        query.Check();
        var last = cursor is null ? null : new Suppression(
            call.Tenant, (Channel)cursor[sizeof(long)], cursor[(sizeof(long) + 1)..], "", new DateTimeOffset(Math.Clamp(BinaryPrimitives.ReadInt64BigEndian(cursor), 0, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero));
        var found = await suppressions.ListAsync(call.Tenant, channel, last, pageSize + 1, call.Aborted);
        await Answer.JsonAsync(call.Http, 200, Page.Of(found, pageSize, AnswerFor, CursorOf), WireJson.Default.PageSuppressionAnswer);
    }

    public async Task CreateAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var draft = JsonBody.Read(body.Bytes, New, new SuppressionDraft(), Check);
        var address = draft.Addresses[0];
        var row = new Suppression(call.Tenant, address.Channel, recipients.KeyOf(call.Tenant, address), draft.Reason, clock.GetUtcNow());
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var added = await suppressions.AddAsync([row], call.Aborted);
            await AuditAsync(call, "suppression.create", row);
            return Made.Of(added == 1 ? 201 : 200, AnswerFor(row), WireJson.Default.SuppressionAnswer);
        });
    }

    public async Task DeleteAsync(Call call)
    {
        var text = (string?)call.Http.Request.RouteValues["id"];
        foreach (var channel in Topics.Channels)
        {
            if (Id.TryParse(text, Prefix(channel), out var key) && await suppressions.RemoveAsync(call.Tenant, channel, key.ToBytes(), call.Aborted))
            {
                await AuditAsync(call, "suppression.delete", new Suppression(call.Tenant, channel, key.ToBytes(), "", clock.GetUtcNow()));
                call.Http.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            }
        }

        throw new RefusedException(Problem.NotFound("suppression"));
    }

    private Task AuditAsync(Call call, string what, Suppression row) => control.AuditAsync(
        clock.GetUtcNow(), call.Key.Id, what, System.Text.Json.JsonSerializer.Serialize(AnswerFor(row), WireJson.Default.SuppressionAnswer), CancellationToken.None);

    private static void Check(SuppressionDraft draft, Faults faults)
    {
        if (draft.Addresses.Count != 1)
        {
            faults.Add("one_address", "names one address: email, phone or push");
            return;
        }

        var address = draft.Addresses[0];
        if (Recipients.Canonicalise(address) is { } rejected)
        {
            faults.Add(address.Channel switch { Channel.Email => "email", Channel.Sms => "phone", _ => "push" }, rejected.Code, rejected.Detail);
        }
    }

    private static byte[] CursorOf(Suppression row)
    {
        var cursor = new byte[CursorLength];
        BinaryPrimitives.WriteInt64BigEndian(cursor, row.CreatedAt.UtcTicks);
        cursor[sizeof(long)] = (byte)row.Channel;
        row.AddressKey.CopyTo(cursor, sizeof(long) + 1);
        return cursor;
    }

    private static string Prefix(Channel channel) => $"sup_{Topics.Name(channel)}_";

    private static SuppressionAnswer AnswerFor(Suppression row) =>
        new(Id.From(row.AddressKey).ToText(Prefix(row.Channel)), Topics.Name(row.Channel), row.Reason, row.CreatedAt);
}
