using Dispatch.Store;

namespace Dispatch.Feedback;

/// <summary>Goes on trying while the store is away or refuses writes; everything else is the caller's.</summary>
static class Patience
{
    private static readonly TimeSpan RestMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RestMax = TimeSpan.FromSeconds(2);

    public static async Task<T> WhileAwayAsync<T>(Func<Task<T>> work, FeedbackHealth health, ILogger logger, CancellationToken stop)
    {
        var rest = RestMin;
        while (true)
        {
            try
            {
                var result = await work();
                if (health.Resume() is { } paused)
                {
                    logger.Resumed(paused);
                }

                return result;
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e))
            {
                if (health.Pause(e.Message))
                {
                    logger.Paused(e.Message);
                }

                await Task.Delay(rest, stop);
                rest = TimeSpan.FromTicks(Math.Min(RestMax.Ticks, rest.Ticks * 2));
            }
        }
    }
}
