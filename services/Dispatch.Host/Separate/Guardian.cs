using System.Diagnostics;
using System.Globalization;

namespace Dispatch.Host.Separate;

/// <summary>
/// Ends what this process started when this process is killed and can no longer do it. A small shell that reads names of processes from a pipe: the kernel closes the pipe, however we end,
/// and then it asks those that are left to end, in order.
/// Not PR_SET_PDEATHSIG: that follows the thread that started a child, and the pool's threads come and go; and macOS does not have it.
/// </summary>
sealed class Guardian : IDisposable
{
    private const string Script = """
        trap '' INT TERM HUP
        left=
        while read -r what id; do
          if [ "$what" = add ]; then left="$left $id"; else kept=; for it in $left; do [ "$it" = "$id" ] || kept="$kept $it"; done; left=$kept; fi
        done
        [ -z "$left" ] || kill -TERM $left
        """;

    private readonly Process _shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script]) { RedirectStandardInput = true })!;
    private readonly Lock _gate = new();

    public void Watch(int process) => Tell("add", process);

    /// <summary>It has ended; its number may be somebody else's now.</summary>
    public void Forget(int process) => Tell("drop", process);

    public void Dispose()
    {
        _shell.Dispose(); // closes the pipe
    }

    private void Tell(string what, int process)
    {
        lock (_gate)
        {
            try
            {
                _shell.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {process}"));
                _shell.StandardInput.Flush();
            }
            catch (IOException)
            {
                // Somebody killed it. We end our children ourselves, as long as we are not killed too.
            }
        }
    }
}
