using Dispatch.Log.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Dispatch.Log.Tests.Clusters;

public class KafkaClustersTests
{
    [Fact]
    public void One_cluster_is_number_0_is_named_main_and_gets_everything() =>
        KafkaClusters.Of(Configuration(("Brokers", "a:1"), ("Partitions", "4"))).Single()
            .ShouldSatisfyAllConditions(it => (it.Number, it.Name, it.Weight, it.Brokers, it.Partitions).ShouldBe((0, "main", 100, "a:1", 4)));

    [Fact]
    public void A_second_one_has_the_common_settings_its_own_on_top_and_no_weight()
    {
        var clusters = KafkaClusters.Of(Configuration(
            ("Brokers", "a:1"), ("Replication", "2"), ("Client:security.protocol", "ssl"), ("Clusters:1:Name", "east"), ("Clusters:1:Brokers", "b:1"), ("Clusters:1:Client:ssl.ca.location", "/ca")));
        clusters.Select(it => (it.Number, it.Name, it.Brokers, it.Replication, it.Weight)).ShouldBe([(0, "main", "a:1", 2, 100), (1, "east", "b:1", 2, 0)]);
        clusters[1].Client.Keys.ShouldBe(["security.protocol", "ssl.ca.location"], ignoreOrder: true);
        clusters[0].Client.Keys.ShouldBe(["security.protocol"]);
    }

    [Fact]
    public void After_the_first_was_removed_the_other_keeps_its_number() =>
        KafkaClusters.Of(Configuration(("Clusters:1:Name", "east"), ("Clusters:1:Brokers", "b:1"))).Select(it => (it.Number, it.Weight)).ShouldBe([(1, 100)]);

    [Theory]
    [InlineData("is not set")]
    [InlineData("are named 'main'", "Brokers=a:1", "Clusters:1:Name=main", "Clusters:1:Brokers=b:1")]
    [InlineData("Name", "Brokers=a:1", "Clusters:1:Brokers=b:1")]
    [InlineData("Brokers", "Brokers=a:1", "Clusters:1:Name=east", "Clusters:1:Brokers=")]
    [InlineData("Number", "Brokers=a:1", "Clusters:100:Name=east", "Clusters:100:Brokers=b:1")]
    [InlineData("Weight", "Brokers=a:1", "Weight=101")]
    public void What_makes_no_sense_is_named(string fault, params string[] settings) =>
        Should.Throw<OptionsValidationException>(() => KafkaClusters.Of(Configuration([.. settings.Select(it => it.Split('=')).Select(it => (it[0], it[1]))]))).Message.ShouldContain(fault);

    private static IConfiguration Configuration(params (string Key, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(it => new KeyValuePair<string, string?>($"Dispatch:Kafka:{it.Key}", it.Value))).Build();
}
