using System.Diagnostics;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>A process whose fdatasync returns EIO while a file exists: once ("one"), or as long as it is there ("all").</summary>
public sealed class FailingSyncTests : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdlib.h>
        #include <string.h>
        #include <stdio.h>
        #include <unistd.h>

        int fdatasync(int fd)
        {
            const char *flag = getenv("FAIL_SYNC");
            FILE *file = flag ? fopen(flag, "r") : NULL;
            if (file) {
                char word[8] = "";
                fgets(word, sizeof word, file);
                fclose(file);
                if (!strcmp(word, "one")) unlink(flag);
                errno = EIO;
                return -1;
            }
            int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
            return real(fd);
        }
        """;

    private readonly TempFolder _folder = new();
    private readonly string _flag;

    public FailingSyncTests() => _flag = _folder["fail"];

    public void Dispose() => _folder.Dispose();

    [FactWithCompiler]
    public async Task A_failed_sync_fails_what_was_in_flight_closes_the_file_and_the_next_append_goes_on_in_a_new_one()
    {
        using var child = await StartAsync();
        (await AppendAsync(child, "before")).ShouldBe("ok");
        await FailAsync("one");
        (await AppendAsync(child, "failed")).ShouldSatisfyAllConditions(answer => answer.ShouldStartWith("NotPersisted"), answer => answer.ShouldContain("errno 5"));
        File.Exists(_flag).ShouldBeFalse();
        (await AppendAsync(child, "after")).ShouldBe("ok");
        Directory.GetFiles(_folder["log"], "*.wal").Length.ShouldBe(2);
        await KillAsync(child);

        await using var log = Open();
        (await ReadAsync(log)).ShouldBe(["before", "after"]);
        log.Damages.ShouldBeEmpty();
    }

    [FactWithCompiler]
    public async Task While_no_sync_succeeds_nobody_is_told_that_anything_is_durable_and_it_heals()
    {
        using var child = await StartAsync();
        (await AppendAsync(child, "before")).ShouldBe("ok");
        await FailAsync("all");
        (await AppendAsync(child, "in doubt")).ShouldStartWith("PossiblyPersisted");
        (await AppendAsync(child, "never")).ShouldStartWith("NotPersisted");
        (await AppendAsync(child, "never")).ShouldStartWith("NotPersisted");
        File.Delete(_flag);
        await Eventually.HoldsAsync(async () => await AppendAsync(child, "after") == "ok");
        await KillAsync(child);

        await using var log = Open();
        (await ReadAsync(log)).ShouldBe(["before", "after"]);
        log.Damages.ShouldBeEmpty();
    }

    [FactWithCompiler]
    public async Task What_was_in_doubt_when_the_process_died_is_not_taken_for_damage()
    {
        using var child = await StartAsync();
        (await AppendAsync(child, "before")).ShouldBe("ok");
        await FailAsync("all");
        (await AppendAsync(child, "in doubt")).ShouldStartWith("PossiblyPersisted");
        await KillAsync(child);

        await using var log = Open();
        (await ReadAsync(log)).Where(value => value != "in doubt").ShouldBe(["before"]);
        log.Damages.ShouldAllBe(damage => damage.Kind == DamageKind.TornTail);
        await log.AppendAsync([Logs.Value("after")]);
    }

    private Task FailAsync(string how) => File.WriteAllTextAsync(_flag, how);

    private Files.FileLog Open() => Logs.Open(Logs.Options(_folder["log"]) with { Partitions = 4 });

    private static async Task<List<string>> ReadAsync(Files.FileLog log)
    {
        var values = new List<string>();
        for (var partition = 0; partition < log.PartitionsOf(Logs.Topic); partition++)
        {
            values.AddRange(await Logs.ReadAsync(log, new TopicPartition(Logs.Topic, partition)));
        }

        return values;
    }

    private async Task<Process> StartAsync()
    {
        var library = _folder["fail.so"];
        await File.WriteAllTextAsync(_folder["fail.c"], Source);
        SmallDisk.Run("gcc", "-shared", "-fPIC", "-O1", "-w", "-o", library, _folder["fail.c"], "-ldl");
        var child = Crasher.Start(new Dictionary<string, string> { ["LD_PRELOAD"] = library, ["FAIL_SYNC"] = _flag }, "appends", _folder["log"]);
        (await child.StandardOutput.ReadLineAsync()).ShouldBe("ready");
        return child;
    }

    private static async Task<string> AppendAsync(Process child, string value)
    {
        await child.StandardInput.WriteLineAsync(value);
        await child.StandardInput.FlushAsync();
        return await child.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await child.StandardError.ReadToEndAsync());
    }

    private static async Task KillAsync(Process child)
    {
        child.Kill();
        await child.WaitForExitAsync();
    }
}
