using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Store.Control;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

/// <summary>The Router as it is composed in production, on the file log and a real PostgreSQL.</summary>
sealed class RunningRouter : IAsyncDisposable
{
    private readonly IHost _host;

    private RunningRouter(IHost host) => _host = host;

    public IEventLog EventLog => _host.Services.GetRequiredService<IEventLog>();

    public ModeBook Modes => _host.Services.GetRequiredService<ModeBook>();

    public T Service<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    public static async Task<RunningRouter> StartAsync(string data, TestDatabase store, params IEnumerable<(string Key, string Value)> settings)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Dispatch:Data"] = data,
            ["Dispatch:Postgres"] = store.ConnectionString,
            ["Dispatch:AdminListen"] = $"http://127.0.0.1:{FreePorts.One()}",
            ["Dispatch:Log:Partitions"] = "2",
            ["Dispatch:Store:ProbeInterval"] = "00:00:00.200",
            ["Dispatch:Router:RefreshInterval"] = "00:00:00.050",
            ["Dispatch:Router:SweepInterval"] = "00:00:00.200",
            ["Logging:LogLevel:Default"] = "Warning",
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.AddRouter();
        var host = builder.Build();
        await host.StartAsync();
        return new RunningRouter(host);
    }

    /// <summary>Cancels a request as the API does, and waits until this Router has heard of it.</summary>
    public async Task CancelAsync(Id request)
    {
        var now = DateTimeOffset.UtcNow;
        await Eventually.HoldsAsync(() => Service<Database>().IsReady);
        await Service<ControlStore>().CancelAsync(Given.Tenant, request, "test", now, now.AddHours(1), CancellationToken.None);
        await Eventually.HoldsAsync(() => Modes.Current.CancelledRequests.Contains(request));
    }

    public async Task PostAsync(params IEnumerable<Request> requests) => await EventLog.AppendAsync(
        [.. requests.Select(request => new Record(Topics.Requests(request.Class), request.Recipients[0].RecipientKey.Memory, request.ToByteArray()))]);

    public async Task RerouteAsync(params IEnumerable<Message> messages) => await EventLog.AppendAsync(
        [.. messages.Select(message => new Record(Topics.Reroute(message.Class), message.RecipientKey.Memory, message.ToByteArray()))]);

    public Task<List<Outcome>> OutcomesAsync() => EventLog.AllAsync(Topics.Outcomes, Outcome.Parser);

    /// <summary>What stands on the channels of a class, or of all.</summary>
    public Task<List<Message>> RoutedAsync(params TrafficClass[] classes) => EventLog.RoutedAsync(classes);

    /// <summary>Waits until so many messages have an outcome of such a kind.</summary>
    public Task SettledAsync(int count, params OutcomeKind[] kinds) => Eventually.HoldsAsync(
        async () => (await OutcomesAsync()).Where(outcome => kinds.Length == 0 || kinds.Contains(outcome.Kind)).Select(outcome => outcome.MessageId).Distinct().Count() >= count);

    /// <summary>Everything that was appended has been handled.</summary>
    public Task DrainedAsync() => Eventually.HoldsAsync(async () =>
    {
        foreach (var topic in RouterWork.Group.Topics.Where(topic => !topic.StartsWith("held.", StringComparison.Ordinal)))
        {
            for (var partition = 0; partition < EventLog.PartitionsOf(topic); partition++)
            {
                var at = new TopicPartition(topic, partition);
                if ((await EventLog.PositionAsync(RouterWork.GroupName, at))?.Next is var next && (next ?? 0) < await EventLog.EndAsync(at))
                {
                    return false;
                }
            }
        }

        return true;
    });

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}

static class LogReading
{
    public static async Task<List<T>> AllAsync<T>(this IEventLog log, string topic, MessageParser<T> parser)
        where T : IMessage<T>
    {
        var all = new List<T>();
        for (var partition = 0; partition < log.PartitionsOf(topic); partition++)
        {
            await foreach (var entry in log.ScanAsync(new TopicPartition(topic, partition), DateTimeOffset.UnixEpoch))
            {
                all.Add(parser.ParseFrom(entry.Value.Span));
            }
        }

        return all;
    }

    public static async Task<List<Message>> RoutedAsync(this IEventLog log, params TrafficClass[] classes)
    {
        var routed = new List<Message>();
        foreach (var of in classes.Length == 0 ? [.. Topics.Classes] : classes)
        {
            foreach (var channel in Topics.Channels)
            {
                routed.AddRange(await log.AllAsync(Topics.Messages(channel, of), Message.Parser));
            }
        }

        return routed;
    }
}
