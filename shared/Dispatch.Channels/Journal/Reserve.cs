using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Channels.Journal;

/// <summary>Room for what will be written: a disk that fills up later cannot refuse it. Where a file system cannot promise that, the write will tell.</summary>
static partial class Reserve
{
    private const int KeepSize = 1;
    private const int NotSupported = 95;

    /// <exception cref="IOException">There is no room.</exception>
    public static void Take(SafeFileHandle file, long bytes)
    {
        if (OperatingSystem.IsLinux() && Allocate(file, KeepSize, 0, bytes) != 0 && Marshal.GetLastPInvokeError() is var error and not NotSupported)
        {
            throw new IOException($"fallocate: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})", error);
        }
    }

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);
}
