using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

public sealed class CapStory(ITestOutputHelper output) : Story(output)
{
    [Fact]
    public async Task Fifty_messages_at_once_over_all_channels_pass_a_cap_of_three_exactly_three_times_though_the_router_is_killed()
    {
        await using var session = new Session(Data, seed: 106);
        await session.StartAsync(StartPatience, default);
        var load = session.Load.RunAsync(Enumerable.Range(0, 50).Select(One), connections: 25, persistent: true);
        await Task.Delay(new Random(106).Next(20, 200));
        await session.Host.KillAsync();
        await session.Host.StartAsync(StartPatience);
        await load;
        var verdict = await JudgeAsync(session, inFlightWindow: 3);
        verdict.Accepted.ShouldBe(50);
        verdict.States["capped"].ShouldBeGreaterThanOrEqualTo(47);
        Oracle.Read(session.Host.Oracle).Where(it => it.Accepted).Select(it => it.MessageId).Distinct().Count().ShouldBeLessThanOrEqualTo(3);
    }

    private static PlannedRequest One(int i)
    {
        var recipient = new JsonObject { ["user_id"] = "the-one" };
        var content = new JsonObject();
        switch (i % 3)
        {
            case 0:
                recipient["push"] = new JsonObject { ["provider"] = i % 2 == 0 ? "apns" : "fcm", ["app"] = "shop", ["token"] = $"the-ones-phone-{i}" };
                content["push"] = new JsonObject { ["title"] = "Hello", ["body"] = $"{i}" };
                break;
            case 1:
                recipient["email"] = $"the-one-{i}@example.org";
                content["email"] = new JsonObject { ["from"] = "no-reply@shop.example", ["subject"] = $"{i}", ["text"] = "Hello" };
                break;
            default:
                recipient["phone"] = $"+3361234{i:0000}";
                content["sms"] = new JsonObject { ["from"] = "SHOP", ["text"] = $"{i}" };
                break;
        }

        var body = new JsonObject { ["class"] = "campaign", ["recipients"] = new JsonArray(recipient), ["content"] = content, ["labels"] = new JsonArray("day106") };
        return new PlannedRequest(body, "the-one", Counts: true);
    }
}
