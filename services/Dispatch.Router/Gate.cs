using Dispatch.Contracts;
using Dispatch.Policy;

namespace Dispatch.Router;

/// <summary>The checks that need no ledger, in order: ttl, cancellation, suppression, what waits for its time, what is paused. Pure.</summary>
static class Gate
{
    /// <param name="suppressed">Asked with the channel and the address key.</param>
    public static void Check(IEnumerable<Passage> passages, ControlSnapshot control, Func<Channel, ReadOnlySpan<byte>, bool> suppressed, DateTimeOffset now)
    {
        var at = now.ToUnixTimeMilliseconds();
        foreach (var passage in passages)
        {
            var message = passage.Message;
            if (HasExpired(message, at))
            {
                passage.End(Fate.Expired, "ttl");
            }
            else if (control.CancelledRequests.Count > 0 && control.CancelledRequests.Contains(Id.From(message.RequestId.Span)))
            {
                passage.End(Fate.Cancelled, "cancelled");
            }
            else if (suppressed(message.Channel, message.Address.AddressKey.Span))
            {
                passage.End(Fate.Suppressed, "suppressed");
            }
            else if (message.NotBefore > at)
            {
                passage.End(Fate.Held, message.HoldReason.Length > 0 ? message.HoldReason : HoldReasons.Retry);
            }
            else if (IsPaused(control, message, now))
            {
                passage.End(Fate.Held, HoldReasons.Paused);
            }
        }
    }

    /// <summary>May a parked message go on its way again? Where it expired or was cancelled meanwhile, the way ends in the Router, which says so.</summary>
    public static bool MayLeave(Message parked, ControlSnapshot control, DateTimeOffset now)
    {
        if (HoldReasons.NeedsPerson(parked))
        {
            return false;
        }

        var at = now.ToUnixTimeMilliseconds();
        return HasExpired(parked, at)
            || control.CancelledRequests.Contains(Id.From(parked.RequestId.Span))
            || (parked.NotBefore <= at && !IsPaused(control, parked, now) && !(parked.HoldReason == HoldReasons.CapsHeld && CapsAreHeld(control, parked, now)));
    }

    /// <summary>
    /// The whole class waits: its partitions are not read. Not while a narrower scope is set to run: then the others are parked one by one.
    /// </summary>
    public static bool ClassIsPaused(ControlSnapshot control, TrafficClass of, DateTimeOffset now) =>
        control.ValueOf(Switches.Dispatch, new ModeScope(Class: of), now) != Running
        && !control.Modes.Any(mode => mode.Switch == Switches.Dispatch && mode.Value == Running && mode.ExpiresAt > now
            && (mode.Scope.Class is null || mode.Scope.Class == of) && (mode.Scope.Tenant is not null || mode.Scope.Channel is not null));

    private static readonly string Running = Switches.Values[Switches.Dispatch][0];

    private static bool HasExpired(Message message, long at) => message.ExpiresAt != 0 && message.ExpiresAt <= at;

    private static bool IsPaused(ControlSnapshot control, Message message, DateTimeOffset now) =>
        control.Modes.Length > 0 && control.ValueOf(Switches.Dispatch, ScopeOf(message), now) != Running;

    private static bool CapsAreHeld(ControlSnapshot control, Message message, DateTimeOffset now) =>
        control.Of(Switches.Caps, ScopeOf(message), now) is { Automatic: false, Value: "hold" };

    public static ModeScope ScopeOf(Message message) => new(message.Channel, message.Class, message.Tenant);
}
