namespace Dispatch.Store.Keys;

/// <summary>What a key may do. Source: docs/api.md, "Conventions".</summary>
[Flags]
public enum Scopes
{
    None = 0,
    SendPush = 1,
    SendEmail = 2,
    SendSms = 4,
    EventsWrite = 8,
    ProfilesWrite = 16,
    Read = 32,
    Operate = 64,
    Send = SendPush | SendEmail | SendSms,
    All = Send | EventsWrite | ProfilesWrite | Read | Operate,
}

/// <summary>The words of scopes in API, table and snapshot.</summary>
public static class ScopeWords
{
    public static IReadOnlyList<(string Word, Scopes Scope)> Choices { get; } =
    [
        ("send:push", Scopes.SendPush), ("send:email", Scopes.SendEmail), ("send:sms", Scopes.SendSms), ("events:write", Scopes.EventsWrite),
        ("profiles:write", Scopes.ProfilesWrite), ("read", Scopes.Read), ("operate", Scopes.Operate),
    ];

    public static string[] Of(Scopes scopes) => [.. Choices.Where(it => scopes.HasFlag(it.Scope)).Select(it => it.Word)];

    /// <summary>A word that this version does not know grants nothing.</summary>
    public static Scopes Parse(IEnumerable<string> words) =>
        words.Aggregate(Scopes.None, (scopes, word) => scopes | Choices.FirstOrDefault(it => it.Word == word).Scope);
}
