namespace Dispatch.Sandbox.Tests;

/// <summary>For a test that changes the whole stand-in: one that nobody else looks at.</summary>
sealed class OwnSandbox(Func<string, SandboxOptions>? options = null) : IAsyncDisposable
{
    public SandboxFixture At { get; } = options is null ? new SandboxFixture() : new Chosen(options);

    public Task InitializeAsync() => At.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await At.DisposeAsync();
        At.Dispose();
    }

    private sealed class Chosen(Func<string, SandboxOptions> options) : SandboxFixture
    {
        protected override SandboxOptions Options(string path) => options(path);
    }
}
