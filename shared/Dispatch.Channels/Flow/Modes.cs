using Dispatch.Contracts;

namespace Dispatch.Channels.Flow;

/// <summary>What the switch `dispatch` says to one dispatcher. Its own automatic modes are not for itself: its lanes know better.</summary>
sealed class Modes(Channel channel, ChannelControl control, TimeProvider time, string owner)
{
    public enum Order
    {
        Run,
        Pause,
        Drain,
    }

    private ControlSnapshot _seen = ControlSnapshot.Empty;
    private ControlSnapshot _ours = ControlSnapshot.Empty;

    public bool IsCancelled(Message message) =>
        control.Current().CancelledRequests is { Count: > 0 } cancelled && cancelled.Contains(Id.From(message.RequestId.Span));

    /// <summary>For a whole class: it is not read. Not while a narrower scope is set to run: then the others are parked one by one, as in the Router.</summary>
    public Order OfClass(TrafficClass of) =>
        At(new ModeScope(channel, of)) is { Order: not Order.Run and var order } && !RunsInPart(of) ? order : Order.Run;

    /// <summary>For a tenant, where its class is read: its messages are parked.</summary>
    public bool IsTenantStopped(TrafficClass of, string tenant) =>
        At(new ModeScope(channel, of, tenant)) is { Order: not Order.Run } stopped && (stopped.Scope.Tenant is not null || RunsInPart(of));

    public bool MayRun(TrafficClass of, string tenant, string lane) => (At(new ModeScope(channel, of, tenant, lane))?.Order ?? Order.Run) == Order.Run;

    private bool RunsInPart(TrafficClass of) => Ours().Modes.Any(mode =>
        mode.Value == "run" && mode.ExpiresAt > time.GetUtcNow() && mode.Scope.Tenant is not null
        && (mode.Scope.Channel ?? channel) == channel && (mode.Scope.Class ?? of) == of);

    private (Order Order, ModeScope Scope)? At(ModeScope at)
    {
        var ours = Ours();
        return ours.Modes.IsEmpty || ours.Of(Switches.Dispatch, at, time.GetUtcNow()) is not { } mode
            ? null
            : (mode.Value switch { "pause" => Order.Pause, "drain" => Order.Drain, _ => Order.Run }, mode.Scope);
    }

    /// <summary>Only what can matter here, so that the usual answer costs nothing.</summary>
    private ControlSnapshot Ours()
    {
        var current = control.Current();
        if (!ReferenceEquals(current, Volatile.Read(ref _seen)))
        {
            Volatile.Write(ref _ours, new ControlSnapshot(
                [.. current.Modes.Where(mode => mode.Switch == Switches.Dispatch && !(mode.Automatic && mode.Owner == owner))], []));
            Volatile.Write(ref _seen, current);
        }

        return Volatile.Read(ref _ours);
    }
}
