using System.Text;
using Dispatch.Sandbox.Oracle;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Sandbox.Tests;

public sealed class OracleTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string FilePath => folder["apns.jsonl"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_receipt_is_on_file_soon_without_anybody_asking()
    {
        using var writer = new OracleWriter(folder.Path, NullLogger.Instance);
        Append(writer.Open("apns"), "msg_1");
        await Eventually.HoldsAsync(() => OracleLine.Read(FilePath).Count() == 1);
    }

    [Fact]
    public void Whoever_writes_out_finds_his_line_in_the_file()
    {
        using var writer = new OracleWriter(folder.Path, NullLogger.Instance);
        var file = writer.Open("apns");
        Append(file, "msg_1");
        file.WriteOut().ShouldBeTrue();
        OracleLine.Read(FilePath).Single().ShouldSatisfyAllConditions(
            line => line.Provider.ShouldBe("apns"),
            line => line.MessageId.ShouldBe("msg_1"),
            line => line.Recipient.ShouldBe("so\"me\\one \u0001 ü"),
            line => line.Accepted.ShouldBeTrue(),
            line => line.Answered.ShouldBeTrue(),
            line => line.Delivered.ShouldBeTrue(),
            line => line.Status.ShouldBe("200"),
            line => line.Bytes.ShouldBe(7),
            line => DateTimeOffset.FromUnixTimeMilliseconds(line.At).ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void The_end_of_a_log_begins_with_its_first_whole_line()
    {
        using var writer = new OracleWriter(folder.Path, NullLogger.Instance);
        var file = writer.Open("apns");
        Append(file, "msg_1");
        Append(file, "msg_2");
        file.WriteOut().ShouldBeTrue();
        var line = new FileInfo(FilePath).Length / 2;
        OracleLine.Read(FilePath, line + (line / 2)).Select(it => it.MessageId).ShouldBe(["msg_2"]);
        OracleLine.Read(FilePath, 2 * line).Select(it => it.MessageId).ShouldBe(["msg_1", "msg_2"]);
    }

    [Fact]
    public void A_clean_stop_leaves_nothing_behind_and_a_start_goes_on()
    {
        for (var run = 0; run < 3; run++)
        {
            using var writer = new OracleWriter(folder.Path, NullLogger.Instance);
            var file = writer.Open("apns");
            for (var i = 0; i < 1000; i++)
            {
                Append(file, $"msg_{run}_{i}");
            }
        }

        OracleLine.Read(FilePath).Select(line => line.MessageId).Distinct().Count().ShouldBe(3000);
    }

    [Theory]
    [InlineData("{\"at\":1,\"provider\":\"apns\",\"message_id\":\"msg_torn")]
    [InlineData("{")]
    public void A_line_torn_by_a_kill_harms_no_other(string torn)
    {
        using (var writer = new OracleWriter(folder.Path, NullLogger.Instance))
        {
            Append(writer.Open("apns"), "msg_before");
        }

        File.AppendAllText(FilePath, torn);
        using (var writer = new OracleWriter(folder.Path, NullLogger.Instance))
        {
            Append(writer.Open("apns"), "msg_after");
        }

        OracleLine.Read(FilePath).Select(line => line.MessageId).ShouldBe(["msg_before", "msg_after"]);
    }

    [Fact]
    public void Many_writers_lose_no_line_and_tear_none()
    {
        using var writer = new OracleWriter(folder.Path, NullLogger.Instance);
        var file = writer.Open("apns");
        Parallel.For(0, 8, thread =>
        {
            for (var i = 0; i < 2000; i++)
            {
                Append(file, $"msg_{thread}_{i}");
                if (i % 50 == 0)
                {
                    file.WriteOut();
                }
            }
        });
        writer.Flush().ShouldBeTrue();
        File.ReadLines(FilePath).Count().ShouldBe(16_000);
        OracleLine.Read(FilePath).Select(line => line.MessageId).Distinct().Count().ShouldBe(16_000);
    }

    private static void Append(OracleFile file, string messageId) => file.Append(new Receipt
    {
        Lane = "team/key",
        MessageId = messageId,
        Recipient = Encoding.UTF8.GetBytes("so\"me\\one \u0001 ü"),
        Accepted = true,
        Answered = true,
        Status = "200",
        Reason = "",
        Bytes = 7,
    });
}
