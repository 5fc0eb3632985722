using Dispatch.Contracts;

namespace Dispatch.Email.Smtp;

/// <summary>Works off the queue with one connection at a time, as long as there is work; so a relay never has more connections than it has workers.</summary>
sealed class SmtpWorker(SmtpOptions options, SmtpQueue queue)
{
    private SmtpConnection? connection;

    /// <summary>What its relay was asked for, but still stands behind another mail's dot.</summary>
    public SmtpJob? Ahead => Volatile.Read(ref connection)?.Ahead;

    public async Task RunAsync()
    {
        var job = await queue.WaitAsync();
        while (job is not null)
        {
            var current = job;
            try
            {
                var step = await SendAsync(current);
                job = step.Next is null ? await RestAsync(current, step.Attempt!) : GoOn(current, step);
            }
            catch (Exception bug) when (bug is not OutOfMemoryException)
            {
                // The attempts must end, whatever it was; who called them knows what to do with an exception.
                current.Break(bug);
                Ahead?.Break(bug);
                await CloseAsync();
                job = await queue.WaitAsync();
            }
        }

        await CloseAsync();
    }

    private async ValueTask<SmtpStep> SendAsync(SmtpJob job)
    {
        if (connection is { TakesMore: false } && (connection.IsBroken || Ahead != job))
        {
            await CloseAsync();
        }

        if (connection is null)
        {
            (connection, var refused) = await SmtpConnection.OpenAsync(options, queue);
            if (connection is null)
            {
                return new(refused, Next: null);
            }

            queue.Overlaps = connection.Capabilities.Pipelining;
        }

        return await connection.SendAsync(job);
    }

    private static SmtpJob GoOn(SmtpJob job, SmtpStep step)
    {
        if (step.Attempt is not null)
        {
            job.End(step.Attempt);
        }

        return step.Next!;
    }

    /// <summary>Ready for work before the answer is told: whoever hears it and has more finds this connection, and opens none.</summary>
    private async ValueTask<SmtpJob?> RestAsync(SmtpJob job, Attempt attempt)
    {
        connection?.Rest();
        var next = queue.WaitAsync();
        job.End(attempt);
        return await next;
    }

    private async ValueTask CloseAsync()
    {
        if (connection is { } old)
        {
            connection = null;
            await old.DisposeAsync();
        }
    }
}
