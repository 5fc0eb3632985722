namespace Dispatch.Channels.Tests.Wire;

static class DispatcherVictim
{
    public static Task<int> RunAsync(string folder, Uri endpoint) => Task.FromResult(folder.Length + endpoint.Port);
}
