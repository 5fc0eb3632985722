namespace Dispatch.Stories.Tests.Separate;

/// <summary>The same with two clusters attached, main and east, of one node each: eight brokers would leave two processors nothing.</summary>
public sealed class TwoClusters() : Deployment(nodes: 1, hasEast: true);

[CollectionDefinition(Name)]
public sealed class MigrationStories : ICollectionFixture<TwoClusters>
{
    public const string Name = "two clusters";
}
