using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Capping;

/// <summary>
/// Charges what went unasked: reads `charges`, takes the places in the ledger, whether there is room or not.
/// Promise: every message that went on as `not_checked` is in `charges`, because one commit wrote both; so it is charged as soon as the ledger can be written,
/// however often a Router dies until then, and counts from then on. Charging twice changes nothing: a place belongs to its message.
/// </summary>
sealed class ChargeHop : IHop, IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly IPartition _charges;
    private readonly CapRuleBook _rules;
    private readonly WriteProbe _probe;
    private readonly Freshness _freshness;
    private readonly TimeProvider _clock;
    private readonly CapDesk _desk;

    public ChargeHop(
        IPartition charges, CapRuleBook rules, Database database, WriteProbe probe, IOptions<RouterOptions> options, IOptions<Freshness> freshness, TimeProvider clock)
    {
        (_charges, _rules, _probe, _freshness, _clock) = (charges, rules, probe, freshness.Value, clock);
        _desk = new CapDesk(database, connectionsMax: 1, options.Value.LedgerTimeout);
    }

    public async Task<int> HandleAsync(Slice slice, CancellationToken stop)
    {
        while (!_probe.Writable)
        {
            await Task.Delay(Look, _clock, stop);
        }

        var asks = new CapAsks(slice.Count);
        foreach (var entry in slice.Entries)
        {
            var sent = Outcome.Parser.ParseFrom(entry.Value.Span);
            var rules = _rules.Match(sent.Tenant, sent.Class, sent.Labels, sent.Campaign);
            if (rules.Count > 0)
            {
                asks.Add(sent.RecipientKey.Span, new CapAsk(Id.From(sent.MessageId.Span), sent.Class, rules, sent.At, Charge: true), null);
            }
        }

        try
        {
            await asks.DecideAsync(_desk, _clock.GetUtcNow().ToUnixTimeMilliseconds(), _freshness, stop);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            _probe.Hurry();
            throw;
        }

        await _charges.CommitAsync([], new Position(slice.End(slice.Count)), stop);
        RouterMeter.Charged.Add(asks.Count);
        return slice.Count;
    }

    public IEnumerable<Message> MessagesOf(Entry entry) => []; // they went on their way long ago

    public ValueTask DisposeAsync() => _desk.DisposeAsync();
}
