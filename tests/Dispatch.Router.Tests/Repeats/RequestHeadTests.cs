using Dispatch.Contracts;
using Dispatch.Router.Repeats;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;

namespace Dispatch.Router.Tests.Repeats;

public class RequestHeadTests
{
    [Fact]
    public void Reads_without_decoding_what_decoding_finds() => Prop.ForAll(
        (from recipients in Gen.Choose(0, 4)
         from addresses in Gen.Choose(0, 3)
         from chunk in Gen.Choose(0, 300)
         from marked in Gen.Elements(0, 1_795_000_000_000)
         select (recipients, addresses, chunk, marked)).ToArbitrary(),
        it =>
        {
            var request = Given.Request(TrafficClass.Campaign, Enumerable.Range(0, it.recipients).Select(_ => Given.Reached(Given.Recipient(), Topics.Channels.Take(it.addresses))));
            (request.Chunk, request.RepeatSince) = ((uint)it.chunk, it.marked);
            return RequestHead.TryRead(request.ToByteArray(), out var head) && head == RequestHead.Of(request) && head.IsMarked == (it.marked != 0);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Another_chunk_is_another_record()
    {
        var request = Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email);
        var other = request.Clone();
        other.Chunk = 1;
        RequestHead.Of(other).Key.ShouldNotBe(RequestHead.Of(request).Key);
    }

    [Fact]
    public void A_repeat_that_comes_after_midnight_is_the_same_record()
    {
        var request = Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email);
        var tomorrow = request.Clone();
        tomorrow.RequestId = ByteString.CopyFrom(new Id(Id.From(request.RequestId.Span).Value + (UInt128.One << 112)).ToBytes());
        RequestHead.Of(tomorrow).Key.ShouldBe(RequestHead.Of(request).Key);
    }

    [Fact]
    public void Whatever_the_bytes_are_it_answers() => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(),
        bytes =>
        {
            RequestHead.TryRead(bytes, out _);
            var cut = Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email).ToByteArray();
            return !RequestHead.TryRead(cut.AsSpan(0, 10), out _);
        }).QuickCheckThrowOnFailure();
}
