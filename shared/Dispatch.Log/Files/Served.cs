namespace Dispatch.Log.Files;

/// <summary>
/// Tells a group that it is durable. Appends of one record, callers at the door, one after the other in one work item of the pool: with an item for each, waking threads up and handing
/// over cost more than what is left to do, which is to answer. Everything else has an item of its own: a hop may go on with its next batch, a caller with an answer for a thousand.
/// </summary>
sealed class Served(List<Pending> appends) : IThreadPoolWorkItem
{
    public static void Tell(List<Pending> group)
    {
        var appends = new List<Pending>(group.Count);
        foreach (var pending in group)
        {
            if (pending is { Type: FrameType.Append, Records: 1 })
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
