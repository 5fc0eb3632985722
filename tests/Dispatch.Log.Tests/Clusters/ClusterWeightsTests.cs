using System.Security.Cryptography;
using Dispatch.Contracts;
using Dispatch.Log.Clusters;

namespace Dispatch.Log.Tests.Clusters;

/// <summary>Which cluster a key goes to: no log is needed for that.</summary>
public class ClusterWeightsTests
{
    private const int Partitions = 8;
    private static readonly byte[][] Keys = [.. Enumerable.Range(0, 20_000).Select(n => SHA256.HashData(BitConverter.GetBytes(n))[..16])];

    private readonly ClusterWeights _weights = new([new Cluster(0, "main", 100, null!), new Cluster(3, "east", 0, null!)]);

    [Theory]
    [InlineData("main=1", 0)]
    [InlineData("main=99,east=1", 0.01)]
    [InlineData("main=1,east=1", 0.5)]
    [InlineData("east=5", 1)]
    public void A_share_is_a_share_of_the_keys_in_every_partition(string shares, double east)
    {
        _weights.Set(Shares.Parse(shares));
        foreach (var partition in Keys.GroupBy(key => Partitioner.Of(key, Partitions)))
        {
            (partition.Count(IsEast) / (double)partition.Count()).ShouldBe(east, tolerance: 0.04);
        }
    }

    [Fact]
    public void A_share_that_grows_takes_keys_and_gives_none_back()
    {
        HashSet<byte[]> before = [];
        for (var percent = 1; percent <= 100; percent += 9)
        {
            _weights.Set(Shares.Parse("main=1").Towards(Shares.Parse("east=1"), percent));
            var now = Keys.Where(IsEast).ToHashSet();
            now.IsSupersetOf(before).ShouldBeTrue();
            before = now;
        }
    }

    [Fact]
    public void Who_is_not_attached_is_named_and_nothing_changes()
    {
        Should.Throw<ArgumentException>(() => _weights.Set(Shares.Parse("west=1"))).Message.ShouldContain("main, east");
        _weights.Current.ShouldBe(_weights.Configured);
    }

    private bool IsEast(byte[] key) => _weights.Of(key) == 3;
}
