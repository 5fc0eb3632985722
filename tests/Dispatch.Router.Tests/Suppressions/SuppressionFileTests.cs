using Dispatch.Contracts;
using Dispatch.Router.Suppressions;
using Dispatch.Testing;

namespace Dispatch.Router.Tests.Suppressions;

public sealed class SuppressionFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SuppressionFile _file;

    public SuppressionFileTests() => _file = new SuppressionFile(_folder["suppressions"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_and_appended_is_read_again()
    {
        _file.Read().ShouldBeNull();
        _file.Replace([Change(1), Change(2)]);
        _file.Append([Change(3), Change(1) with { Suppressed = false }]);
        _file.Read().ShouldBe([Change(1), Change(2), Change(3), Change(1) with { Suppressed = false }]);
        _file.Replace([]);
        _file.Read().ShouldBe([]);
    }

    [Fact]
    public void A_torn_end_is_left_out_and_appended_over()
    {
        for (var torn = 1; torn < 22; torn++)
        {
            _file.Replace([Change(1), Change(2)]);
            using (var file = File.OpenWrite(_folder["suppressions"]))
            {
                file.SetLength(file.Length - torn);
            }

            _file.Read().ShouldBe([Change(1)]);
            _file.Append([Change(3)]);
            _file.Read().ShouldBe([Change(1), Change(3)]);
        }
    }

    [Fact]
    public void Nothing_behind_a_flipped_bit_is_believed()
    {
        _file.Replace([Change(1), Change(2), Change(3)]);
        var whole = File.ReadAllBytes(_folder["suppressions"]);
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var flipped = whole.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(_folder["suppressions"], flipped);
            var entry = ((bit / 8) - 8) / 22;
            if (bit / 8 < 8)
            {
                _file.Read().ShouldBeNull(); // not this format
            }
            else
            {
                _file.Read().ShouldBe([.. new[] { Change(1), Change(2), Change(3) }.Take(entry)]);
            }
        }
    }

    private static SuppressionChange Change(int n) => new(Channel.Email, (UInt128)n << 90, true);
}
