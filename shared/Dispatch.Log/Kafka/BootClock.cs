using System.Runtime.InteropServices;

namespace Dispatch.Log.Kafka;

/// <summary>Milliseconds since the machine started, with the time in which this process, or the whole machine, stood still.</summary>
static partial class BootClock
{
    private const int BootTime = 7; // CLOCK_BOOTTIME; clock_gettime(2)

    public static long Milliseconds => OperatingSystem.IsLinux() && clock_gettime(BootTime, out var at) == 0 ? (at.Seconds * 1_000) + (at.Nanoseconds / 1_000_000) : Environment.TickCount64;

    [LibraryImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int clock_gettime(int clock, out Time at);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Time
    {
        public readonly long Seconds;
        public readonly long Nanoseconds;
    }
}
