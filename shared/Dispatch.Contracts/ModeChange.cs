namespace Dispatch.Contracts;

/// <summary>What somebody asks to switch, by the API or by an admin port.</summary>
/// <param name="ExpiresInSeconds">60 to 604 800 (a week): no switch stays on forgotten.</param>
public sealed record ModeChange(
    string? Switch, string? Value, string? Reason, string? Owner, int? ExpiresInSeconds,
    Channel? Channel = null, TrafficClass? Class = null, string? Tenant = null, string? Lane = null, bool DryRun = false)
{
    public const int ExpiresInSecondsMin = 60;
    public const int ExpiresInSecondsMax = 7 * 24 * 3600;
    public const int TextLengthMax = 500;

    /// <summary>Everything that is wrong with it, each with its limit; empty: nothing.</summary>
    public IEnumerable<string> Faults() => FaultsByField().Select(fault => $"{fault.Field}: {fault.Message}");

    /// <summary>The same, by the field's JSON name.</summary>
    public IEnumerable<(string Field, string Message)> FaultsByField()
    {
        if (Switch is null || !Switches.Values.TryGetValue(Switch, out var values))
        {
            yield return ("switch", $"must be one of {string.Join(", ", Switches.Values.Keys.Order(StringComparer.Ordinal))}");
        }
        else if (Value is null || !Switches.Takes(Switch, Value))
        {
            yield return ("value", Switch == Switches.Divert ? $"must be {Switches.NotDiverted}, or weights by cluster: name=weight,name=weight" : $"must be one of {string.Join(", ", values)} for {Switch}");
        }

        if (Switch == Switches.Divert && (Channel, Class, Tenant, Lane) is not (null, null, null, null))
        {
            yield return ("switch", "divert holds for everything: no channel, class, tenant or lane");
        }

        if (string.IsNullOrWhiteSpace(Reason) || Reason.Length > TextLengthMax)
        {
            yield return ("reason", $"is required, at most {TextLengthMax} characters: whoever finds this switch wants to know why");
        }

        if (string.IsNullOrWhiteSpace(Owner) || Owner.Length > TextLengthMax)
        {
            yield return ("owner", $"is required, at most {TextLengthMax} characters: who answers for it");
        }

        if (ExpiresInSeconds is not (>= ExpiresInSecondsMin and <= ExpiresInSecondsMax))
        {
            yield return ("expires_in_seconds", $"must be {ExpiresInSecondsMin} to {ExpiresInSecondsMax}: no switch stays on forgotten");
        }

        if (Channel is Contracts.Channel.Unspecified || Class is TrafficClass.Unspecified)
        {
            yield return ("scope", "channel and class are named or left out");
        }
    }

    /// <summary>Only for a change without <see cref="Faults"/>.</summary>
    public Mode ToMode(DateTimeOffset now) => new(
        Switch!, Value!, new ModeScope(Channel, Class, Tenant, Lane), Reason!, Owner!, now, now.AddSeconds(ExpiresInSeconds!.Value), Automatic: false, Version: 0);
}
