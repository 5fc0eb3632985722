using System.Text.Json.Nodes;

namespace Dispatch.Cli.Gameday;

/// <summary>What a game day is played on: one Host, or a deployment of many processes.</summary>
public interface ISystem : IAsyncDisposable
{
    /// <summary>Where callers post just now; the next of several instances at each call, as a load balancer does it.</summary>
    Uri Api { get; }

    /// <summary>Steers the providers' stand-ins.</summary>
    Uri SandboxAdmin { get; }

    /// <summary>The folder of what the providers wrote down.</summary>
    string Oracle { get; }

    string FirstKey { get; }

    /// <summary>What the processes wrote last, for messages.</summary>
    string LastLines { get; }

    /// <summary>Returns when the API answers and every dependency is ready.</summary>
    /// <exception cref="TimeoutException">It was not ready in time; the message has its last lines.</exception>
    Task StartAsync(TimeSpan patience, CancellationToken stop = default);

    /// <summary>Waits until a dependency's health, as admin ports show it, is as wanted.</summary>
    /// <exception cref="TimeoutException">It was not, in time; the message has the last lines.</exception>
    Task WhenAsync(string name, Func<JsonNode, bool> wanted, TimeSpan patience, CancellationToken stop);
}
