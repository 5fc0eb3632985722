using System.Text.Json.Nodes;

namespace Dispatch.Cli.Gameday;

/// <summary>One request of the load, ready to be posted.</summary>
/// <param name="Recipient">Who it is for, as caps see it.</param>
/// <param name="Counts">Whether the cap's classes name its class.</param>
public sealed record PlannedRequest(JsonObject Body, string Recipient, bool Counts);

/// <summary>
/// The load of a game day: three channels, three classes (10 % transactional, 30 % automation, 60 % campaign), a fifth of the recipients close to their cap,
/// and some addresses behind which something goes wrong. The same seed gives the same plan. Pure.
/// </summary>
public sealed class Plan(int seed, string name, int capLimit)
{
    private readonly Random _random = new(seed);
    private int _users;
    private (string User, int Left) _busy;

    /// <summary>Part of messages whose recipient's address misbehaves; the rest of the world is healthy.</summary>
    public double FaultyPart { get; init; } = 0.08;

    /// <summary>What the Sandbox does for an address that starts with it; weights as of a bad day.</summary>
    public IReadOnlyList<(string Prefix, int Weight)> PushFaults { get; } = [("token-410-", 4), ("retry-2-", 3), ("busy-1-", 2), ("slow-500ms-", 2), ("cut-1-", 1)];

    /// <summary>A mailbox that is tried again waits half a minute at least, so once is enough to see it.</summary>
    public IReadOnlyList<(string Prefix, int Weight)> EmailFaults { get; } = [("answer-550-5.1.1-", 4), ("retry-1-", 3), ("slow-500ms-", 2), ("cut-1-", 1)];

    public IEnumerable<PlannedRequest> Requests(int count)
    {
        for (var i = 0; i < count; i++)
        {
            yield return Next(i);
        }
    }

    private PlannedRequest Next(int i)
    {
        var of = _random.Next(10) switch { 0 => "transactional", <= 3 => "automation", _ => "campaign" };
        var user = User();
        var recipient = new JsonObject { ["user_id"] = user };
        var content = new JsonObject();
        switch (i % 4)
        {
            case 0 or 1:
                var provider = i % 4 == 0 ? "apns" : "fcm";
                recipient["push"] = new JsonArray(new JsonObject { ["provider"] = provider, ["app"] = "shop", ["token"] = $"{Fault(PushFaults)}{name}-{i}-{user}" });
                content["push"] = new JsonObject { ["title"] = "Hello {{name}}", ["body"] = $"Message {i}", ["data"] = new JsonObject { ["n"] = $"{i}" } };
                break;
            case 2:
                recipient["email"] = $"{Fault(EmailFaults)}{name}-{i}-{user}@example.org";
                content["email"] = new JsonObject
                {
                    ["from"] = "Shop <no-reply@shop.example>", ["subject"] = $"Message {i} for {{{{name}}}}",
                    ["text"] = "Hello {{name}}, this is the text.", ["html"] = "<p>Hello {{name}}, this is the <b>text</b>.</p>",
                };
                break;
            default:
                recipient["phone"] = $"+336{i % 100_000_000:00000000}";
                content["sms"] = new JsonObject { ["from"] = "SHOP", ["text"] = $"Hello {{{{name}}}}, message {i}" };
                break;
        }

        var body = new JsonObject
        {
            ["class"] = of, ["recipients"] = new JsonArray(recipient), ["content"] = content,
            ["variables"] = new JsonObject { ["name"] = $"reader {i}" }, ["labels"] = new JsonArray(name), ["ttl_seconds"] = 3_600,
        };
        return new PlannedRequest(body, user, of != "transactional");
    }

    /// <summary>A fifth of the recipients get as many messages as their cap allows, or one or two more; the others get one.</summary>
    private string User()
    {
        if (_busy.Left > 0)
        {
            _busy.Left--;
            return _busy.User;
        }

        var user = $"u-{name}-{_users++}";
        if (_random.Next(5) == 0)
        {
            _busy = (user, capLimit - 1 + _random.Next(3));
        }

        return user;
    }

    private string Fault(IReadOnlyList<(string Prefix, int Weight)> faults)
    {
        if (_random.NextDouble() >= FaultyPart)
        {
            return "";
        }

        var at = _random.Next(faults.Sum(it => it.Weight));
        return faults.First(it => (at -= it.Weight) < 0).Prefix;
    }
}
