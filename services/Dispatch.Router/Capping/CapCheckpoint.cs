using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Policy;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Capping;

/// <summary>
/// Asks the cap ledger for what a rule counts, or does what the class is set to do instead.
/// Promise: what goes on has its places, or no rule counts it, or it says `not_checked` because somebody chose so for such a time.
/// </summary>
sealed class CapCheckpoint : IAsyncDisposable
{
    private readonly CapRuleBook _rules;
    private readonly WriteProbe _probe;
    private readonly ModeBook _modes;
    private readonly RouterOptions _options;
    private readonly Freshness _freshness;
    private readonly TimeProvider _clock;
    private readonly DateTimeOffset _startedAt;
    private readonly Dictionary<TrafficClass, CapDesk> _desks;
    private volatile bool _wasWritable;

    public CapCheckpoint(
        CapRuleBook rules, Database database, WriteProbe probe, ModeBook modes, IOptions<RouterOptions> options, IOptions<Freshness> freshness, TimeProvider clock)
    {
        (_rules, _probe, _modes, _options, _freshness, _clock) = (rules, probe, modes, options.Value, freshness.Value, clock);
        _startedAt = clock.GetUtcNow();
        _desks = Topics.Classes.ToDictionary(of => of, _ => new CapDesk(database, _options.LedgerConnectionsPerClass, _options.LedgerTimeout));
    }

    /// <summary>What is done with a message that a rule counts.</summary>
    private enum Treatment
    {
        Ask,
        SendUnasked,
        Park,
        ClassWaits,
    }

    /// <summary>Ends the passages that have no room. Repeating is safe: a message finds its own places again.</summary>
    /// <returns>False: one of them may neither go nor be parked now, so the class waits, and all is decided again later.</returns>
    /// <exception cref="Exception">The ledger failed, as <see cref="StoreFault"/> says; asked again, this knows more about it.</exception>
    public async Task<bool> ReserveAsync(List<Passage> passages, DateTimeOffset now, CancellationToken stop)
    {
        var control = _modes.Current;
        var asks = new CapAsks(passages.Count);
        foreach (var passage in passages.Where(passage => passage.GoesOn))
        {
            var message = passage.Message;
            var rules = _rules.Match(message.Tenant, message.Class, message.Labels, message.Campaign);
            if (rules.Count == 0)
            {
                message.CapCheck = CapCheck.NoRule;
                continue;
            }

            switch (TreatmentOf(message, control, now))
            {
                case Treatment.Ask:
                    message.CapCheck = CapCheck.Reserved;
                    asks.Add(message.RecipientKey.Span, new CapAsk(Id.From(message.MessageId.Span), message.Class, rules, now.ToUnixTimeMilliseconds()), passage);
                    break;
                case Treatment.SendUnasked:
                    message.CapCheck = CapCheck.NotChecked;
                    break;
                case Treatment.Park:
                    passage.End(Fate.Held, HoldReasons.CapsHeld);
                    break;
                default:
                    return false;
            }
        }

        if (asks.Count > 0)
        {
            await AskAsync(asks, passages[0].Message.Class, now, stop);
        }

        return true;
    }

    private async Task AskAsync(CapAsks asks, TrafficClass of, DateTimeOffset now, CancellationToken stop)
    {
        try
        {
            await asks.DecideAsync(_desks[of], now.ToUnixTimeMilliseconds(), _freshness, stop);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            _probe.Hurry();
            throw;
        }

        foreach (var (passage, refusedBy) in asks.Answers())
        {
            if (refusedBy is not null)
            {
                passage.End(Fate.Capped, refusedBy.Id.ToText(IdPrefix.CapRule));
            }
        }

        RouterMeter.CapDecisions.Add(asks.Count, RouterMeter.Class(of));
    }

    /// <summary>A person's setting has the word; an automatic one only tells others what this does by itself.</summary>
    private Treatment TreatmentOf(Message message, ControlSnapshot control, DateTimeOffset now)
    {
        var set = control.Modes.Length == 0 ? null : control.Of(Switches.Caps, Gate.ScopeOf(message), now);
        return set is { Automatic: false } byHand
            ? byHand.Value switch
            {
                "send" => Treatment.SendUnasked,
                "hold" when byHand.Scope.Tenant is not null || byHand.Scope.Channel is not null => Treatment.Park,
                "hold" => Treatment.ClassWaits,
                _ => CanAsk ? Treatment.Ask : Treatment.ClassWaits,
            }
            : CanAsk ? Treatment.Ask
            : _options.WithoutLedger(message.Class) == LedgerAway.Send && IsSettled ? Treatment.SendUnasked
            : Treatment.ClassWaits;
    }

    private bool CanAsk
    {
        get
        {
            var writable = _probe.Writable;
            _wasWritable |= writable;
            return writable;
        }
    }

    /// <summary>A store that has not answered yet since this process started may be starting too: it gets a moment before anything goes unasked.</summary>
    private bool IsSettled => _wasWritable || _clock.GetUtcNow() - _startedAt > _options.LedgerStartGrace;

    public async ValueTask DisposeAsync()
    {
        foreach (var desk in _desks.Values)
        {
            await desk.DisposeAsync();
        }
    }
}
