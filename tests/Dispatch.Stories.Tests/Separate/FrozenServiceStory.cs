using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

public sealed class FrozenServiceStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly TimeSpan Frozen = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A process that stands still knows nothing of it. When it goes on, its partitions are others', and so is everything in them that it had not sent; only what had left it may arrive twice.
    /// </summary>
    [SeparateFact]
    public async Task A_dispatcher_and_then_a_Router_frozen_for_two_minutes_start_nothing_that_others_own_when_they_thaw()
    {
        var thawed = DateTimeOffset.MaxValue;
        await PlayAsync(seed: 203, perSecond: PerSecond, async session =>
        {
            Instance[] seconds = [Deployment.Add("push"), Deployment.Add("router")];
            try
            {
                await Task.WhenAll(seconds.Select(it => it.StartAsync(StartPatience)));
                await GoesThroughAsync(session);
                await FreezeAsync(session, Deployment["push"], Deployment["router"], at => thawed = at);
                await GoesThroughAsync(session);
            }
            finally
            {
                foreach (var second in seconds)
                {
                    await Deployment.RemoveAsync(second);
                }
            }

            await GoesThroughAsync(session);
        }, inFlightWindow: InFlightMax);

        var late = Oracle.Read(Deployment.Oracle).Where(it => it.Accepted && it.MessageId.Length > 0).GroupBy(it => it.MessageId)
            .Count(copies => copies.Any(it => it.At < thawed) && copies.Any(it => it.At >= thawed));
        Tell($"{late} messages arrived before the thaw and again after it; at most {InFlightMax} may, which had left the process when it stood still");
        late.ShouldBeLessThanOrEqualTo(InFlightMax);
    }

    private async Task FreezeAsync(Session session, Instance dispatcher, Instance router, Action<DateTimeOffset> thawing)
    {
        Mark($"SIGSTOP {dispatcher.Name}");
        dispatcher.Process.Freeze();
        await Task.Delay(Between);
        Mark($"SIGSTOP {router.Name}");
        router.Process.Freeze();
        await GoesThroughAsync(session); // others have taken over
        await Task.Delay(Frozen - Between);
        Mark($"SIGCONT {dispatcher.Name}");
        thawing(DateTimeOffset.UtcNow);
        dispatcher.Process.Thaw();
        await Task.Delay(Between);
        Mark($"SIGCONT {router.Name}");
        router.Process.Thaw();
    }
}
