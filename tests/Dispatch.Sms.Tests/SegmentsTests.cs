using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Sms.Tests;

public class SegmentsTests
{
    [Theory]
    [InlineData('a', 0, 1)]
    [InlineData('a', 160, 1)]
    [InlineData('a', 161, 2)]
    [InlineData('a', 306, 2)]
    [InlineData('a', 307, 3)]
    [InlineData('é', 160, 1)]
    [InlineData('€', 80, 1)]
    [InlineData('€', 81, 2)]
    [InlineData('€', 152, 2)] // 76 pairs a part: 153 is odd, and no pair is cut
    [InlineData('€', 153, 3)]
    [InlineData('ç', 70, 1)] // the alphabet has the capital alone
    [InlineData('ы', 70, 1)]
    [InlineData('ы', 71, 2)]
    [InlineData('ы', 134, 2)]
    [InlineData('ы', 135, 3)]
    public void Of_one_character_so_many_make(char character, int times, int segments) => Segments.Count(new string(character, times)).ShouldBe(segments);

    [Fact]
    public void A_surrogate_pair_is_two_units_and_stays_together()
    {
        Segments.Count(string.Concat(Enumerable.Repeat("😀", 35))).ShouldBe(1);
        Segments.Count(string.Concat(Enumerable.Repeat("😀", 66))).ShouldBe(2); // 33 a part: 67 is odd
        Segments.Count(string.Concat(Enumerable.Repeat("😀", 67))).ShouldBe(3);
    }

    [Theory]
    [InlineData("Your code: 4711", (int)SmsCoding.Gsm7)]
    [InlineData("ÄÖÜäöüß§¿¡£¥ΔΦΓΛΩΠΨΣΘΞ@_^{}[~]|€\\\r\n\f", (int)SmsCoding.Gsm7)]
    [InlineData("`", (int)SmsCoding.Ucs2)]
    [InlineData("á", (int)SmsCoding.Ucs2)]
    [InlineData("\t", (int)SmsCoding.Ucs2)]
    [InlineData("“quoted”", (int)SmsCoding.Ucs2)]
    public void One_character_decides_the_coding(string text, int coding) => ((int)Segments.CodingOf(text)).ShouldBe(coding);

    /// <summary>The parts are the text; each fits beside its header; no pair is cut; and a part ends only because the next character would not have fitted.</summary>
    [Fact]
    public void Parts_fit_and_join()
    {
        var gsm = Gen.Elements("a", "€", "{", " ", "\n", "é", "code 4711 ", new string('x', 40));
        var any = Gen.Elements("a", "€", "ы", "😀", "\ud83d", "\ude00", "ç", new string('ж', 20), new string('z', 30));
        Prop.ForAll(gsm.ArrayOf().Or(any.ArrayOf()).Select(string.Concat).ToArbitrary(), text =>
        {
            var coding = Segments.CodingOf(text);
            var parts = Segments.Split(text).Select(range => text[range]).ToList();
            var (whole, part) = coding == SmsCoding.Gsm7 ? (160, 153) : (70, 67);

            string.Concat(parts).ShouldBe(text);
            (parts.Count == 1).ShouldBe(Units(text, coding) <= whole);
            parts.Count.ShouldBe(Segments.Count(text));
            for (var i = 0; parts.Count > 1 && i < parts.Count; i++)
            {
                Units(parts[i], coding).ShouldBeLessThanOrEqualTo(part);
                if (i + 1 < parts.Count)
                {
                    var next = parts[i + 1];
                    var pair = next.Length > 1 && char.IsSurrogatePair(next[0], next[1]);
                    (Units(parts[i], coding) + Units(next[..(pair ? 2 : 1)], coding)).ShouldBeGreaterThan(part);
                    char.IsSurrogatePair(parts[i][^1], next[0]).ShouldBeFalse();
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    private static int Units(string text, SmsCoding coding) => coding == SmsCoding.Ucs2 ? text.Length : text.Sum(c => "\f^{}\\[~]|€".Contains(c, StringComparison.Ordinal) ? 2 : 1);
}
