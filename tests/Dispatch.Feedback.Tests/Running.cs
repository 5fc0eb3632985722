using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Record = Dispatch.Log.Record;

namespace Dispatch.Feedback.Tests;

/// <summary>Feedback as it is composed, on a real file log in a folder and a real database.</summary>
sealed class Running : IAsyncDisposable
{
    private readonly IHost _host;

    private Running(IHost host) => _host = host;

    public IEventLog Log => _host.Services.GetRequiredService<IEventLog>();

    public static async Task<Running> StartAsync(string folder, TestDatabase database, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Dispatch:Data"] = folder,
            ["Dispatch:AdminListen"] = "http://127.0.0.1:0",
            ["Dispatch:Postgres"] = database.ConnectionString,
            ["Dispatch:Feedback:CommitInterval"] = "00:00:00.050",
        });
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        builder.AddFeedback();
        var host = builder.Build();
        await host.StartAsync();
        return new Running(host);
    }

    public async Task<HealthReportEntry> HealthAsync() => (await _host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["feedback"];

    public ValueTask AppendAsync(string topic, params IMessage[] records) => Log.AppendAsync([.. records.Select(record => new Record(topic, KeyOf(record), record.ToByteArray()))]);

    private static byte[] KeyOf(IMessage record) => record switch
    {
        Request request => request.Recipients[0].RecipientKey.ToByteArray(),
        Outcome outcome when !outcome.RecipientKey.IsEmpty => outcome.RecipientKey.ToByteArray(),
        _ => [1],
    };

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}
