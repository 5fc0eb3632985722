namespace Dispatch.Log.Files;

/// <summary>
/// Tells the appends of a group that they are durable, one after the other in one work item of the pool: with an item for each, waking threads up and handing over cost more than
/// what callers have left to do, which is to answer. Commits have an item each, because a hop may go on with its next batch.
/// </summary>
sealed class Served(List<Pending> appends) : IThreadPoolWorkItem
{
    public static void Tell(List<Pending> group)
    {
        var appends = new List<Pending>(group.Count);
        foreach (var pending in group)
        {
            if (pending.Type == FrameType.Append)
            {
                appends.Add(pending);
            }
            else
            {
                pending.Succeed(here: false);
            }
        }

        if (appends.Count > 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(new Served(appends), preferLocal: false);
        }
    }

    public void Execute() => appends.ForEach(pending => pending.Succeed(here: true));
}
