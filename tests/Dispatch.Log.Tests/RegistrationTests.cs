using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Log.Tests;

public sealed class RegistrationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_log_stands_in_the_data_folder_with_every_topic_and_is_healthy()
    {
        await using var services = Build().Services.BuildServiceProvider();
        var log = services.GetRequiredService<IEventLog>();
        foreach (var topic in Contracts.Topics.All)
        {
            log.PartitionsOf(topic).ShouldBe(3);
        }

        Directory.Exists(_folder["log"]).ShouldBeTrue();
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["log"].Status.ShouldBe(HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_second_process_on_the_same_folder_is_told_why_it_cannot_start()
    {
        await using var first = Logs.Open(_folder["log"]);
        await using var host = Build().Build();
        (await Should.ThrowAsync<InvalidOperationException>(host.StartAsync())).Message.ShouldContain("in use by another process");
    }

    [Fact]
    public async Task A_process_takes_the_folder_over_when_the_other_has_ended()
    {
        var first = Logs.Open(_folder["log"]);
        await first.DisposeAsync();
        await using var second = Logs.Open(_folder["log"]);
        second.ClusterId.ShouldBe(first.ClusterId);
    }

    [Fact]
    public async Task A_closed_log_refuses_and_says_that_nothing_was_written()
    {
        var log = Logs.Open(_folder["log"]);
        await log.DisposeAsync();
        (await Should.ThrowAsync<AppendException>(async () => await log.AppendAsync([Logs.Value("v")]))).Persistence.ShouldBe(Persistence.NotPersisted);
    }

    [Fact]
    public async Task Settings_that_make_no_sense_stop_the_start()
    {
        await using var host = Build(partitions: "0", segmentBytes: "12").Build();
        var fault = await Should.ThrowAsync<OptionsValidationException>(host.StartAsync());
        fault.Failures.Count().ShouldBe(2);
    }

    [Fact]
    public async Task A_topic_keeps_its_partitions_when_the_setting_changes()
    {
        await using (Logs.Open(_folder["log"]))
        {
        }

        await using var log = Logs.Open(Logs.Options(_folder["log"]) with { Partitions = 8 });
        log.PartitionsOf(Logs.Topic).ShouldBe(2);
    }

    private WebApplicationBuilder Build(string partitions = "3", string segmentBytes = "65536")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders(); // a start that fails on purpose need not shout
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Dispatch:Data"] = _folder.Path, ["Dispatch:Log:Partitions"] = partitions, ["Dispatch:Log:SegmentBytes"] = segmentBytes, ["Dispatch:Log:ReserveBytes"] = "16384",
        });
        builder.AddEventLog();
        builder.AddEventLog();
        return builder;
    }
}
