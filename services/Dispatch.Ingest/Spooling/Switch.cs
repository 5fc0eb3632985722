using Dispatch.Contracts;

namespace Dispatch.Ingest.Spooling;

/// <summary>The switch `ingest`, as a person set it for a topic's class; what this process switched by itself only tells others.</summary>
static class Switch
{
    public const string Log = "log";
    public const string Spool = "spool";

    private static readonly Dictionary<string, TrafficClass> Classes = Topics.Classes.ToDictionary(Topics.Requests, of => of);

    /// <returns>null: nobody did.</returns>
    public static string? Of(ControlSnapshot modes, string topic, DateTimeOffset now) =>
        modes.Of(Switches.Ingest, new ModeScope(Class: Classes.TryGetValue(topic, out var of) ? of : null), now) is { Automatic: false } mode ? mode.Value : null;
}
