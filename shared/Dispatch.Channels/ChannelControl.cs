using Dispatch.Contracts;

namespace Dispatch.Channels;

/// <summary>
/// What a dispatcher needs of the control plane: the modes as they are now, and a way to report what it switched by itself. A service adapts its mode book to it:
/// <c>new ChannelControl(() => book.Current, book.SetAutomatic, book.ClearAutomatic)</c>.
/// </summary>
/// <param name="Current">Answers at once, from memory; asked for every batch.</param>
/// <param name="SetAutomatic">(switch, value, scope, reason, owner); called again while the fault lasts, because an automatic mode ends when nobody renews it.</param>
/// <param name="ClearAutomatic">(switch, scope, owner); the fault is over.</param>
public sealed record ChannelControl(
    Func<ControlSnapshot> Current,
    Action<string, string, ModeScope, string, string> SetAutomatic,
    Action<string, ModeScope, string> ClearAutomatic);
