using System.Collections.Immutable;
using Dispatch.Contracts;
using Microsoft.Extensions.Logging;

namespace Dispatch.Hosting;

/// <summary>
/// The modes that hold for this process, merged from what the store has, what this process switched by itself, and what was posted to its admin port.
/// Promise: starts from its last state on disk, so that a switch that somebody set survives a restart on the day when nothing else answers.
/// </summary>
public sealed class ModeBook
{
    /// <summary>An automatic mode ends by itself when its service stops renewing it; long enough to ride over a restart.</summary>
    public static readonly TimeSpan AutomaticLifetime = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly SnapshotFile _file;
    private readonly TimeProvider _clock;
    private readonly ILogger<ModeBook> _log;
    private ImmutableArray<Mode> _stored = [];
    private ImmutableArray<Mode> _local = [];
    private ImmutableHashSet<Id> _cancelled = [];
    private volatile ControlSnapshot _current = ControlSnapshot.Empty;

    public ModeBook(SnapshotFile file, TimeProvider clock, ILogger<ModeBook> log)
    {
        (_file, _clock, _log) = (file, clock, log);
        if (file.Read() is { } last)
        {
            _stored = [.. last.Modes.Where(mode => !mode.Automatic)];
            _cancelled = last.CancelledRequests;
            _current = new ControlSnapshot(_stored, _cancelled);
        }
    }

    /// <summary>Raised after every change, on the thread that made it; handlers return at once.</summary>
    public event Action? Changed;

    public ControlSnapshot Current => _current;

    public string ValueOf(string @switch, ModeScope at) => _current.ValueOf(@switch, at, _clock.GetUtcNow());

    /// <summary>What the store has now; replaces what it had before.</summary>
    public void Replace(ControlSnapshot stored) => Change(() =>
    {
        _stored = stored.Modes;
        _cancelled = stored.CancelledRequests;
        // What was posted to this process while the store was away holds until the store knows something newer for the same place.
        _local = [.. _local.Where(mode => mode.Automatic || !_stored.Any(it => Same(it, mode) && it.ChangedAt >= mode.ChangedAt))];
    });

    /// <summary>A person's change that comes through this process's admin port, the way of last resort; not written to the store.</summary>
    public void Set(Mode mode) => Change(() => _local = [.. _local.Where(it => it.Automatic || !Same(it, mode)), mode with { Automatic = false }]);

    /// <summary>Switches by itself, or renews what was switched; the fault is named by <paramref name="reason"/>.</summary>
    public void SetAutomatic(string @switch, string value, ModeScope scope, string reason, string owner)
    {
        var now = _clock.GetUtcNow();
        var before = Automatic(@switch, scope, owner);
        if (before?.Value != value)
        {
            _log.SwitchedByItself(@switch, value, scope, owner, reason);
        }

        var mode = new Mode(@switch, value, scope, reason, owner, before?.ChangedAt ?? now, now + AutomaticLifetime, Automatic: true, Version: 0);
        Change(() => _local = [.. _local.Where(it => !IsAutomatic(it, @switch, scope, owner)), mode]);
    }

    /// <summary>The fault is over; does nothing if nothing was switched.</summary>
    public void ClearAutomatic(string @switch, ModeScope scope, string owner)
    {
        if (Automatic(@switch, scope, owner) is not null)
        {
            _log.SwitchedBack(@switch, scope, owner);
            Change(() => _local = [.. _local.Where(it => !IsAutomatic(it, @switch, scope, owner))]);
        }
    }

    private Mode? Automatic(string @switch, ModeScope scope, string owner) => _local.FirstOrDefault(it => IsAutomatic(it, @switch, scope, owner));

    private static bool IsAutomatic(Mode mode, string @switch, ModeScope scope, string owner) =>
        mode.Automatic && mode.Switch == @switch && mode.Scope == scope && mode.Owner == owner;

    private static bool Same(Mode one, Mode other) => one.Switch == other.Switch && one.Scope == other.Scope;

    private void Change(Action change)
    {
        ControlSnapshot before, after;
        lock (_gate)
        {
            change();
            var now = _clock.GetUtcNow();
            before = _current;
            after = _current = new ControlSnapshot([.. _stored.Concat(_local).Where(mode => mode.ExpiresAt > now)], _cancelled);
            if (!Equal(before, after))
            {
                _file.Write(after);
            }
        }

        if (!Equal(before, after))
        {
            Tell();
        }
    }

    /// <summary>A listener that fails must not hurt whoever changes a mode: that may be a service in trouble that is just switching itself.</summary>
    private void Tell()
    {
        foreach (var listener in Changed?.GetInvocationList() ?? [])
        {
            try
            {
                ((Action)listener)();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _log.ListenerFailed(e);
            }
        }
    }

    private static bool Equal(ControlSnapshot one, ControlSnapshot other) =>
        one.Modes.SequenceEqual(other.Modes) && one.CancelledRequests.SetEquals(other.CancelledRequests);
}
