namespace Dispatch.Bench;

/// <summary>The product and a baseline that does the same work without it, measured in turn on the same machine in the same minutes.</summary>
public interface IBenchmark : IAsyncDisposable
{
    /// <summary>What the figure counts: "messages/s", "decisions/s", ...</summary>
    string Unit { get; }

    /// <summary>Starts what both sides need, and warms both up.</summary>
    Task PrepareAsync(TimeSpan run, CancellationToken stop);

    Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop);

    Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop);
}
