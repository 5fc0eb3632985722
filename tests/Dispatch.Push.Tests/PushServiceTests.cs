using Dispatch.Log;
using Dispatch.Sandbox;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Record = Dispatch.Log.Record;

namespace Dispatch.Push.Tests;

/// <summary>The whole service: from a topic, over the wire, to outcomes.</summary>
public sealed class PushServiceTests : PushRig
{
    [Fact]
    public async Task Messages_go_to_the_lane_that_reaches_them_and_their_outcomes_tell()
    {
        using var host = Build(Lanes());
        await host.StartAsync();
        var log = host.Services.GetRequiredService<IEventLog>();
        var production = Routed("9f1c", "apns");
        var sandbox = Routed("7a7a", "apns");
        sandbox.Address.Environment = "sandbox";
        var firebase = Routed("fMx", "fcm");
        var dead = Routed("token-410-x", "apns");
        var unlucky = Routed("retry-1-x", "fcm");
        var all = new[] { production, sandbox, firebase, dead, unlucky };
        await log.AppendAsync([.. all.Select(message => new Record(Topics.Messages(Channel.Push, message.Class), message.RecipientKey.ToByteArray(), message.ToByteArray()))]);

        var outcomes = new List<Outcome>();
        await Eventually.HoldsAsync(
            async () =>
            {
                outcomes = await OutcomesAsync(log);
                return all.All(message => outcomes.Any(it => it.MessageId == message.MessageId && it.State is State.Sent or State.Failed));
            },
            TimeSpan.FromSeconds(60));
        Last(production).Lane.ShouldBe("apns-production");
        Last(sandbox).Lane.ShouldBe("apns-sandbox");
        Last(firebase).ShouldSatisfyAllConditions(it => it.Lane.ShouldBe("fcm"), it => it.ProviderMessageId.ShouldStartWith("projects/"));
        Last(dead).ShouldSatisfyAllConditions(
            it => it.State.ShouldBe(State.Failed), it => it.Reason.ShouldBe("Unregistered"), it => it.Suppress.ShouldBe(dead.Address.AddressKey));
        Last(unlucky).State.ShouldBe(State.Sent);
        Sandbox.Receipts("fcm").Count(it => it.MessageId == IdOf(unlucky)).ShouldBe(2); // one refusal, one acceptance
        all.Except([unlucky]).ShouldAllBe(message => ReceiptsOf(message.Address.Provider, message).Count() == 1);
        await host.StopAsync();

        Outcome Last(Message message) => outcomes.Last(it => it.MessageId == message.MessageId && it.State is State.Sent or State.Failed);
    }

    [Fact]
    public void A_lane_with_faults_stops_the_start_with_all_of_them()
    {
        using var host = Build([("0:Name", "bad"), ("0:Provider", "apns"), ("0:StreamsMax", "0"), ("0:RenewAfter", "02:00:00")]);
        var fault = Should.Throw<OptionsValidationException>(() => host.Start());
        fault.Failures.Count().ShouldBeGreaterThanOrEqualTo(4); // TeamId, KeyId, KeyFile, StreamsMax, RenewAfter
        fault.Message.ShouldContain("RenewAfter");
    }

    private static Message Routed(string token, string provider)
    {
        var message = Messages.Hello(token, provider);
        var now = DateTimeOffset.UtcNow;
        message.RequestId = ByteString.CopyFrom(Id.New(now).ToBytes());
        message.RecipientKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
        message.Address.AddressKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
        message.Day = Id.DayOf(now);
        message.AcceptedAt = message.RoutedAt = now.ToUnixTimeMilliseconds();
        message.ExpiresAt = now.AddMinutes(5).ToUnixTimeMilliseconds();
        return message;
    }

    private static async Task<List<Outcome>> OutcomesAsync(IEventLog log)
    {
        var outcomes = new List<Outcome>();
        for (var partition = 0; partition < log.PartitionsOf(Topics.Outcomes); partition++)
        {
            await foreach (var entry in log.ScanAsync(new TopicPartition(Topics.Outcomes, partition), DateTimeOffset.MinValue))
            {
                outcomes.Add(Outcome.Parser.ParseFrom(entry.Value.Span));
            }
        }

        return outcomes;
    }

    private (string, string)[] Lanes() =>
    [
        .. ApnsLane(0, "production"), .. ApnsLane(1, "sandbox"),
        ("2:Name", "fcm"), ("2:Provider", "fcm"), ("2:Endpoint", Sandbox.Endpoints.Fcm.ToString()), ("2:TrustFile", Sandbox.Credentials.CaFile),
        ("2:ServiceAccountFile", Sandbox.Credentials.FcmServiceAccountFile),
    ];

    private (string, string)[] ApnsLane(int number, string environment) =>
    [
        ($"{number}:Name", $"apns-{environment}"), ($"{number}:Provider", "apns"), ($"{number}:Environment", environment),
        ($"{number}:Endpoint", Sandbox.Endpoints.Apns.ToString()), ($"{number}:TrustFile", Sandbox.Credentials.CaFile),
        ($"{number}:TeamId", Credentials.ApnsTeamId), ($"{number}:KeyId", Credentials.ApnsKeyId), ($"{number}:KeyFile", Sandbox.Credentials.ApnsKeyFile),
    ];

    private IHost Build((string Key, string Value)[] lanes)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(lanes.ToDictionary(it => $"{LaneOptions.Section}:{it.Key}", it => (string?)it.Value));
        builder.Configuration["Dispatch:Data"] = FileIn("data");
        builder.Configuration["Dispatch:AdminListen"] = "http://127.0.0.1:0";
        builder.AddPush();
        return builder.Build();
    }
}
