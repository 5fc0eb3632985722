using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>Between whom a mail travels; each may stand in a command as it is (see <see cref="Mime.Mailbox"/>).</summary>
/// <param name="Id">msg_..., what a delivery report calls the mail.</param>
readonly record struct SmtpEnvelope(string Id, string Sender, string Recipient, bool NeedsUtf8);

/// <summary>
/// One attempt on its way to a connection. Until a connection makes it its own it can be taken back; from then on <see cref="Mail"/> is read, before that never.
/// </summary>
/// <param name="mail">Dot-stuffed, with its final dot.</param>
sealed class SmtpJob(SmtpEnvelope envelope, ReadOnlyMemory<byte> mail, Permit permit)
{
    private const int Waits = 0, Leaves = 1, TakenBack = 2;

    // Its continuation runs on the connection's thread: it notes the outcome in memory and returns, and a hop to another thread would cost more than that.
    private readonly TaskCompletionSource<Attempt> done = new();
    private readonly long since = Environment.TickCount64;
    private int state;

    public SmtpEnvelope Envelope { get; } = envelope;

    public ReadOnlyMemory<byte> Mail { get; } = mail;

    public Permit Permit { get; } = permit;

    public Task<Attempt> Attempt => done.Task;

    public TimeSpan Age => TimeSpan.FromMilliseconds(Environment.TickCount64 - since);

    public void End(Attempt attempt) => done.TrySetResult(attempt);

    public void Break(Exception bug) => done.TrySetException(bug);

    /// <returns>False: it was taken back.</returns>
    public bool TryLeave() => Interlocked.CompareExchange(ref state, Leaves, Waits) != TakenBack;

    /// <summary>Ends a job that still waits after so long, so that it can go another way.</summary>
    public void TakeBack(TimeSpan after)
    {
        if (Age >= after && Interlocked.CompareExchange(ref state, TakenBack, Waits) == Waits)
        {
            End(Contracts.Attempt.Retry(Scope.Message, "waited_for_a_connection"));
        }
    }
}
