using System.Diagnostics;
using Dispatch.Store.Private;
using Dispatch.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Dispatch.Store.Tests;

/// <summary>The store as every service registers it, without a connection string: with a server of its own.</summary>
public sealed class StoreRegistrationTests : IDisposable
{
    private readonly TempFolder temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task The_private_server_comes_up_by_itself_back_after_a_kill_and_ends_with_the_host()
    {
        using var host = Build(("Dispatch:Data", temp.Path));
        var server = host.Services.GetRequiredService<PrivateServer>();
        var (database, probe) = (host.Services.GetRequiredService<Database>(), host.Services.GetRequiredService<WriteProbe>());
        await host.StartAsync();
        await database.WhenReadyAsync(default).WaitAsync(TimeSpan.FromMinutes(1));
        await probe.WhenWritableAsync(default).WaitAsync(TimeSpan.FromMinutes(1));
        (await HealthAsync(host)).ShouldBe(HealthStatus.Healthy);

        var first = server.ProcessId.ShouldNotBeNull();
        using (var postmaster = Process.GetProcessById(first))
        {
            postmaster.Kill();
        }

        await Eventually.HoldsAsync(() => server.ProcessId is { } now && now != first, TimeSpan.FromMinutes(1));
        await Eventually.HoldsAsync(async () => await WritesAsync(database), TimeSpan.FromMinutes(1));
        await host.StopAsync();
        server.ProcessId.ShouldBeNull();
    }

    [Fact]
    public async Task Whoever_starts_while_the_server_lives_on_goes_on_with_it()
    {
        var orphan = new PrivateServer(temp["postgres"], durable: false); // as after a kill of the process that had started it
        await orphan.StartAsync(default);
        var before = orphan.ProcessId;
        using var host = Build(("Dispatch:Data", temp.Path));
        await host.StartAsync();
        await host.Services.GetRequiredService<Database>().WhenReadyAsync(default).WaitAsync(TimeSpan.FromMinutes(1));
        orphan.ProcessId.ShouldBe(before);
        await host.StopAsync();
        orphan.ProcessId.ShouldBeNull();
    }

    [Fact]
    public async Task A_store_that_is_nowhere_holds_nobody_up_and_shows_as_degraded()
    {
        using var host = Build(("Dispatch:Data", temp.Path), ("Dispatch:Postgres", $"Host={temp["nowhere"]};Username=dispatch;Database=dispatch"));
        await host.StartAsync().WaitAsync(TimeSpan.FromSeconds(30));
        (await HealthAsync(host)).ShouldBe(HealthStatus.Degraded);
        host.Services.GetRequiredService<Database>().IsReady.ShouldBeFalse();
        await host.StopAsync();
    }

    [Fact]
    public async Task Settings_that_make_no_sense_stop_the_start()
    {
        using var host = Build(("Dispatch:Data", temp.Path), ("Dispatch:Store:ConnectionsMax", "1"), ("Dispatch:Store:RetentionDays", "0"));
        var refusal = await Should.ThrowAsync<OptionsValidationException>(() => host.StartAsync());
        refusal.Failures.Count().ShouldBe(2);
    }

    private static IHost Build(params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Dispatch:Store:ProbeInterval"] = "00:00:00.200", ["Dispatch:Store:Durable"] = "false" });
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));
        builder.AddStore().AddStore();
        return builder.Build();
    }

    private static async Task<HealthStatus> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["postgres"].Status;

    private static async Task<bool> WritesAsync(Database database)
    {
        try
        {
            await using var connection = await database.OpenAsync(default);
            await connection.Statement("probe/write").Add("test").ExecuteAsync(default);
            return true;
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            return false;
        }
    }
}
