using System.Text.Json;
using Dispatch.Contracts;

namespace Dispatch.Ingest.Reads;

/// <summary>The words of the API for the numbers of the records.</summary>
static class Words
{
    public static readonly IReadOnlyList<(string Word, State Value)> States =
        [.. Enum.GetValues<State>().Where(it => it != State.Unspecified).Select(it => (Of(it), it))];

    public static string Of(State state) => Snake(state);

    public static string Of(OutcomeKind kind) => Snake(kind);

    public static string? Of(Verdict verdict) => verdict == Verdict.Unspecified ? null : Snake(verdict);

    public static string? Of(Scope scope) => scope == Scope.Unspecified ? null : Snake(scope);

    public static string? Of(CapCheck check) => check == CapCheck.Unspecified ? null : Snake(check);

    /// <summary>What an empty field of a record is: not there.</summary>
    public static string? Given(string text) => text.Length == 0 ? null : text;

    private static string Snake<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
