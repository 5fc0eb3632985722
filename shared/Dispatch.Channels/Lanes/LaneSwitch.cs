using Dispatch.Channels.Flow;
using Dispatch.Contracts;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Lanes;

/// <summary>Says what becomes of a lane: to the pool, to a person, and as an automatic mode that others see, renewed while it lasts.</summary>
sealed class LaneSwitch(Seat seat, Works works)
{
    private static readonly TimeSpan Renew = TimeSpan.FromSeconds(30);
    private readonly Lock _gate = new();
    private readonly ModeScope _scope = new(works.Channel, Lane: seat.Options.Name);
    private TimeSpan _renewedAt;
    private string _reason = "";

    /// <summary>Is called after every answer and every look; costs nothing while nothing changes.</summary>
    /// <param name="reason">Of a change, if this is one.</param>
    public void Show(LaneState state, TimeSpan now, string reason, int inFlight)
    {
        if (state == seat.State && (state == LaneState.Open || now - _renewedAt < Renew))
        {
            return;
        }

        lock (_gate)
        {
            var before = seat.State;
            seat.State = state;
            if (state == LaneState.Open)
            {
                if (before != state)
                {
                    works.Log.LaneReturned(seat.Options.Name);
                    works.Control.ClearAutomatic(Switches.Dispatch, _scope, works.Journal.Owner.Name);
                }

                return;
            }

            if (before != state)
            {
                _reason = reason;
                if (state == LaneState.Held)
                {
                    works.Log.LaneHeld(seat.Options.Name, reason);
                }
                else
                {
                    works.Log.LaneFenced(seat.Options.Name, reason, works.Pool.Waiting, inFlight);
                }
            }

            _renewedAt = now;
            var why = state == LaneState.Held ? "credential refused" : "no progress";
            works.Control.SetAutomatic(Switches.Dispatch, "pause", _scope, $"{why}: {_reason}", works.Journal.Owner.Name);
        }
    }
}
