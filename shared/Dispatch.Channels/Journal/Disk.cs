using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Channels.Journal;

/// <summary>What the file system promises only to those who ask and look at the answer. .NET's own flush swallows EROFS and EINVAL, so that a disk that turned read-only looks durable.</summary>
static partial class Disk
{
    private const int ReadOnly = 0;
    private const int KeepSize = 1;

    /// <summary>Everything written to the file so far survives a power cut.</summary>
    /// <exception cref="IOException">It may not; nothing written since the last success can be counted on, whatever a second try says.</exception>
    public static void Sync(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
        {
            Check(FDataSync(file), "fdatasync");
        }
        else
        {
            RandomAccess.FlushToDisk(file); // macOS: F_FULLFSYNC
        }
    }

    /// <summary>Files made, renamed or deleted in the folder so far stay so after a power cut.</summary>
    public static void SyncFolder(string folder)
    {
        var handle = Open(folder, ReadOnly);
        Check(handle, "open");
        try
        {
            Check(FSync(handle), "fsync");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>Room for what will be written: a disk that fills up later cannot refuse it. Where the file system cannot promise that, the write will tell.</summary>
    /// <exception cref="IOException">There is no room.</exception>
    public static void Reserve(SafeFileHandle file, long bytes)
    {
        const int NotSupported = 95;
        if (OperatingSystem.IsLinux() && Allocate(file, KeepSize, 0, bytes) != 0 && Marshal.GetLastPInvokeError() != NotSupported)
        {
            throw Failed("fallocate");
        }
    }

    private static void Check(int result, string call)
    {
        if (result < 0)
        {
            throw Failed(call);
        }
    }

    private static IOException Failed(string call) =>
        new($"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())} (errno {Marshal.GetLastPInvokeError()})");

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FSync(int file);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int file);
}
