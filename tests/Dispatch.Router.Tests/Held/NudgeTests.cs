using Dispatch.Router.Held;

namespace Dispatch.Router.Tests.Held;

public sealed class NudgeTests
{
    private static readonly TimeSpan Never = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Many_threads_at_once_wake_one_that_waits_and_none_of_them_is_hurt()
    {
        var nudge = new Nudge();
        for (var round = 0; round < 1_000; round++)
        {
            Parallel.For(0, 8, _ => nudge.Give());
            await nudge.WaitAsync(Never, TimeProvider.System, default);
        }

        var spent = nudge.WaitAsync(Never, TimeProvider.System, default);
        spent.IsCompleted.ShouldBeFalse();
        nudge.Give();
        await spent;
    }

    [Fact]
    public async Task Waiting_ends_with_its_time_and_with_its_token()
    {
        var nudge = new Nudge();
        await nudge.WaitAsync(TimeSpan.Zero, TimeProvider.System, default);
        await Should.ThrowAsync<OperationCanceledException>(() => nudge.WaitAsync(Never, TimeProvider.System, new CancellationToken(canceled: true)));
    }
}
