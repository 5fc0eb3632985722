using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Ingest.Tests;

/// <summary>A log whose disk fails when it is told to, in front of a real one.</summary>
sealed class BrokenLog(IEventLog real) : ForwardingLog(real)
{
    /// <summary>null: it works.</summary>
    public Persistence? Fault { get; set; }

    public List<Request> Appended { get; } = [];

    public void Replace(IServiceCollection services) => services.Replace(ServiceDescriptor.Singleton<IEventLog>(this));

    public override async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        if (Fault is { } persistence)
        {
            throw new AppendException("no space left on device", persistence);
        }

        Appended.AddRange(records.Select(it => Request.Parser.ParseFrom(it.Value.Span)));
        await base.AppendAsync(records, stop);
    }
}
