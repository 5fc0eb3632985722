using Dispatch.Contracts;

namespace Dispatch.Policy;

/// <summary>A message that asks for its places.</summary>
/// <param name="Rules">Every rule that counts it, at least one, each once.</param>
/// <param name="RoutedAt">Unix milliseconds; its freshness counts from here, and so does its place.</param>
/// <param name="Charge">It went already, without being asked: it takes its places whether there is room or not.</param>
public readonly record struct CapAsk(Id Message, TrafficClass Class, IReadOnlyList<CapRule> Rules, long RoutedAt, bool Charge = false);

/// <param name="Places">The recipient's places afterwards; those that have ended are gone.</param>
/// <param name="RefusedBy">For each ask, in order: the rule that has no room for it; null: it has its places.</param>
/// <param name="Changed">False: no place was taken, renewed or added, so the row need not be written.</param>
public readonly record struct CapDecision(CapPlace[] Places, CapRule?[] RefusedBy, bool Changed);

/// <summary>
/// Who gets a place. Promise: at no time are more than a rule's limit of places held under it (but for charges), and a place is held from before its message can
/// be sent until a whole window after it can last have been accepted. So no window, wherever it is laid, holds more acceptances than the limit.
/// </summary>
public static class Caps
{
    /// <param name="places">What the recipient's row holds, in any order.</param>
    /// <param name="asks">In order of arrival. A message gets all its places or none; one that has its places already keeps and renews them, whatever the count.</param>
    /// <param name="now">Unix milliseconds, not later than the moment at which the row was locked.</param>
    public static CapDecision Decide(ReadOnlySpan<CapPlace> places, ReadOnlySpan<CapAsk> asks, long now, Freshness freshness)
    {
        var most = places.Length;
        foreach (ref readonly var ask in asks)
        {
            most += ask.Rules.Count;
        }

        var buffer = new CapPlace[most];
        var held = 0;
        foreach (ref readonly var place in places)
        {
            if (place.CountsAt(now))
            {
                buffer[held++] = place;
            }
        }

        var changed = false;
        var refusedBy = new CapRule?[asks.Length];
        for (var i = 0; i < asks.Length; i++)
        {
            ref readonly var ask = ref asks[i];
            refusedBy[i] = ask.Charge ? null : FullRule(buffer.AsSpan(0, held), ask);
            if (refusedBy[i] is null)
            {
                changed |= Take(buffer, ref held, ask, now, freshness);
            }
        }

        return new CapDecision(held == most ? buffer : buffer[..held], refusedBy, changed);
    }

    private static CapRule? FullRule(ReadOnlySpan<CapPlace> held, in CapAsk ask)
    {
        var message = CapPlace.KeyOf(ask.Message);
        foreach (var rule in ask.Rules)
        {
            var taken = 0;
            foreach (ref readonly var place in held)
            {
                if (place.Rule != rule.Number)
                {
                    continue;
                }

                if (place.Message == message)
                {
                    taken = int.MinValue; // its own place: renewed, not asked for
                    break;
                }

                taken++;
            }

            if (taken >= rule.Limit)
            {
                return rule;
            }
        }

        return null;
    }

    private static bool Take(CapPlace[] buffer, ref int held, in CapAsk ask, long now, Freshness freshness)
    {
        var (changed, message) = (false, CapPlace.KeyOf(ask.Message));
        foreach (var rule in ask.Rules)
        {
            var place = new CapPlace(message, rule.Number, CapPlace.UntilOf(freshness.PlaceUntil(ask.RoutedAt, ask.Class, rule.Window)));
            var own = IndexOf(buffer.AsSpan(0, held), rule.Number, message);
            if (own >= 0 ? buffer[own].Until >= place.Until : !place.CountsAt(now))
            {
                continue; // it stands longer already; or it was charged so late that it no longer counts
            }

            buffer[own >= 0 ? own : held++] = place;
            changed = true;
        }

        return changed;
    }

    private static int IndexOf(ReadOnlySpan<CapPlace> held, int rule, ulong message)
    {
        for (var i = 0; i < held.Length; i++)
        {
            if (held[i].Rule == rule && held[i].Message == message)
            {
                return i;
            }
        }

        return -1;
    }
}
