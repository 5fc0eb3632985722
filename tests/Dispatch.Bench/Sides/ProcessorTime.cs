using System.Diagnostics;
using System.Globalization;

namespace Dispatch.Bench.Sides;

/// <summary>
/// Processor time, user and system, of processes that are counted together. A server like PostgreSQL has a process for each connection, and those that ended are in the books
/// of their parent: so one that ends between two looks is not lost. Source: proc_pid_stat(5).
/// </summary>
static class ProcessorTime
{
    private const int TicksPerSecond = 100; // USER_HZ: what the kernel counts in towards us, on every machine that .NET runs on

    public static TimeSpan Self
    {
        get
        {
            using var self = Process.GetCurrentProcess();
            return self.TotalProcessorTime;
        }
    }

    /// <summary>Of children of this process that ended and were waited for.</summary>
    public static TimeSpan EndedChildren => Of("self") is { } self ? Span(self.Ended) : TimeSpan.Zero;

    /// <summary>A process, its children, and those of its children that ended.</summary>
    public static TimeSpan WithChildren(int id)
    {
        var sum = 0L;
        foreach (var name in Directory.EnumerateDirectories("/proc").Select(Path.GetFileName))
        {
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var one) && Of(name) is { } times && (one == id || times.Parent == id))
            {
                sum += times.Own + times.Ended;
            }
        }

        return Span(sum);
    }

    /// <returns>Null: it ended meanwhile.</returns>
    private static (int Parent, long Own, long Ended)? Of(string process)
    {
        try
        {
            var line = File.ReadAllText($"/proc/{process}/stat");
            var fields = line[(line.LastIndexOf(')') + 2)..].Split(' '); // from field 3, state, on: the name before it may hold anything
            long Field(int number) => long.Parse(fields[number - 3], CultureInfo.InvariantCulture);
            return ((int)Field(4), Field(14) + Field(15), Field(16) + Field(17));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static TimeSpan Span(long ticks) => TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
}
