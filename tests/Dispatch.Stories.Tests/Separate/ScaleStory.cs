using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

public sealed class ScaleStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly string[] Scaled = ["ingest", "router", "push", "email", "sms"];

    /// <summary>No process dies, so nothing may be doubled: partitions change hands when what was in flight has settled.</summary>
    [SeparateFact]
    public Task Services_scaled_from_one_to_three_and_back_under_load_lose_and_double_nothing() => PlayAsync(seed: 202, PerSecond * 2 / 3, async session =>
    {
        List<Instance> more = [.. Scaled.Concat(Scaled).Select(Deployment.Add)];
        try
        {
            foreach (var instance in more)
            {
                Mark($"starting {instance.Name}");
                await instance.StartAsideAsync(StartPatience);
            }

            Mark("three of each");
            await GoesThroughAsync(session);
            foreach (var instance in Enumerable.Reverse(more))
            {
                Mark($"stopping {instance.Name}");
                await instance.StopAsync();
            }

            Mark("one of each");
            await GoesThroughAsync(session);
        }
        finally
        {
            foreach (var instance in more)
            {
                await Deployment.RemoveAsync(instance);
            }
        }
    });
}
