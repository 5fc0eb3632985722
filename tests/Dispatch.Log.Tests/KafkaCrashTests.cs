using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>Owners of partitions are killed with -9 and frozen beyond their session, while others take over.</summary>
[NeedsKafka, Collection(RealKafka.Name)]
public sealed class KafkaCrashTests : IAsyncLifetime
{
    private const int Kills = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ConcurrentBag<string> _acknowledged = [];
    private KafkaOptions _options = new();

    public async Task InitializeAsync() => _options = await RealKafka.MakeAnewAsync(Work.In, Work.Out);

    public Task DisposeAsync() => Task.CompletedTask;

    [ContractFact]
    public async Task Commits_of_a_killed_owner_are_whole_and_the_next_one_goes_on_where_they_ended()
    {
        var random = new Random(7);
        for (var run = 0; run < Kills; run++)
        {
            await using var log = await Logs.OpenAsync(_options, Work.In, Work.Out);
            var before = await DoneAsync(log);
            await using var child = new Child(_options, run, _acknowledged);
            await Eventually.HoldsAsync(async () => await DoneAsync(log) > before, Patience); // the session of the one before had to end
            await Task.Delay(random.Next(0, 100)); // so that kills fall anywhere in a transaction
            await child.KillAsync();
            await Copies.AreWholeAsync(log, _acknowledged, $"after kill {run}");
        }
    }

    [ContractFact]
    public async Task A_frozen_owner_is_replaced_and_commits_nothing_when_it_thaws()
    {
        await using var log = await Logs.OpenAsync(_options, Work.In, Work.Out);
        await using var child = new Child(_options, 0, _acknowledged);
        await Eventually.HoldsAsync(async () => await DoneAsync(log) > 0, Patience);
        child.Freeze();

        using var stop = new CancellationTokenSource();
        var taken = new ConcurrentDictionary<int, bool>();
        var run = log.RunAsync(new Group("hop", [Work.In]) { BatchSizeMax = 20 }, async (partition, revoked) =>
        {
            taken[partition.Id.Partition] = true;
            await Work.CopyAsync(partition, revoked);
        }, stop.Token);
        await Eventually.HoldsAsync(() => taken.Count == log.PartitionsOf(Work.In), Patience);
        var atTakeOver = await DoneAsync(log);
        child.Thaw(); // it goes on appending, and in the middle of its copies
        await Eventually.HoldsAsync(async () => await DoneAsync(log) > atTakeOver + 100, Patience);

        await child.KillAsync();
        await stop.CancelAsync();
        await run;
        await Copies.AreWholeAsync(log, _acknowledged, "after the thaw");
    }

    private static async Task<long> DoneAsync(KafkaLog log)
    {
        var done = 0L;
        for (var partition = 0; partition < log.PartitionsOf(Work.In); partition++)
        {
            done += (await log.PositionAsync("hop", new TopicPartition(Work.In, partition)))?.Next ?? 0;
        }

        return done;
    }

    private sealed class Child : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly Task _reading;

        public Child(KafkaOptions options, int run, ConcurrentBag<string> acknowledged)
        {
            _process = Crasher.Start("work", $"kafka:{options.Brokers}", run.ToString(CultureInfo.InvariantCulture));
            _reading = Task.Run(async () =>
            {
                while (await _process.StandardOutput.ReadLineAsync() is { } line)
                {
                    foreach (var value in line.Split(' '))
                    {
                        acknowledged.Add(value);
                    }
                }
            });
        }

        public void Freeze() => Signal("-STOP");

        public void Thaw() => Signal("-CONT");

        public async Task KillAsync()
        {
            _process.Kill(); // SIGKILL
            await _process.WaitForExitAsync();
            await _reading;
        }

        public async ValueTask DisposeAsync()
        {
            if (!_process.HasExited)
            {
                await KillAsync();
            }

            _process.Dispose();
        }

        private void Signal(string name)
        {
            using var kill = Process.Start("kill", [name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }
    }
}
