using Dispatch.Contracts;

namespace Dispatch.Channels.Flow;

/// <summary>What decides which lanes may serve a message.</summary>
readonly record struct RouteKey(TrafficClass Class, string Tenant, string Provider, string App, string Environment)
{
    private const string Production = "production";

    public static RouteKey Of(Message message) => message.Channel == Channel.Push
        ? new(message.Class, message.Tenant, message.Address.Provider, message.Address.App, message.Address.Environment is { Length: > 0 } named ? named : Production)
        : new(message.Class, message.Tenant, "", "", "");

    public bool MayUse(LaneOptions lane) =>
        (Provider.Length == 0 || Provider == lane.Provider)
        && (lane.Tenants.Count == 0 || lane.Tenants.Contains(Tenant))
        && (App.Length == 0 || lane.Apps.Count == 0 || lane.Apps.Contains(App))
        && (Environment.Length == 0 || lane.Environment.Length == 0 || Environment == lane.Environment);
}

/// <summary>The messages of one class that the same lanes may serve, waiting.</summary>
sealed class Route(RouteKey key, bool[] servedBy)
{
    public RouteKey Key { get; } = key;

    public Queue<WorkItem> First { get; } = new();

    /// <summary>Those that were tried before.</summary>
    public Queue<WorkItem> Again { get; } = new();

    /// <summary>Among its class's, so that lanes find it.</summary>
    public bool IsListed { get; set; }

    public int Count => First.Count + Again.Count;

    /// <summary>By the lane's number.</summary>
    public bool IsServedBy(int lane) => servedBy[lane];
}
