using Dispatch.Contracts;
using Microsoft.Extensions.Configuration;

namespace Dispatch.Channels;

/// <summary>One provider account, relay or bind, spoken to over its wire.</summary>
public interface IChannelSender : IAsyncDisposable
{
    /// <summary>How many attempts the other end takes at once, now; it may change while running (HTTP/2 stream limits, SMTP connections). The lane never goes beyond.</summary>
    int InFlightMax { get; }

    /// <summary>
    /// One attempt. It never retries, never logs an expected answer, and never throws for one.
    /// Promise: after the first byte has left, the answer is a verdict, <see cref="Verdict.Unknown"/> at worst, and never an exception.
    /// </summary>
    /// <param name="message">As routed; templates are rendered here, at the last moment.</param>
    /// <param name="permit">Asked before the first byte, and again before what makes the message whole. An attempt without permit answers
    /// <see cref="Attempt.Retry"/> of scope Message with reason <see cref="Permit.Lost"/>.</param>
    ValueTask<Attempt> SendAsync(Message message, Permit permit);
}

/// <summary>May this process still act for this message? Looked at wherever bytes are about to leave.</summary>
public sealed class Permit(Func<bool> holds)
{
    public const string Lost = "lease_lost";

    public bool Holds => holds();
}

/// <summary>Makes the sender of a lane; <paramref name="settings"/> is the lane's own section, with the provider's options beside those of the lane.</summary>
public delegate IChannelSender SenderFactory(LaneOptions lane, IConfigurationSection settings, IServiceProvider services);
