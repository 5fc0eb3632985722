using System.Text;
using Dispatch.Contracts;
using Dispatch.Hosting;

namespace Dispatch.Ingest.Http;

/// <summary>Says in every answer what is degraded and may be felt by its caller: `Dispatch-Degraded: feedback=bypass;scope=push/*`.</summary>
sealed class Degraded(ModeBook modes, TimeProvider clock)
{
    private const string Header = "Dispatch-Degraded";

    public void Tell(HttpContext http, string tenant)
    {
        var current = modes.Current.Modes;
        if (current.IsEmpty)
        {
            return;
        }

        var said = new StringBuilder();
        foreach (var mode in For(tenant))
        {
            said.Append(said.Length == 0 ? "" : ", ").Append(mode.Switch).Append('=').Append(mode.Value).Append(";scope=").Append(Scope(mode.Scope));
        }

        if (said.Length > 0)
        {
            http.Response.Headers[Header] = said.ToString();
        }
    }

    /// <summary>What holds now, is not in its normal position, and is not somebody else's.</summary>
    public IEnumerable<Mode> For(string tenant)
    {
        var now = clock.GetUtcNow();
        return modes.Current.Modes
            .Where(mode => mode.Switch != Switches.Divert) // a caller feels nothing of it
            .Where(mode => mode.ExpiresAt > now && mode.Value != Switches.Values[mode.Switch][0] && (mode.Scope.Tenant is null || mode.Scope.Tenant == tenant))
            .Where(mode => modes.Current.Of(mode.Switch, mode.Scope, now) == mode) // a person's setting overrides the automatic one
            .OrderBy(mode => mode.Switch, StringComparer.Ordinal).ThenBy(mode => Scope(mode.Scope), StringComparer.Ordinal);
    }

    public static string Scope(ModeScope scope) =>
        $"{(scope.Channel is { } channel ? Topics.Name(channel) : "*")}/{(scope.Class is { } of ? Topics.Name(of) : "*")}";
}
