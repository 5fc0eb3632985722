using System.Security.Cryptography;
using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Log.Tests;

/// <summary>On a real file system of 2 MB.</summary>
public sealed class FullDiskTests
{
    private const int DiskKilobytes = 2 * 1024;

    [FactWithMount]
    public async Task A_full_disk_fails_appends_clearly_but_takes_outcomes_and_positions_and_heals_when_they_free_it()
    {
        using var disk = new SmallDisk(DiskKilobytes);
        await using var log = Logs.Open(Options(disk));
        await using var hop = await Hop.RunAsync(log, "hop", Logs.Topic);
        var acknowledged = await FillAsync(log);

        var full = await Should.ThrowAsync<AppendException>(async () => await log.AppendAsync([Large(-1)]));
        full.Persistence.ShouldBe(Persistence.NotPersisted);
        full.Message.ShouldContain("no room");
        (await new LogHealthCheck(log).CheckHealthAsync(new HealthCheckContext())).Status.ShouldBe(HealthStatus.Unhealthy);

        await log.AppendAsync([Logs.Value("sent", topic: "outcomes")]);
        await hop[Logs.First].CommitAsync([], new Position(1));
        await hop[Logs.First].CommitAsync([Logs.Value("done", topic: "outcomes")], new Position(2));
        log.IsReserveInUse.ShouldBeTrue();
        (await Should.ThrowAsync<AppendException>(async () => await hop[Logs.First].CommitAsync([Large(-2)], new Position(3)))).Persistence.ShouldBe(Persistence.NotPersisted);

        (await log.PositionAsync("hop", Logs.First)).ShouldBe(new Position(2));
        (await Logs.ReadAsync(log, new TopicPartition("outcomes", 0))).ShouldBe(["sent", "done"]);
        (await Logs.ReadAsync(log, Logs.First)).Count.ShouldBe(acknowledged);

        await hop.PassAllAsync(); // everything was read: retention may free the disk, age or not
        await Eventually.HoldsAsync(async () => await TryAppendAsync(log));
        log.Fault.ShouldBeNull();
        (await new LogHealthCheck(log).CheckHealthAsync(new HealthCheckContext())).Status.ShouldBe(HealthStatus.Healthy);
        log.Damages.ShouldBeEmpty();
    }

    [FactWithMount]
    public async Task A_disk_that_is_full_at_start_stops_nothing_but_appends_until_there_is_room()
    {
        using var disk = new SmallDisk(DiskKilobytes);
        var ballast = disk["ballast"];
        await File.WriteAllBytesAsync(ballast, new byte[(DiskKilobytes * 1024) - (64 * 1024)]);

        await using (var log = Logs.Open(Options(disk)))
        {
            (await Should.ThrowAsync<AppendException>(async () => await log.AppendAsync([Logs.Value("too early")]))).Persistence.ShouldBe(Persistence.NotPersisted);
            File.Delete(ballast);
            await Eventually.HoldsAsync(async () => await TryAppendAsync(log));
        }

        await using var again = Logs.Open(Options(disk));
        again.Damages.ShouldBeEmpty();
        (await Logs.ReadAsync(again, Logs.First)).ShouldNotContain("too early");
    }

    [FactWithMount]
    public async Task A_log_that_was_killed_on_a_full_disk_comes_back_with_all_that_was_acknowledged()
    {
        using var disk = new SmallDisk(DiskKilobytes);
        using var crashed = new MemoryFolder();
        int acknowledged;
        await using (var log = Logs.Open(Options(disk)))
        {
            acknowledged = await FillAsync(log);
            await log.AppendAsync([Logs.Value("sent", topic: "outcomes")]);
            Logs.CopyAsCrashed(disk["log"], crashed.Path);
        }

        await using var again = Logs.Open(Options(disk) with { Folder = crashed.Path });
        again.Damages.ShouldBeEmpty();
        (await Logs.ReadAsync(again, Logs.First)).Count.ShouldBe(acknowledged);
        (await Logs.ReadAsync(again, new TopicPartition("outcomes", 0))).ShouldBe(["sent"]);
    }

    private static FileLogOptions Options(SmallDisk disk) => Logs.Options(disk["log"]) with { SegmentBytes = 256 * 1024, ReserveBytes = 64 * 1024 };

    private static Record Large(int number) => Logs.Value($"{number} {Convert.ToHexString(RandomNumberGenerator.GetBytes(2_000))}");

    private static async Task<int> FillAsync(FileLog log)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                await log.AppendAsync([Large(i)]);
            }
            catch (AppendException)
            {
                return i;
            }
        }
    }

    private static async Task<bool> TryAppendAsync(FileLog log)
    {
        try
        {
            await log.AppendAsync([Large(0)]);
            return true;
        }
        catch (AppendException e) when (e.Persistence == Persistence.NotPersisted)
        {
            return false;
        }
    }
}
