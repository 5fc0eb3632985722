using System.Diagnostics;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

/// <summary>A Router in a process of its own, killed with -9 as soon as it has reserved something: it finds its own places again, and nothing is lost or doubled.</summary>
public sealed class KillTests : IAsyncLifetime, IDisposable
{
    private const int Kills = 4;
    private const int Limit = 3;
    private const int Alone = 350; // recipients who get one message each
    private readonly TempFolder _folder = new();
    private TestDatabase _store = null!;

    public async Task InitializeAsync() => _store = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _store.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Killed_between_reserving_and_committing_it_keeps_caps_exact_and_loses_nothing()
    {
        await new CapRules(_store.Database).AddAsync(
            new CapRule(0, Id.New(DateTimeOffset.UtcNow), Given.Tenant, CapKind.Global, "", [.. Topics.Classes], Limit, TimeSpan.FromDays(1)), default);
        var capped = Given.Recipient();
        List<Request> requests =
        [
            .. Enumerable.Range(0, 50).Select(i => Given.Request(Topics.Classes[i % 3], Given.Reached(Given.Recipient(), Channel.Email), Given.Reached(capped, Topics.Channels[i / 3 % 3]))),
            .. Enumerable.Range(0, 300).Select(i => Given.Request(Topics.Classes[i % 3], Given.Recipient(), Topics.Channels[i % 3])),
        ];
        for (var kill = 0; kill < Kills; kill++)
        {
            await FillAsync(requests.Where((_, i) => i % Kills == kill)); // each Router finds something to reserve, however much the one before it got done
            await RunUntilItReservesAsync();
        }

        await using var last = await RunningRouter.StartAsync(_folder.Path, _store);
        await last.DrainedAsync();
        var expected = requests.SelectMany(request => request.Recipients).SelectMany(recipient => recipient.Addresses).Select(address => address.MessageId).ToList();
        (await last.OutcomesAsync()).Select(outcome => outcome.MessageId).ShouldBe(expected, ignoreOrder: true); // each once
        var routed = await last.RoutedAsync();
        routed.Count(message => message.RecipientKey.Span.SequenceEqual(capped)).ShouldBe(Limit);
        routed.Count.ShouldBe(Alone + Limit);
        routed.Select(message => message.MessageId).Distinct().Count().ShouldBe(routed.Count);
        routed.ShouldAllBe(message => message.CapCheck == CapCheck.Reserved);
    }

    private async Task RunUntilItReservesAsync()
    {
        var before = await PlacesAsync();
        using var router = Process.Start(new ProcessStartInfo("dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "Dispatch.Router.dll"), $"--Dispatch:Data={_folder.Path}", $"--Dispatch:Postgres={_store.ConnectionString}",
            $"--Dispatch:AdminListen=http://127.0.0.1:{FreePorts.One()}", "--Dispatch:Log:Partitions=2", "--Dispatch:Router:MessagesAtOnceMax=3",
            "--Logging:LogLevel:Default=Warning",
        ]))!;
        try
        {
            await Eventually.HoldsAsync(async () => router.HasExited || await PlacesAsync() > before, TimeSpan.FromSeconds(60));
            router.HasExited.ShouldBeFalse("it stopped by itself");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{before} places were taken before it started, {await PlacesAsync()} are now, of {Alone + Limit}", e);
        }
        finally
        {
            router.Kill();
            await router.WaitForExitAsync();
        }
    }

    private Task<long> PlacesAsync() => _store.ScalarAsync<long>("select coalesce(sum(length(places) / 16), 0)::bigint from caps");

    private async Task FillAsync(IEnumerable<Request> requests)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Dispatch:Data"] = _folder.Path, ["Dispatch:Log:Partitions"] = "2" });
        builder.AddEventLog();
        using var host = builder.Build();
        await using var log = host.Services.GetRequiredService<IEventLog>();
        await log.AppendAsync([.. requests.Select(request => new Record(Topics.Requests(request.Class), request.Recipients[0].RecipientKey.Memory, request.ToByteArray()))]);
    }
}
