using Microsoft.Extensions.Logging;

namespace Dispatch.Sandbox.Oracle;

/// <summary>
/// The thread that writes all oracle logs of one Sandbox. It sleeps while there is nothing, then lets a few milliseconds of receipts gather for each write,
/// so that a full load costs some two hundred writes a second and a single receipt is on file at once for any human purpose.
/// </summary>
sealed class OracleWriter : IDisposable
{
    static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(5); // far inside the 50 ms that are promised
    static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    readonly string folder;
    readonly ILogger log;
    readonly Thread thread;
    readonly AutoResetEvent wake = new(initialState: false);
    readonly Lock gate = new();
    readonly List<OracleFile> files = [];
    volatile bool stopping;

    /// <param name="folder">Made when missing.</param>
    public OracleWriter(string folder, ILogger log)
    {
        this.folder = folder;
        this.log = log;
        Directory.CreateDirectory(folder);
        thread = new Thread(Run) { IsBackground = true, Name = "sandbox oracle" };
        thread.Start();
    }

    /// <summary>The log of one provider; lanes of it share the file.</summary>
    public OracleFile Open(string provider)
    {
        var file = new OracleFile(Path.Combine(folder, provider + ".jsonl"), provider, this);
        lock (gate)
        {
            files.Add(file);
        }

        return file;
    }

    public void Wake() => wake.Set();

    /// <summary>Returns when everything that was appended before the call is in its file.</summary>
    public void Flush()
    {
        lock (gate)
        {
            foreach (var file in files)
            {
                file.WriteOut();
                file.WriteOut(); // the first may have finished what a fault had left
            }
        }
    }

    public void Dispose()
    {
        stopping = true;
        wake.Set();
        thread.Join();
        Flush();
        foreach (var file in files)
        {
            file.Dispose();
        }

        wake.Dispose();
    }

    void Run()
    {
        while (!stopping)
        {
            wake.WaitOne();
            Thread.Sleep(Gather);
            try
            {
                Flush();
            }
            catch (IOException e)
            {
                log.OracleStuck(folder, e.Message);
                Thread.Sleep(AfterFault);
                wake.Set();
            }
        }
    }
}
