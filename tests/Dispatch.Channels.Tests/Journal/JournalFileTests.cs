using Dispatch.Channels.Journal;
using Dispatch.Log;
using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Journal;

public sealed class JournalFileTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_was_confirmed_is_found_again_and_an_intent_without_outcome_is_in_doubt()
    {
        using (var journal = Journals.Open(_folder.Path))
        {
            journal.Stage(Journals.Intent(1));
            journal.Stage(Journals.Intent(2));
            journal.Stage(Journals.Intent(3));
            journal.Flush().ShouldBeTrue();
            await journal.AppendAsync(Journals.Outcome(1), Journals.Outcome(2, Ending.Again, mayHaveLeft: true));
            journal.Stage(Journals.Intent(2, attempt: 2));
            journal.Flush().ShouldBeTrue();
        }

        using var again = Journals.Open(_folder.Path);
        var known = again.Recall();
        known[1].ShouldBe(new Remembered(1, InDoubt: false, Ending.Done, MayHaveLeft: false, 0, ""));
        known[2].ShouldBe(new Remembered(2, InDoubt: true, Ending.Void, MayHaveLeft: true, 0, ""));
        known[3].ShouldBe(new Remembered(1, InDoubt: true, Ending.Void, MayHaveLeft: false, 0, ""));
        again.Faults.ShouldBeEmpty();
    }

    [Fact]
    public void Each_start_has_an_epoch_of_its_own_under_one_name()
    {
        var owners = Enumerable.Range(0, 3).Select(_ =>
        {
            using var journal = Journals.Open(_folder.Path);
            return journal.Owner;
        }).ToList();

        owners.Select(owner => owner.Starts).ShouldBe([1, 2, 3]);
        owners.Select(owner => owner.Epoch).ShouldBeInOrder(SortDirection.Ascending);
        owners.Select(owner => owner.Name).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public void No_two_owners_have_an_epoch_in_common()
    {
        using var other = new TempFolder();
        using var one = Journals.Open(_folder.Path);
        using var two = Journals.Open(other.Path);

        two.Owner.Epoch.ShouldNotBe(one.Owner.Epoch);
    }

    [Fact]
    public void A_folder_belongs_to_one_process_at_a_time()
    {
        using var journal = Journals.Open(_folder.Path);
        Should.Throw<IOException>(() => Journals.Open(_folder.Path));
    }

    [Fact]
    public async Task A_torn_tail_is_cut_and_reported_once_and_costs_nothing_that_was_confirmed()
    {
        using (var journal = Journals.Open(_folder.Path))
        {
            await journal.AppendAsync(Journals.Outcome(1));
        }

        var file = Directory.GetFiles(_folder.Path, "*.journal").Single();
        File.AppendAllBytes(file, [1, 2, 3, 4, 5]);

        using (var torn = Journals.Open(_folder.Path))
        {
            torn.Recall().Keys.ShouldBe([1L]);
            torn.Faults.Single().ShouldSatisfyAllConditions(fault => fault.Torn.ShouldBeTrue(), fault => fault.Bytes.ShouldBe(5));
        }

        using var healed = Journals.Open(_folder.Path);
        healed.Recall().Keys.ShouldBe([1L]);
        healed.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Damage_below_what_was_synced_is_told_from_a_torn_tail_and_hides_nothing_behind_it()
    {
        using (var journal = Journals.Open(_folder.Path))
        {
            for (var offset = 1; offset <= 3; offset++)
            {
                await journal.AppendAsync(Journals.Outcome(offset));
            }
        }

        var file = Directory.GetFiles(_folder.Path, "*.journal").Single();
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.AsSpan().IndexOf("reason 1"u8)] ^= 1;
        File.WriteAllBytes(file, bytes);

        using var damaged = Journals.Open(_folder.Path);
        damaged.Recall().Keys.ShouldBe([2L, 3]);
        damaged.Faults.Single().Torn.ShouldBeFalse();
    }

    [Fact]
    public async Task After_a_failed_sync_everything_unconfirmed_stands_in_another_file()
    {
        var failures = 1;
        using (var journal = Journals.Open(_folder.Path, sync: file =>
        {
            if (Interlocked.Decrement(ref failures) >= 0)
            {
                throw new IOException("fdatasync: Input/output error (errno 5)");
            }

            Disk.Sync(file);
        }))
        {
            journal.Stage(Journals.Intent(1));
            journal.Flush().ShouldBeTrue();
            await journal.AppendAsync(Journals.Outcome(1), Journals.Outcome(2));
            await Eventually.HoldsAsync(() => journal.TakesIntents);
            var segments = Directory.GetFiles(_folder.Path, "*.journal").Order().ToList();
            segments.Count.ShouldBe(2);
            Ship(journal).ShouldBe([1L, 2]);
            File.Delete(segments[0]); // nobody can count on it
        }

        using var again = Journals.Open(_folder.Path);
        again.Recall().ShouldSatisfyAllConditions(known => known[1].InDoubt.ShouldBeFalse(), known => known[2].InDoubt.ShouldBeFalse());
    }

    [Fact]
    public async Task While_nothing_can_be_synced_nothing_may_be_sent_and_it_heals_by_itself()
    {
        var works = false;
        using var journal = Journals.Open(_folder.Path, sync: file =>
        {
            if (!Volatile.Read(ref works))
            {
                throw new IOException("fdatasync: No space left on device (errno 28)");
            }

            Disk.Sync(file);
        });
        var waiting = journal.AppendAsync(Journals.Outcome(1));
        await Eventually.HoldsAsync(() => !journal.TakesIntents);
        journal.Flush().ShouldBeFalse();
        journal.Fault.ShouldNotBeNull();
        waiting.IsCompleted.ShouldBeFalse();

        Volatile.Write(ref works, true);
        await waiting;
        await Eventually.HoldsAsync(() => journal.TakesIntents);
        Ship(journal).ShouldBe([1L]);
    }

    [Fact]
    public async Task A_full_journal_takes_no_intent_until_what_is_shipped_and_passed_was_deleted()
    {
        using var journal = Journals.Open(_folder.Path, segmentBytes: 64 * 1024, bytesMax: 300 * 1024);
        var offset = 0L;
        while (journal.TakesIntents)
        {
            await journal.AppendAsync([.. Enumerable.Range(0, 100).Select(_ => Journals.Outcome(++offset))]);
        }

        journal.Bytes.ShouldBeGreaterThanOrEqualTo(300 * 1024);
        journal.Passed(new TopicPartition(Journals.Topics[0], 1), offset + 1);
        Directory.GetFiles(_folder.Path, "*.journal").Length.ShouldBeGreaterThan(3);

        journal.Shipped(journal.Durable);
        await Eventually.HoldsAsync(() => journal.TakesIntents);
        Directory.GetFiles(_folder.Path, "*.journal").Length.ShouldBeLessThan(4);
    }

    [Fact]
    public async Task Segments_stay_as_long_as_a_position_has_not_passed_them()
    {
        using var journal = Journals.Open(_folder.Path, segmentBytes: 64 * 1024);
        var offset = 0L;
        while (journal.Durable.Segment < 4)
        {
            await journal.AppendAsync([.. Enumerable.Range(0, 100).Select(_ => Journals.Outcome(++offset))]);
        }

        journal.Shipped(journal.Durable);
        journal.Passed(new TopicPartition(Journals.Topics[0], 1), 1);
        await journal.AppendAsync(Journals.Outcome(++offset));
        File.Exists(Path.Combine(_folder.Path, "0000000001.journal")).ShouldBeTrue();
        journal.Passed(new TopicPartition(Journals.Topics[0], 1), offset);
        await Eventually.HoldsAsync(() => !File.Exists(Path.Combine(_folder.Path, "0000000001.journal")));
    }

    [Fact]
    public async Task Under_load_many_outcomes_share_one_sync()
    {
        using var journal = Journals.Open(_folder.Path);
        var before = journal.Syncs;
        for (var offset = 0; offset < 5_000; offset++)
        {
            journal.Stage(Journals.Intent(offset));
            journal.Flush();
            journal.Append(Journals.Outcome(offset), null);
        }

        await journal.SyncAsync();
        (journal.Syncs - before).ShouldBeLessThan(100);
        Ship(journal).Count.ShouldBe(5_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reader_stays_in_a_file_until_its_last_sync_has_ended_though_the_next_one_is_written(bool fails)
    {
        using var syncing = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        var (stepwise, fault) = (false, false);
        using var journal = Journals.Open(_folder.Path, segmentBytes: 64 * 1024, sync: file =>
        {
            if (Volatile.Read(ref stepwise))
            {
                syncing.Release();
                goOn.Wait(Patience);
            }

            if (Interlocked.Exchange(ref fault, false))
            {
                throw new IOException("fdatasync: Input/output error (errno 5)");
            }

            Disk.Sync(file);
        });
        var written = 0L;
        while (!File.Exists(Path.Combine(_folder.Path, "0000000002.journal"))) // made ahead, when the first is half full
        {
            await journal.AppendAsync(Journals.Outcome(++written));
        }

        var position = default(JournalPosition);
        var seen = Ship(journal, ref position);
        Volatile.Write(ref stepwise, true);
        var waiting = new List<Task> { journal.AppendAsync(Journals.Outcome(++written)) };
        (await syncing.WaitAsync(Patience)).ShouldBeTrue();
        for (var bytes = 0; bytes < 64 * 1024; bytes += Journals.Outcome(written).Size)
        {
            journal.Append(Journals.Outcome(++written), null);
        }

        waiting.Add(journal.SyncAsync());
        goOn.Release();
        (await syncing.WaitAsync(Patience)).ShouldBeTrue(); // the last of the first file
        waiting.Add(journal.AppendAsync(Journals.Outcome(++written))); // the first of the second
        seen.AddRange(Ship(journal, ref position));
        (stepwise, fault) = (false, fails);
        goOn.Release();
        await Task.WhenAll(waiting);

        seen.AddRange(Ship(journal, ref position));
        seen.SequenceEqual(Enumerable.Range(1, (int)written).Select(offset => (long)offset)).ShouldBeTrue($"{written} were noted, {seen.Count} were read");
    }

    /// <summary>The offsets of all outcomes, as a shipper reads them.</summary>
    private static List<long> Ship(JournalFile journal)
    {
        var position = default(JournalPosition);
        return Ship(journal, ref position);
    }

    private static List<long> Ship(JournalFile journal, ref JournalPosition position)
    {
        var reader = new JournalReader(journal, NullLogger.Instance);
        var offsets = new List<long>();
        while (true)
        {
            (var outcomes, position) = reader.Read(position);
            if (outcomes.Count == 0)
            {
                return offsets;
            }

            offsets.AddRange(outcomes.Select(outcome => outcome.Origin.Offset));
        }
    }
}
