using Dispatch.Router.Suppressions;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Router.Tests.Suppressions;

public class AddressSetTests
{
    [Fact]
    public void Holds_what_a_set_holds() => Prop.ForAll(
        // Keys that collide in their low bits, so that gaps are closed across the table's edge.
        Gen.Choose(1, 40).SelectMany(key => Gen.Frequency((2, Gen.Constant(true)), (1, Gen.Constant(false))), (key, add) => (Key: ((UInt128)key << 70) | (uint)(key % 7 * 11), Add: add)).ListOf().ToArbitrary(),
        steps =>
        {
            var (set, model) = (new AddressSet(), new HashSet<UInt128>());
            foreach (var (key, add) in steps)
            {
                if (add)
                {
                    set.Add(key);
                    model.Add(key);
                }
                else
                {
                    set.Remove(key);
                    model.Remove(key);
                }
            }

            return set.Count == model.Count && model.SetEquals(set.Keys) && Enumerable.Range(1, 40).All(key =>
                set.Contains(((UInt128)key << 70) | (uint)(key % 7 * 11)) == model.Contains(((UInt128)key << 70) | (uint)(key % 7 * 11)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(300));

    [Fact]
    public void Grows_with_what_it_holds()
    {
        var set = new AddressSet();
        for (var i = 1; i <= 10_000; i++)
        {
            set.Add((UInt128)i * 0x9E3779B97F4A7C15UL);
        }

        set.Count.ShouldBe(10_000);
        Enumerable.Range(1, 10_000).ShouldAllBe(i => set.Contains((UInt128)i * 0x9E3779B97F4A7C15UL));
        set.Contains(5).ShouldBeFalse();
    }
}
