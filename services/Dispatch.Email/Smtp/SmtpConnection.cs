using System.Net.Sockets;
using System.Security.Authentication;
using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>One conversation with a relay: one mail at a time, many after one another.</summary>
sealed class SmtpConnection : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly SmtpWire wire;
    private readonly SmtpOptions options;
    private readonly SmtpTransaction transaction;
    private readonly long openedAt = Environment.TickCount64;
    private int messages;

    private SmtpConnection(SmtpWire wire, SmtpOptions options, SmtpCapabilities capabilities)
    {
        (this.wire, this.options, Capabilities) = (wire, options, capabilities);
        transaction = new(wire, options, capabilities);
    }

    public SmtpCapabilities Capabilities { get; }

    public bool IsBroken { get; private set; }

    public bool TakesMore => !IsBroken && messages < options.MessagesPerConnectionMax && Environment.TickCount64 - openedAt < options.ConnectionAgeMax.TotalMilliseconds;

    public long RestingSince { get; private set; }

    /// <summary>A relay that cannot be reached, trusted or logged in to is an answer too.</summary>
    public static async ValueTask<(SmtpConnection? Connection, Attempt? Refused)> OpenAsync(SmtpOptions options)
    {
        SmtpWire? wire = null;
        SmtpConnection? connection = null;
        try
        {
            wire = await SmtpWire.ConnectAsync(options.Endpoint.IdnHost, options.Port, options.ConnectTimeout);
            var (capabilities, refused) = await new SmtpHandshake(wire, options).RunAsync();
            connection = capabilities is null ? null : new SmtpConnection(wire, options, capabilities);
            return (connection, refused);
        }
        catch (AuthenticationException e)
        {
            return (null, Attempt.Retry(Scope.Provider, $"tls: {e.Message}", SmtpVerdicts.TurnedAway));
        }
        catch (Exception e) when (IsLoss(e))
        {
            return (null, Attempt.Retry(Scope.Provider, wire is null ? $"no_connection: {ReasonOf(e)}" : $"no_greeting: {ReasonOf(e)}"));
        }
        finally
        {
            if (connection is null && wire is not null)
            {
                await wire.DisposeAsync();
            }
        }
    }

    /// <returns>Null: the relay had closed the resting connection before it read anything, so nothing was tried.</returns>
    public async ValueTask<Attempt?> SendAsync(SmtpEnvelope envelope, ReadOnlyMemory<byte> mail, Permit permit)
    {
        var resting = messages++ > 0;
        try
        {
            var attempt = await transaction.RunAsync(envelope, mail, permit);
            IsBroken = transaction.Closing;
            return resting && IsBroken && transaction.Answers == 1 && !transaction.MayBeWhole && attempt.Scope == Scope.Provider ? null : attempt;
        }
        catch (Exception e) when (IsLoss(e))
        {
            IsBroken = true;
            var reason = ReasonOf(e);
            return transaction.MayBeWhole ? Attempt.Unknown($"no_answer_to_final_dot: {reason}")
                : transaction.Refusal is { } refusal ? refusal
                : resting && transaction.Answers == 0 && e is not OperationCanceledException ? null
                : Attempt.Retry(Scope.Provider, $"connection_lost: {reason}");
        }
    }

    public void Rest()
    {
        wire.Rest();
        RestingSince = Environment.TickCount64;
    }

    /// <summary>Says goodbye where there is somebody to say it to.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!IsBroken)
            {
                wire.Out.Write("QUIT\r\n"u8);
                await wire.FlushAsync(Farewell);
                await wire.ReadAsync(Farewell);
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
        }
        finally
        {
            await wire.DisposeAsync();
        }
    }

    private static bool IsLoss(Exception e) => e is IOException or SocketException or OperationCanceledException or ObjectDisposedException;

    private static string ReasonOf(Exception e) => e switch
    {
        OperationCanceledException => "time_out",
        SmtpProtocolException or EndOfStreamException => e.Message,
        SocketException socket => socket.SocketErrorCode.ToString(),
        IOException { InnerException: SocketException inner } => inner.SocketErrorCode.ToString(),
        _ => e.Message,
    };
}
