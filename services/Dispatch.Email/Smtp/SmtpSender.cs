using System.Collections.Concurrent;
using Dispatch.Channels;
using Dispatch.Contracts;
using Dispatch.Email.Mime;

namespace Dispatch.Email.Smtp;

/// <summary>
/// One relay. Attempts wait in a queue for one of its connections; with PIPELINING a connection asks for the next mail while the relay still thinks about the last one's dot,
/// so that one round trip a mail is enough.
/// Promise: before a mail's final dot is handed to the socket nothing of it can have been delivered; after it the answer is the relay's own, or <see cref="Verdict.Unknown"/>.
/// What only waits is taken back after a moment: no mail stands behind another one's dot for as long as that may take.
/// </summary>
sealed class SmtpSender : IChannelSender
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(250);

    private readonly SmtpOptions options;
    private readonly SmtpQueue queue;
    private readonly ConcurrentDictionary<SmtpWorker, Task> workers = [];
    private readonly Timer sweep;

    public SmtpSender(SmtpOptions options)
    {
        this.options = options;
        queue = new SmtpQueue(options.ConnectionsMax);
        sweep = new(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    /// <summary>One mail on each connection, and where the relay can, one more that is asked for ahead.</summary>
    public int InFlightMax => options.ConnectionsMax * (queue.Overlaps ? 2 : 1);

    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        using var mail = new ByteWriter();
        if (SmtpPayload.Write(mail, message, options, out var envelope) is { } fault)
        {
            return fault;
        }

        if (!permit.Holds)
        {
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        var job = new SmtpJob(envelope, mail.Written, permit);
        if (queue.Add(job))
        {
            Start(new SmtpWorker(options, queue));
        }

        return await job.Attempt;
    }

    /// <summary>After the attempts in flight have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await sweep.DisposeAsync();
        queue.Close();
        await Task.WhenAll(workers.Values);
    }

    private void Start(SmtpWorker worker)
    {
        var run = worker.RunAsync();
        workers.TryAdd(worker, run);
        _ = run.ContinueWith(_ => workers.TryRemove(worker, out var _), TaskScheduler.Default);
    }

    private void Sweep()
    {
        queue.Release(options.ConnectionIdleMax);
        queue.TakeBack(options.WaitMax);
        foreach (var worker in workers.Keys)
        {
            worker.Ahead?.TakeBack(options.WaitMax);
        }
    }
}
