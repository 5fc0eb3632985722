using System.Security.Cryptography;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Bench.Sides;

/// <summary>Fills a channel's topic with `Bench:Messages` messages before what is registered after it starts to read.</summary>
sealed class FilledTopic(IEventLog log, Channel channel, long messages, Func<long, Message> message) : IHostedService
{
    private const int BatchSize = 1_000;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var topic = Topics.Messages(channel, TrafficClass.Campaign);
        for (long done = 0; done < messages; done += BatchSize)
        {
            var batch = new List<Record>(BatchSize);
            for (var i = done; i < Math.Min(done + BatchSize, messages); i++)
            {
                var one = message(i);
                batch.Add(new Record(topic, one.RecipientKey.Memory, one.ToByteArray()));
            }

            await log.AppendAsync(batch, cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>As the Router writes it, for a recipient of its own.</summary>
    public static Message Routed(Channel channel, string address, ByteString content)
    {
        var now = DateTimeOffset.UtcNow;
        var request = Id.New(now);
        return new Message
        {
            MessageId = ByteString.CopyFrom(Id.New(now).ToBytes()),
            RequestId = ByteString.CopyFrom(request.ToBytes()),
            Tenant = "bench",
            Class = TrafficClass.Campaign,
            Channel = channel,
            Day = Id.DayOf(now),
            RecipientKey = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(RecipientKey.Size)),
            Address = new Address { Channel = channel, Value = address },
            Content = content,
            AcceptedAt = now.ToUnixTimeMilliseconds(),
            RoutedAt = now.ToUnixTimeMilliseconds(),
            ExpiresAt = now.AddHours(1).ToUnixTimeMilliseconds(),
            InDoubt = InDoubt.Resend,
        };
    }

    /// <summary>For a device of its own at APNs.</summary>
    public static Message Notification(long number)
    {
        var message = Routed(Channel.Push, Push.Notification.Device(number), Push.Notification.Content);
        (message.Address.Provider, message.Address.App) = ("apns", Push.Notification.App);
        return message;
    }

    /// <summary>What the dispatcher has said of its messages, after its process has gone.</summary>
    public static async Task<long> OutcomesAsync(string data, CancellationToken stop)
    {
        await using var log = FileLog.Open(new FileLogOptions { Folder = Path.Combine(data, "log") }, Topics.All, NullLogger.Instance);
        var outcomes = 0L;
        for (var partition = 0; partition < log.PartitionsOf(Topics.Outcomes); partition++)
        {
            outcomes += await log.EndAsync(new TopicPartition(Topics.Outcomes, partition), stop);
        }

        return outcomes;
    }

    /// <summary>1 KB on the wire's side of the template: the content is the same for all, as in a campaign.</summary>
    public static ByteString Mail { get; } = new EmailContent
    {
        From = "Shop <no-reply@shop.example>",
        Subject = "News of the week",
        Text = string.Concat(Enumerable.Repeat("Something new has come to the shop, and this line tells of it.\n", 16)),
    }.ToByteString();
}
