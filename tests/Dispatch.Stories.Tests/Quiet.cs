namespace Dispatch.Stories.Tests;

/// <summary>Stories that judge when something happened: they want the machine for themselves, and come when the others are through.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Quiet
{
    public const string Name = "quiet";
}
