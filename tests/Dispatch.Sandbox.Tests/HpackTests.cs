using System.Text;
using Dispatch.Sandbox.Http2;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Sandbox.Tests;

public class HpackTests
{
    /// <summary>RFC 7541, C.3 and C.4: three requests on one connection, without and with Huffman.</summary>
    [Theory]
    [InlineData("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")]
    [InlineData("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")]
    public void Requests_of_the_RFC(string first, string second, string third)
    {
        var decoder = new HpackDecoder();
        Decoded(decoder, first).ShouldBe([":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]);
        decoder.TableSize.ShouldBe(57);
        Decoded(decoder, second).ShouldBe([":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"]);
        decoder.TableSize.ShouldBe(110);
        Decoded(decoder, third).ShouldBe([":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"]);
        decoder.TableSize.ShouldBe(164);
    }

    /// <summary>RFC 7541, C.5 and C.6: a table of 256 octets, so that entries are evicted.</summary>
    [Theory]
    [InlineData(
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31")]
    [InlineData(
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void Responses_of_the_RFC_with_eviction(string first, string second, string third)
    {
        const string location = "location: https://www.example.com";
        var decoder = new HpackDecoder(tableSizeMax: 256);
        Decoded(decoder, first).ShouldBe([":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", location]);
        decoder.TableSize.ShouldBe(222);
        Decoded(decoder, second).ShouldBe([":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", location]);
        decoder.TableSize.ShouldBe(222);
        Decoded(decoder, third).ShouldBe([
            ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", location, "content-encoding: gzip",
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"]);
        decoder.TableSize.ShouldBe(215);
    }

    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an empty dynamic table")]
    [InlineData("ff80808080808001", "an integer without end")]
    [InlineData("0005616263", "a string longer than the block")]
    [InlineData("00", "a block that ends inside a field")]
    [InlineData("3fe21f", "a table above the limit")]
    [InlineData("8220", "a table size behind a field")]
    [InlineData("000181ff0161", "padding of more than seven bits")]
    [InlineData("00018100" + "0161", "padding of zeros")]
    [InlineData("0084ffffffff0161", "the end of string inside a string")]
    public void Broken_blocks_are_compression_errors(string hex, string what) =>
        Should.Throw<Http2Exception>(() => Decoded(new HpackDecoder(), hex), what).Code.ShouldBe(Http2Error.CompressionError);

    [Fact]
    public void A_header_list_without_measure_is_refused()
    {
        var block = new ByteBuffer(64);
        for (var i = 0; i < 5; i++)
        {
            HpackWriter.Field(block, "x"u8, new byte[4000]);
        }

        Should.Throw<Http2Exception>(() => new HpackDecoder().Decode(block.Written, new HeaderStore())).Code.ShouldBe(Http2Error.EnhanceYourCalm);
    }

    [Fact]
    public void Any_octets_are_headers_or_a_protocol_error() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), octets =>
    {
        try
        {
            new HpackDecoder().Decode(octets, new HeaderStore());
        }
        catch (Http2Exception)
        {
            // named, and the connection ends
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_written_is_read() => Prop.ForAll(ArbMap.Default.ArbFor<(NonEmptyString, string)[]>(), fields =>
    {
        var block = new ByteBuffer(16);
        foreach (var (name, value) in fields)
        {
            HpackWriter.Field(block, Encoding.UTF8.GetBytes(name.Get), Encoding.UTF8.GetBytes(value ?? ""));
        }

        var read = new HeaderStore();
        new HpackDecoder().Decode(block.Written, read);
        Lines(read).ShouldBe(fields.Select(field => $"{Utf8(field.Item1.Get)}: {Utf8(field.Item2 ?? "")}"));
    }).QuickCheckThrowOnFailure();

    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)); // lone surrogates do not survive any wire

    private static List<string> Decoded(HpackDecoder decoder, string hex)
    {
        var store = new HeaderStore();
        decoder.Decode(Convert.FromHexString(hex), store);
        return Lines(store);
    }

    private static List<string> Lines(HeaderStore store) =>
        [.. Enumerable.Range(0, store.Count).Select(i => $"{Encoding.UTF8.GetString(store.NameAt(i))}: {Encoding.UTF8.GetString(store.ValueAt(i))}")];
}
