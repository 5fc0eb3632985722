using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Contracts.Tests;

public class IdTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Text_and_bytes_and_guid_give_the_id_back() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(ulong High, ulong Low)>(), halves =>
        {
            var id = new Id(new UInt128(halves.High, halves.Low));
            return Id.TryParse(id.ToText("msg_"), "msg_", out var parsed) && parsed == id && Id.From(id.ToBytes()) == id && Id.FromGuid(id.ToGuid()) == id;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("msg_")]
    [InlineData("req_00000000000000000000000000")]
    [InlineData("msg_0000000000000000000000000")]
    [InlineData("msg_000000000000000000000000000")]
    [InlineData("msg_80000000000000000000000000")] // 129 bits
    [InlineData("msg_0000000000000000000000000U")] // no U in Crockford's alphabet
    [InlineData("msg_0000000000000000000000000a")] // one spelling for one id
    public void What_ToText_did_not_write_is_no_id(string? text) => Id.TryParse(text, "msg_", out _).ShouldBeFalse();

    [Fact]
    public void Ids_sort_by_time_as_numbers_as_text_and_in_the_store()
    {
        var ids = Enumerable.Range(0, 1_000).Select(i => Id.New(Now.AddHours(i).AddMilliseconds(i))).ToList();
        ids.ShouldBe(ids.OrderBy(id => id));
        ids.ShouldBe(ids.OrderBy(id => id.ToText("req_"), StringComparer.Ordinal));
        ids.ShouldBe(ids.OrderBy(id => Convert.ToHexString(id.ToGuid().ToByteArray(bigEndian: true)), StringComparer.Ordinal));
    }

    [Fact]
    public void An_id_knows_its_day()
    {
        Id.New(Now).Day.ShouldBe(new DateOnly(2026, 11, 20));
        Id.Derive(Id.DayOf(Now), new byte[] { 1 }).Day.ShouldBe(new DateOnly(2026, 11, 20));
        Id.DateOf(Id.DayOf(Now)).ShouldBe(new DateOnly(2026, 11, 20));
        Id.DayOf(new DateOnly(2026, 11, 20)).ShouldBe(Id.DayOf(Now));
    }

    [Fact]
    public void Derived_ids_depend_on_every_part_and_its_border()
    {
        var day = Id.DayOf(Now);
        Id.Derive(day, "ab"u8.ToArray(), "c"u8.ToArray()).ShouldNotBe(Id.Derive(day, "a"u8.ToArray(), "bc"u8.ToArray()));
        Id.Derive(day, "a"u8.ToArray()).ShouldBe(Id.Derive(day, "a"u8.ToArray()));
        Id.Derive(day, "a"u8.ToArray()).ShouldNotBe(Id.Derive(day + 1, "a"u8.ToArray()));
    }

    [Fact]
    public void A_message_is_named_by_request_recipient_channel_and_address()
    {
        var request = Id.New(Now);
        var key = new byte[RecipientKey.Size];
        var ids = new[]
        {
            Id.OfMessage(request, key, Channel.Push, "apns", "shop", "t"), Id.OfMessage(request, key, Channel.Push, "fcm", "shop", "t"),
            Id.OfMessage(request, key, Channel.Push, "apns", "shop2", "t"), Id.OfMessage(request, key, Channel.Email, "", "", "t"),
            Id.OfMessage(request, key, Channel.Sms, "", "", "t"), Id.OfMessage(Id.New(Now), key, Channel.Push, "apns", "shop", "t"),
        };
        ids.Distinct().Count().ShouldBe(ids.Length);
        ids.ShouldAllBe(id => id.Day == request.Day);
    }

    [Fact]
    public void A_recipient_key_needs_the_secret_and_keeps_tenants_and_kinds_apart()
    {
        var keys = new RecipientKey(new byte[] { 1 });
        var all = new[]
        {
            keys.OfUser("a", "x"), keys.OfUser("b", "x"), keys.OfAddress("a", "x"), new RecipientKey(new byte[] { 2 }).OfUser("a", "x"), keys.OfUser("a", "y"),
        };
        all.Select(Convert.ToHexString).Distinct().Count().ShouldBe(all.Length);
        all.ShouldAllBe(key => key.Length == RecipientKey.Size);
        keys.OfUser("a", "x").ShouldBe(keys.OfUser("a", "x"));
    }
}
