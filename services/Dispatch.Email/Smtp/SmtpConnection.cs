using System.Net.Sockets;
using System.Security.Authentication;
using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <param name="Attempt">What became of the job; null: nothing was tried.</param>
/// <param name="Next">The job to go on with: here, or on a fresh connection when this one is done for.</param>
readonly record struct SmtpStep(Attempt? Attempt, SmtpJob? Next);

/// <summary>One conversation with a relay, for many mails after one another.</summary>
sealed class SmtpConnection : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly SmtpWire wire;
    private readonly SmtpOptions options;
    private readonly SmtpTransaction transaction;
    private readonly long openedAt = Environment.TickCount64;
    private int messages;

    private SmtpConnection(SmtpWire wire, SmtpOptions options, SmtpCapabilities capabilities, SmtpQueue queue)
    {
        (this.wire, this.options, Capabilities) = (wire, options, capabilities);
        transaction = new(wire, options, capabilities, () => Next(queue));
    }

    public SmtpCapabilities Capabilities { get; }

    public bool IsBroken { get; private set; }

    /// <summary>What the relay was asked for behind another mail's dot.</summary>
    public SmtpJob? Ahead => transaction.Ahead;

    public bool TakesMore => !IsBroken && messages < options.MessagesPerConnectionMax && Environment.TickCount64 - openedAt < options.ConnectionAgeMax.TotalMilliseconds;

    /// <summary>A relay that cannot be reached, trusted or logged in to is an answer too.</summary>
    public static async ValueTask<(SmtpConnection? Connection, Attempt? Refused)> OpenAsync(SmtpOptions options, SmtpQueue queue)
    {
        SmtpWire? wire = null;
        SmtpConnection? connection = null;
        try
        {
            wire = await SmtpWire.ConnectAsync(options.Endpoint.IdnHost, options.Port, options.ConnectTimeout);
            var (capabilities, refused) = await new SmtpHandshake(wire, options).RunAsync();
            connection = capabilities is null ? null : new SmtpConnection(wire, options, capabilities, queue);
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

    /// <summary>Sends a job, and takes the next one from the queue where its envelope can travel behind this one's dot.</summary>
    public async ValueTask<SmtpStep> SendAsync(SmtpJob job)
    {
        if (Unsuited(job) is { } unsuited)
        {
            return new(unsuited, Next: null);
        }

        var isFirst = messages == 0;
        messages += Ahead == job ? 0 : 1;
        try
        {
            var attempt = await transaction.RunAsync(job);
            IsBroken = transaction.Closing;
            return !isFirst && IsBroken && transaction is { Answers: 1, MayBeWhole: false }
                ? new(null, job) // 421 as the first word to a mail that is not the connection's first: it was about the connection
                : new(attempt, Ahead);
        }
        catch (Exception e) when (IsLoss(e))
        {
            IsBroken = true;
            return !isFirst && transaction is { Answers: 0, MayBeWhole: false } && e is not OperationCanceledException
                ? new(null, job) // the relay had closed before it read anything of this mail
                : new(Lost(ReasonOf(e)), Ahead);
        }
    }

    public void Rest() => wire.Rest();

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

    private SmtpJob? Next(SmtpQueue queue)
    {
        while (TakesMore && queue.TryTake(out var job))
        {
            if ((job.Permit.Holds ? Unsuited(job) : Attempt.Retry(Scope.Message, Channels.Permit.Lost)) is not { } fault)
            {
                messages++;
                return job;
            }

            job.End(fault);
        }

        return null;
    }

    /// <summary>What this relay says it cannot take is not tried.</summary>
    private Attempt? Unsuited(SmtpJob job) =>
        job.Envelope.NeedsUtf8 && !Capabilities.SmtpUtf8 ? Attempt.Rejected(Scope.Message, "smtputf8_not_offered: the relay cannot carry an address that is not ASCII")
        : Capabilities.SizeMax > 0 && job.Mail.Length > Capabilities.SizeMax
            ? Attempt.Rejected(Scope.Message, $"too_large: {job.Mail.Length} bytes, the relay takes {Capabilities.SizeMax}")
        : null;

    private Attempt Lost(string reason) =>
        transaction.MayBeWhole ? Attempt.Unknown($"no_answer_to_final_dot: {reason}")
        : transaction.Refusal ?? Attempt.Retry(Scope.Provider, $"connection_lost: {reason}");

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
