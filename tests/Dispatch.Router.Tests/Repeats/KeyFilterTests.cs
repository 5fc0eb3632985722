using Dispatch.Contracts;
using Dispatch.Router.Repeats;

namespace Dispatch.Router.Tests.Repeats;

public sealed class KeyFilterTests
{
    [Fact]
    public void A_full_one_has_all_its_keys_and_hardly_another()
    {
        var filter = new KeyFilter();
        var now = DateTimeOffset.UtcNow;
        var keys = Enumerable.Range(0, KeyFilter.KeysMax).Select(_ => Id.New(now).Value).ToList();
        keys.ForEach(key => filter.Add(key, now));

        filter.IsFull.ShouldBeTrue();
        keys.ShouldAllBe(key => filter.MayHave(key));
        Enumerable.Range(0, KeyFilter.KeysMax).Count(_ => filter.MayHave(Id.New(now).Value)).ShouldBeLessThan(10);
    }
}
