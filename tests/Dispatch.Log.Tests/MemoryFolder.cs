namespace Dispatch.Log.Tests;

/// <summary>A folder in memory where the machine has one: for tests that open thousands of logs and do not ask the disk for anything.</summary>
sealed class MemoryFolder : IDisposable
{
    private const string Shared = "/dev/shm";

    public string Path { get; } = Directory.Exists(Shared)
        ? Directory.CreateDirectory(System.IO.Path.Combine(Shared, $"dispatch-test-{Guid.NewGuid():n}")).FullName
        : Directory.CreateTempSubdirectory("dispatch-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
