using System.Buffers;
using System.Text;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Tests.Http2;

public class HpackTests
{
    /// <summary>RFC 7541, appendix C.6: three answers on one connection, Huffman-packed, through a table that evicts.</summary>
    [Fact]
    public void Reads_the_answers_of_the_rfc_in_a_row()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, "3fe101" + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3").Status.ShouldBe(302);
        Decode(decoder, "4883640effc1c0bf").Status.ShouldBe(307);
        Decode(decoder, "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")
            .Status.ShouldBe(200);
    }

    [Theory] // RFC 7541, appendix C.4 and C.6
    [InlineData("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com")]
    [InlineData("a8eb10649cbf", "no-cache")]
    [InlineData("25a849e95bb8e8b4bf", "custom-value")]
    [InlineData("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT")]
    public void Unpacks_the_strings_of_the_rfc(string packed, string text)
    {
        var from = Convert.FromHexString(packed);
        var to = new byte[Huffman.DecodedMax(from.Length)];
        Encoding.ASCII.GetString(to, 0, Huffman.Decode(from, to)).ShouldBe(text);
    }

    [Theory]
    [InlineData("80")] // index 0
    [InlineData("c6")] // beyond the table
    [InlineData("3fe2ff03")] // a larger table than our settings allow
    [InlineData("0fffffffffff")] // an integer without end
    [InlineData("0003616263")] // a name without its value
    [InlineData("00036162")] // a string longer than the block
    [InlineData("0885ffffffffff")] // 30 bits of ones: end-of-string inside a string
    [InlineData("08810e")] // padding that is not all ones
    [InlineData("0802ffff")] // a status that is no number
    public void A_broken_block_is_a_fault_of_the_peer(string block) =>
        Should.Throw<Http2Exception>(() => Decode(new HpackDecoder(), block));

    [Fact]
    public void Random_blocks_end_as_a_fault_or_a_field_and_never_otherwise()
    {
        var random = new Random(7541);
        for (var i = 0; i < 20_000; i++)
        {
            var block = new byte[random.Next(1, 40)];
            random.NextBytes(block);
            try
            {
                Decode(new HpackDecoder(), Convert.ToHexString(block));
            }
            catch (Http2Exception)
            {
                // the only way out that is allowed
            }
        }
    }

    [Fact]
    public void What_we_write_never_touches_the_peers_table()
    {
        var block = new ArrayBufferWriter<byte>();
        block.Write(HpackWriter.Post("api.push.apple.com"));
        HpackWriter.Path(block, "/3/device/", new string('a', 300));
        HpackWriter.Field(block, "apns-collapse-id"u8, "otp");
        // 0x83, 0x87: static; then only 0000xxxx, literal without indexing
        Convert.ToHexString(block.WrittenSpan[..3]).ShouldBe("838701");
        Convert.ToHexString(block.WrittenSpan)[(2 * (2 + 2 + 18))..].ShouldStartWith("04" + "7FB701"); // path: index 4, length 310 = 127 + 0xB7,0x01
        Convert.ToHexString(block.WrittenSpan).ShouldEndWith("00" + "10" + Convert.ToHexString("apns-collapse-id"u8) + "03" + Convert.ToHexString("otp"u8));
    }

    [Theory]
    [InlineData("9f1c", true)]
    [InlineData("fMx:APA91b-_~.", true)]
    [InlineData("", false)]
    [InlineData("a/b", false)]
    [InlineData("a\r\nx: y", false)]
    [InlineData("a b", false)]
    [InlineData("ä", false)]
    public void A_path_takes_nothing_that_could_mean_more_than_itself(string token, bool taken) => HpackWriter.IsPathSegment(token).ShouldBe(taken);

    private static Http2Head Decode(HpackDecoder decoder, string hex)
    {
        Http2Head head = default;
        decoder.Decode(Convert.FromHexString(hex), ref head);
        return head;
    }
}
