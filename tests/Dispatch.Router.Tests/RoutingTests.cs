using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Dispatch.Testing;
using Google.Protobuf;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

public sealed class RoutingTests : IAsyncLifetime, IDisposable
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
    public async Task Every_address_gets_its_message_with_the_content_of_its_channel()
    {
        var (ada, bob) = (Given.Recipient(), Given.Recipient());
        var request = Given.Request(
            TrafficClass.Automation, Given.Reached(ada, Channel.Push, Channel.Email), Given.Reached(bob, Channel.Sms));
        request.Metadata = ByteString.CopyFromUtf8("""{"order":"A-1"}""");
        await _router.PostAsync(request);
        await _router.SettledAsync(3);

        var routed = await _router.RoutedAsync(TrafficClass.Automation);
        routed.Select(message => message.MessageId).ShouldBe(request.Recipients.SelectMany(recipient => recipient.Addresses).Select(address => address.MessageId), ignoreOrder: true);
        var sms = routed.Single(message => message.Channel == Channel.Sms);
        sms.Content.ShouldBe(request.Content.Sms);
        sms.RecipientKey.ToByteArray().ShouldBe(bob);
        sms.Metadata.ShouldBe(request.Metadata);
        sms.Labels.ShouldBe(["otp"]);
        sms.CapCheck.ShouldBe(CapCheck.NoRule);
        (sms.RoutedAt - request.AcceptedAt).ShouldBeInRange(0, 20_000);
        (await _router.OutcomesAsync()).ShouldAllBe(outcome => outcome.Kind == OutcomeKind.Routed && outcome.State == State.Routed && !outcome.NothingLeft);
    }

    [Fact]
    public async Task What_may_not_go_ends_here_with_the_reason_and_gives_its_place_back()
    {
        var (expired, cancelled, suppressed, empty) = (
            Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email), Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email),
            Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email), Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email));
        expired.ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1).ToUnixTimeMilliseconds();
        await _router.CancelAsync(Id.From(cancelled.RequestId.Span));
        await SuppressAsync(suppressed.Recipients[0].Addresses[0]);
        empty.Content.Email = ByteString.Empty;

        await _router.PostAsync(expired, cancelled, suppressed, empty);
        await _router.SettledAsync(4);

        (await _router.RoutedAsync()).ShouldBeEmpty();
        var outcomes = (await _router.OutcomesAsync()).ToDictionary(outcome => Id.From(outcome.MessageId.Span));
        outcomes[expired.FirstMessage()].Kind.ShouldBe(OutcomeKind.Expired);
        outcomes[cancelled.FirstMessage()].Kind.ShouldBe(OutcomeKind.Cancelled);
        outcomes[suppressed.FirstMessage()].Kind.ShouldBe(OutcomeKind.Suppressed);
        outcomes[empty.FirstMessage()].Kind.ShouldBe(OutcomeKind.Failed);
        outcomes.Values.ShouldAllBe(outcome => outcome.NothingLeft);
    }

    [Fact]
    public async Task What_comes_back_is_decided_anew_and_may_have_left()
    {
        var request = Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email);
        var message = Given.Rerouted(request);
        message.RoutedAt = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds();
        message.MayHaveLeft = true;
        var late = message.Clone();
        late.MessageId = Given.Bytes(Id.New(DateTimeOffset.UtcNow));
        late.ExpiresAt = 1;

        await _router.RerouteAsync(message, late);
        await _router.SettledAsync(2);

        var routed = (await _router.RoutedAsync()).ShouldHaveSingleItem();
        routed.RoutedAt.ShouldBeGreaterThan(message.RoutedAt);
        routed.Attempts.ShouldBe(1u);
        routed.MayHaveLeft.ShouldBeTrue();
        (await _router.OutcomesAsync()).Single(outcome => outcome.Kind == OutcomeKind.Expired).NothingLeft.ShouldBeFalse();
    }

    [Fact]
    public async Task What_throws_goes_to_quarantine_and_its_neighbours_go_on()
    {
        var recipient = Given.Recipient(); // one partition
        var before = Enumerable.Range(0, 5).Select(_ => Given.Request(TrafficClass.Transactional, recipient, Channel.Email)).ToList();
        var after = Enumerable.Range(0, 5).Select(_ => Given.Request(TrafficClass.Transactional, recipient, Channel.Email)).ToList();
        var keyless = Given.Request(TrafficClass.Transactional, recipient, Channel.Email);
        keyless.Recipients[0].Addresses[0].AddressKey = ByteString.Empty;
        byte[] garbage = [0xFF, 0xFF, 0xFF];
        var topic = Topics.Requests(TrafficClass.Transactional);

        await _router.EventLog.AppendAsync(
        [
            .. before.Select(request => new Record(topic, recipient, request.ToByteArray())),
            new Record(topic, recipient, garbage),
            new Record(topic, recipient, keyless.ToByteArray()),
            .. after.Select(request => new Record(topic, recipient, request.ToByteArray())),
        ]);
        await _router.DrainedAsync();

        (await _router.RoutedAsync()).Select(message => Id.From(message.MessageId.Span)).ShouldBe(before.Concat(after).Select(Given.FirstMessage));
        var quarantined = await _router.EventLog.AllAsync(Topics.Quarantine, Quarantined.Parser);
        quarantined.Select(record => record.Value.ToByteArray()).ShouldBe([garbage, keyless.ToByteArray()]);
        quarantined.ShouldAllBe(record => record.Topic == topic && record.Service == "router" && record.Exception.Length > 0 && record.Key.Length == 16);
        (await _router.OutcomesAsync()).Single(outcome => outcome.Kind == OutcomeKind.Quarantined).MessageId.ToByteArray().ShouldBe(keyless.FirstMessage().ToBytes());
    }

    [Theory]
    [InlineData(Record.ValueBytesMax, true)]
    [InlineData(Record.StoredBytesMax, false)]
    public async Task The_largest_record_that_throws_goes_to_quarantine_too(int bytes, bool withValue)
    {
        var recipient = Given.Recipient();
        var topic = Topics.Requests(TrafficClass.Transactional);
        var garbage = Enumerable.Repeat((byte)0xFF, bytes).ToArray();
        var after = Given.Request(TrafficClass.Transactional, recipient, Channel.Email);
        await _router.EventLog.AppendAsync([new Record(topic, recipient, garbage), new Record(topic, recipient, after.ToByteArray())]);
        await _router.DrainedAsync();

        (await _router.RoutedAsync()).Select(message => Id.From(message.MessageId.Span)).ShouldBe([after.FirstMessage()]);
        var parked = (await _router.EventLog.AllAsync(Topics.Quarantine, Quarantined.Parser)).Single();
        parked.Value.Length.ShouldBe(withValue ? bytes : 0);
        (parked.Topic, parked.Offset).ShouldBe((topic, 0));
    }

    [Fact]
    public void What_every_message_of_a_request_carries_counts_for_each()
    {
        var request = Given.Request(TrafficClass.Campaign, Enumerable.Range(0, 10).Select(_ => Given.Reached(Given.Recipient(), Channel.Email)));
        request.Metadata = ByteString.CopyFrom(new byte[10_000]);
        var entry = new Entry(0, DateTimeOffset.UnixEpoch, Array.Empty<byte>(), request.ToByteArray(), []);
        Incoming.Read(Topics.Requests(TrafficClass.Campaign), entry).Bytes.ShouldBeGreaterThan(11 * 10_000);
    }

    [Fact]
    public async Task A_large_request_is_cut_into_commits_that_memory_can_hold()
    {
        var requests = Enumerable.Range(0, 30).Select(_ => Given.Request(
            TrafficClass.Campaign, [.. Enumerable.Range(0, 100).Select(_ => Given.Reached(Given.Recipient(), Channel.Email))])).ToList();
        await _router.PostAsync(requests);
        await _router.SettledAsync(3_000);
        (await _router.RoutedAsync()).Count.ShouldBe(3_000);
    }

    private async Task SuppressAsync(Address address)
    {
        await _router.Service<Database>().WhenReadyAsync(default);
        await _router.Service<SuppressionStore>().AddAsync(
            [new Suppression(Given.Tenant, address.Channel, address.AddressKey.ToByteArray(), "complaint", DateTimeOffset.UtcNow)], default);
        var copy = _router.Service<SuppressionCopy>();
        await Eventually.HoldsAsync(() => copy.Count == 1);
    }
}
