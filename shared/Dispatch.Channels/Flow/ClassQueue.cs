using Dispatch.Contracts;

namespace Dispatch.Channels.Flow;

/// <summary>What waits of one class, by route; under the pool's lock.</summary>
sealed class ClassQueue
{
    private const int RoutesKept = 1_024;

    public List<Route> Routes { get; } = [];

    public int Cursor { get; set; }

    public int Count { get; set; }

    public long Bytes { get; set; }

    public TaskCompletionSource? Room { get; set; }

    /// <summary>Routes that ran empty are few in practice and kept; names that callers make up must not fill the memory.</summary>
    public void Forget(Dictionary<RouteKey, Route> all)
    {
        Cursor = Routes.Count > 0 ? Cursor % Routes.Count : 0;
        if (Routes.Count > RoutesKept || all.Count > RoutesKept)
        {
            Routes.RemoveAll(route => !(route.IsListed = route.Count > 0));
            foreach (var route in all.Values.Where(route => route.Count == 0).ToList())
            {
                all.Remove(route.Key);
            }
        }
    }
}
