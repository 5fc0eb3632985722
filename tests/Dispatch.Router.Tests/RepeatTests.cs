using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Router.Repeats;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

public sealed class RepeatTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private TestDatabase _store = null!;
    private RunningRouter _router = null!;

    public async Task InitializeAsync()
    {
        _store = await PostgresServer.CreateDatabaseAsync();
        _router = await RunningRouter.StartAsync(_folder.Path, _store);
    }

    public async Task DisposeAsync()
    {
        await _router.DisposeAsync();
        await _store.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_marked_record_whose_twin_is_there_is_dropped_without_a_word()
    {
        var request = Email();
        await _router.PostAsync(request);
        await _router.PostAsync(Marked(request), Marked(request));
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).ShouldHaveSingleItem();
        (await _router.OutcomesAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_marked_record_without_a_twin_goes_on_once_even_within_one_batch()
    {
        var (request, chunk) = (Email(), Email());
        chunk.RequestId = request.RequestId;
        chunk.Chunk = 1; // another part of the same request is not a repeat
        await _router.EventLog.AppendAsync([.. new[] { Marked(request), Marked(chunk), Marked(request), request, chunk }.Select(Record)]);
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_unmarked_twin_that_thaws_later_is_dropped_also_by_the_next_router()
    {
        var (request, other) = (Email(), Email());
        await _router.PostAsync(Marked(request));
        await _router.DrainedAsync();
        await _router.DisposeAsync();
        _router = await RunningRouter.StartAsync(_folder.Path, _store);
        await _router.PostAsync(request, other, Marked(request));
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).Select(message => message.RequestId).ShouldBe([request.RequestId, other.RequestId], ignoreOrder: true);
    }

    [Fact]
    public async Task What_only_the_dropped_twin_promised_is_answered_as_a_duplicate()
    {
        var request = Email();
        var repeated = Marked(request);
        var added = Given.Address(request.Recipients[0].RecipientKey.ToByteArray(), Channel.Sms);
        added.MessageId = Given.Bytes(Id.New(DateTimeOffset.UtcNow));
        repeated.Recipients[0].Addresses.Add(added);

        await _router.PostAsync(request);
        await _router.DrainedAsync();
        await _router.PostAsync(repeated);
        await _router.DrainedAsync();
        var outcomes = await _router.OutcomesAsync();
        outcomes.Select(outcome => (outcome.Kind, outcome.MessageId)).ShouldBe(
            [(OutcomeKind.Routed, request.Recipients[0].Addresses[0].MessageId), (OutcomeKind.Duplicate, added.MessageId)], ignoreOrder: true);
        outcomes.Single(outcome => outcome.Kind == OutcomeKind.Duplicate).NothingLeft.ShouldBeTrue();
    }

    [Fact]
    public async Task While_all_are_marked_nothing_is_read_again_but_for_a_repeat_that_memory_has_no_room_for()
    {
        const int Count = 200, Batch = 5;
        var requests = Enumerable.Range(0, Count).Select(_ => Marked(Email())).ToList();
        await _router.EventLog.AppendAsync([.. requests.Select(Record)]);
        await _router.EventLog.AppendAsync([Record(requests[0]), Record(Marked(Email())), Record(requests[^1])]);
        var topic = Topics.Requests(TrafficClass.Transactional);
        var at = new TopicPartition(topic, Partitioner.Of("one partition"u8, _router.EventLog.PartitionsOf(topic)));
        var records = await _router.EventLog.ScanAsync(at, DateTimeOffset.UnixEpoch).Select(entry => Incoming.Read(topic, entry)).ToListAsync();

        var filter = new RepeatFilter(_router.EventLog, at, TimeSpan.FromMinutes(15), TimeProvider.System, NullLogger.Instance, recordsMax: 10);
        foreach (var batch in records.Take(Count).Chunk(Batch))
        {
            (await filter.FilterAsync(batch, default)).Count.ShouldBe(Batch);
            filter.Passed(batch);
        }

        filter.Reread.ShouldBe(0);
        (await filter.FilterAsync(records[Count..], default)).ShouldHaveSingleItem();
        filter.Reread.ShouldBeInRange(1, Count);
    }

    [Fact]
    public async Task What_stood_there_before_the_mark_does_not_count() // a person drives it again from quarantine: its first copy is in the log, too
    {
        var request = Email();
        await _router.PostAsync(request);
        await _router.DrainedAsync();
        var (again, other) = (request.Clone(), Marked(Email()));
        again.RepeatSince = DateTimeOffset.UtcNow.AddMilliseconds(1).ToUnixTimeMilliseconds();
        await Eventually.HoldsAsync(() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() > again.RepeatSince);
        await _router.EventLog.AppendAsync([.. new[] { other, again, again }.Select(it => new Record(Topics.Requests(it.Class), request.Recipients[0].RecipientKey.Memory, it.ToByteArray()))]);
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).Count(message => message.RequestId == request.RequestId).ShouldBe(2);
    }

    [Fact]
    public async Task Of_each_parking_one_record_goes_on()
    {
        var message = Given.Rerouted(Email());
        message.ParkingId = Given.Bytes(Id.New(DateTimeOffset.UtcNow));
        await _router.RerouteAsync(message, message);
        await _router.DrainedAsync();
        await _router.RerouteAsync(message);
        await _router.DrainedAsync();
        await _router.DisposeAsync();
        _router = await RunningRouter.StartAsync(_folder.Path, _store);
        await _router.RerouteAsync(message);
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).ShouldHaveSingleItem().ParkingId.ShouldBe(ByteString.Empty);

        message.ParkingId = Given.Bytes(Id.New(DateTimeOffset.UtcNow)); // parked again, driven again
        await _router.RerouteAsync(message);
        await _router.DrainedAsync();
        (await _router.RoutedAsync()).Count.ShouldBe(2);
    }

    private static Request Email() => Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);

    private static Request Marked(Request request)
    {
        var marked = request.Clone();
        marked.RepeatSince = request.AcceptedAt - 60_000;
        return marked;
    }

    private static Record Record(Request request) => new(Topics.Requests(request.Class), "one partition"u8.ToArray(), request.ToByteArray());
}
