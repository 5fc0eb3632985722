using System.Collections.Concurrent;
using Dispatch.Channels;
using Dispatch.Contracts;
using Dispatch.Email.Mime;

namespace Dispatch.Email.Smtp;

/// <summary>
/// One relay. Each attempt has a connection for itself, and gives it back for the next.
/// Promise: before the mail's final dot is handed to the socket nothing can have been delivered; after it the answer is the relay's own, or <see cref="Verdict.Unknown"/>.
/// </summary>
sealed class SmtpSender : IChannelSender
{
    private readonly SmtpOptions options;
    private readonly ConcurrentStack<SmtpConnection> resting = []; // last in, first out: those that are not needed get old, and are closed
    private readonly Timer sweep;

    public SmtpSender(SmtpOptions options)
    {
        this.options = options;
        var period = options.ConnectionIdleMax / 2;
        sweep = new(_ => _ = CloseAsync(IsLeftOver), null, period, period);
    }

    public int InFlightMax => options.ConnectionsMax;

    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        using var mail = new ByteWriter();
        if (SmtpPayload.Write(mail, message, options, out var envelope) is { } fault)
        {
            return fault;
        }

        while (true)
        {
            if (!permit.Holds)
            {
                return Attempt.Retry(Scope.Message, Permit.Lost);
            }

            var (connection, refused) = await RentAsync();
            if (connection is null)
            {
                return refused!;
            }

            var attempt = Unsuited(connection.Capabilities, envelope, mail.Length) ?? await connection.SendAsync(envelope, mail.Written, permit);
            await GiveBackAsync(connection);
            if (attempt is not null)
            {
                return attempt;
            }

            // The relay had closed while the connection rested. A fresh one gives an answer; a resting one may have gone the same way, and there are only so many.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await sweep.DisposeAsync();
        await CloseAsync(_ => true);
    }

    /// <summary>What this relay says it cannot take is not tried.</summary>
    private static Attempt? Unsuited(SmtpCapabilities capabilities, SmtpEnvelope envelope, int size) =>
        envelope.NeedsUtf8 && !capabilities.SmtpUtf8 ? Attempt.Rejected(Scope.Message, "smtputf8_not_offered: the relay cannot carry an address that is not ASCII")
        : capabilities.SizeMax > 0 && size > capabilities.SizeMax ? Attempt.Rejected(Scope.Message, $"too_large: {size} bytes, the relay takes {capabilities.SizeMax}")
        : null;

    private async ValueTask<(SmtpConnection? Connection, Attempt? Refused)> RentAsync()
    {
        while (resting.TryPop(out var connection))
        {
            if (connection.TakesMore)
            {
                return (connection, null);
            }

            await connection.DisposeAsync();
        }

        return await SmtpConnection.OpenAsync(options);
    }

    /// <summary>What is old is closed by who takes it next, or by the sweep: an attempt's answer does not wait for a goodbye.</summary>
    private async ValueTask GiveBackAsync(SmtpConnection connection)
    {
        if (connection.IsBroken)
        {
            await connection.DisposeAsync(); // there is nobody to say goodbye to, so nothing to wait for
            return;
        }

        connection.Rest();
        resting.Push(connection);
    }

    private bool IsLeftOver(SmtpConnection connection) =>
        !connection.TakesMore || Environment.TickCount64 - connection.RestingSince > options.ConnectionIdleMax.TotalMilliseconds;

    private async Task CloseAsync(Predicate<SmtpConnection> which)
    {
        var all = new SmtpConnection[resting.Count];
        var count = resting.TryPopRange(all);
        for (var i = count - 1; i >= 0; i--)
        {
            if (which(all[i]))
            {
                await all[i].DisposeAsync();
            }
            else
            {
                resting.Push(all[i]);
            }
        }
    }
}
