namespace Dispatch.Stories.Tests.Separate;

/// <summary>The same with two clusters attached, main and east, of three nodes each.</summary>
public sealed class TwoClusters() : Deployment(hasEast: true);

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MigrationStories : ICollectionFixture<TwoClusters>
{
    public const string Name = "two clusters";
}
