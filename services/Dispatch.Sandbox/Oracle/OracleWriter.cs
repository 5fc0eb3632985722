using Microsoft.Extensions.Logging;

namespace Dispatch.Sandbox.Oracle;

/// <summary>
/// The thread that writes what nobody else has written: receipts that get no answer, and lines that the file system refused the first time.
/// </summary>
sealed class OracleWriter : IDisposable
{
    static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(20); // by then those who answer have mostly written all; 50 ms are promised
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
    public bool Flush()
    {
        var done = true;
        lock (gate)
        {
            foreach (var file in files)
            {
                done &= file.WriteOut();
            }
        }

        return done;
    }

    public void Stuck(string path, IOException fault)
    {
        log.OracleStuck(path, fault.Message);
        wake.Set();
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
            if (!Flush())
            {
                Thread.Sleep(AfterFault);
            }
        }
    }
}
