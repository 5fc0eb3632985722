using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// The few things that must reach the disk. RandomAccess.FlushToDisk swallows EROFS and EINVAL, so a disk that turned read-only would look durable:
/// here the system call is made directly and every errno is an <see cref="IOException"/>.
/// </summary>
public static partial class Disk
{
    private const int Interrupted = 4; // EINTR, the same number on Linux and macOS
    private static long _syncs;

    static Disk() =>
        // From the process's global scope, where the tests can preload a library whose sync fails.
        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), static (name, _, _) => name == "libc" ? NativeLibrary.GetMainProgramHandle() : 0);

    /// <summary>Syncs since the process started, of every kind and every log: what a benchmark divides by.</summary>
    public static long Syncs => Interlocked.Read(ref _syncs);

    /// <exception cref="IOException">The bytes may or may not be on the disk, and a second try proves nothing: the kernel may have dropped them.</exception>
    public static void Sync(SafeFileHandle file, TimeSpan delay = default)
    {
        Interlocked.Increment(ref _syncs);
        Telemetry.Syncs.Add(1);
        if (delay > TimeSpan.Zero)
        {
            Thread.Sleep(delay);
        }

        if (OperatingSystem.IsMacOS())
        {
            RandomAccess.FlushToDisk(file); // F_FULLFSYNC; fdatasync stops at the drive's cache there
            return;
        }

        Check(() => FDataSync(file), "fdatasync");
    }

    /// <summary>A new, renamed or deleted name is durable only after this.</summary>
    public static void SyncFolder(string folder)
    {
        const int readOnly = 0;
        var closeOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;
        Interlocked.Increment(ref _syncs);
        Telemetry.Syncs.Add(1);
        var handle = Open(folder, readOnly | closeOnExec);
        if (handle < 0)
        {
            throw Error("open", Marshal.GetLastPInvokeError());
        }

        try
        {
            Check(() => FSync(handle), "fsync");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>The whole file or the old one, never a half: written aside, synced, renamed, and the folder synced.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var aside = path + ".new";
        using (var file = File.OpenHandle(aside, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(file, content, 0);
            Sync(file);
        }

        File.Move(aside, path, overwrite: true);
        SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <returns>How many bytes of <paramref name="into"/> the file could fill from there.</returns>
    public static int Read(SafeFileHandle file, Span<byte> into, long position)
    {
        var done = 0;
        while (done < into.Length && RandomAccess.Read(file, into[done..], position + done) is > 0 and var read)
        {
            done += read;
        }

        return done;
    }

    private static void Check(Func<int> call, string name)
    {
        while (call() != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw Error(name, error);
            }
        }
    }

    private static IOException Error(string call, int error)
    {
        Debug.Assert(error != 0, "a failed call sets errno");
        return new IOException($"{call}: {new Win32Exception(error).Message} (errno {error})", error);
    }

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories), LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories), LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int file);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories), LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories), LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
