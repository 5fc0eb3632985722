using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests;

public sealed class FileLogContractTests : EventLogContract
{
    private readonly TempFolder _folder = new();

    protected override Task<IEventLog> OpenAsync() => Task.FromResult<IEventLog>(FileLog.Open(
        new FileLogOptions { Folder = _folder.Path, SegmentBytes = 256 * 1024, ReserveBytes = 64 * 1024 }, [Requests, Push, Outcomes], NullLogger.Instance));

    protected override Task CloseAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }
}
