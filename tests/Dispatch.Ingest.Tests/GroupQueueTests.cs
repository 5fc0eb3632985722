using System.Collections.Concurrent;
using Dispatch.Ingest.Idempotency;

namespace Dispatch.Ingest.Tests;

public class GroupQueueTests
{
    [Fact]
    public async Task Nobody_takes_a_group_that_is_smaller_than_what_is_on_its_way()
    {
        var queue = new GroupQueue<int>(groupSizeMax: 10);
        Array.ForEach([1, 2, 3], item => queue.TryAdd(item));
        var first = await queue.TakeAsync(default);
        first.ShouldBe([1, 2, 3]);

        var second = queue.TakeAsync(default);
        queue.TryAdd(4);
        queue.TryAdd(5);
        second.IsCompleted.ShouldBeFalse();
        queue.TryAdd(6);
        (await second).ShouldBe([4, 5, 6]);
    }

    [Fact]
    public async Task Who_comes_back_takes_what_waits_however_little()
    {
        var queue = new GroupQueue<int>(groupSizeMax: 2);
        Array.ForEach([1, 2, 3], item => queue.TryAdd(item));
        var first = await queue.TakeAsync(default);
        first.ShouldBe([1, 2]);
        queue.Return(first);
        (await queue.TakeAsync(default)).ShouldBe([3]);
    }

    [Fact]
    public async Task A_taker_that_stopped_loses_nothing_and_a_closed_queue_takes_nothing()
    {
        var queue = new GroupQueue<int>(groupSizeMax: 10);
        using var stop = new CancellationTokenSource();
        var taking = queue.TakeAsync(stop.Token);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(taking);
        queue.TryAdd(1).ShouldBeTrue();
        queue.TryAdd(2).ShouldBeTrue();
        queue.Close().ShouldBe([1, 2]);
        queue.TryAdd(3).ShouldBeFalse();
    }

    [Fact]
    public async Task Everything_comes_out_once_whoever_adds_and_whoever_takes()
    {
        const int Each = 20_000;
        var queue = new GroupQueue<int>(groupSizeMax: 16);
        var seen = new ConcurrentBag<int>();
        var all = new TaskCompletionSource();
        using var stop = new CancellationTokenSource();
        var takers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                var group = await queue.TakeAsync(stop.Token);
                await Task.Yield();
                group.ForEach(seen.Add);
                queue.Return(group);
                if (seen.Count == 4 * Each)
                {
                    all.TrySetResult();
                }
            }
        })).ToList();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(adder => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++)
            {
                queue.TryAdd((adder * Each) + i);
            }
        })));

        await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
        seen.Order().ShouldBe(Enumerable.Range(0, 4 * Each));
        await stop.CancelAsync();
        await Task.WhenAll(takers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }
}
