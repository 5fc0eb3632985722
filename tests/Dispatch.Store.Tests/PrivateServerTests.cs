using System.Diagnostics;
using Dispatch.Store.Private;
using Dispatch.Testing;
using Npgsql;

namespace Dispatch.Store.Tests;

/// <summary>The private server, started and killed for real.</summary>
public sealed class PrivateServerTests : IDisposable
{
    private readonly TempFolder temp = new();
    private PrivateServer server;

    public PrivateServerTests() => server = new PrivateServer(temp["postgres"]);

    public void Dispose()
    {
        server.StopAsync(default, fast: false).GetAwaiter().GetResult();
        temp.Dispose();
    }

    [Fact]
    public async Task It_comes_back_with_what_it_had_also_after_a_kill()
    {
        await server.StartAsync(default);
        await ExecuteAsync("create table kept (a int); insert into kept values (1)");
        var first = server.ProcessId.ShouldNotBeNull();

        using (var postmaster = Process.GetProcessById(first))
        {
            postmaster.Kill();
        }

        await Eventually.HoldsAsync(() => server.ProcessId is null);
        await server.StartAsync(default);
        server.ProcessId.ShouldNotBe(first);
        await ExecuteAsync("insert into kept values (2)");
    }

    [Fact]
    public async Task Whoever_comes_next_goes_on_with_the_server_that_runs()
    {
        await server.StartAsync(default);
        var first = server.ProcessId;
        server = new PrivateServer(temp["postgres"]);
        await server.StartAsync(default);
        server.ProcessId.ShouldBe(first);
        await server.StopAsync(default);
        server.ProcessId.ShouldBeNull();
    }

    [Fact]
    public async Task A_pid_file_that_names_somebody_else_is_no_server()
    {
        await server.StartAsync(default);
        await server.StopAsync(default);
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "postmaster.pid"), $"{Environment.ProcessId}\n{server.Folder}\n");
        server.ProcessId.ShouldBeNull();
        await server.StartAsync(default);
        server.ProcessId.ShouldNotBeNull();
    }

    [Fact]
    public async Task An_initdb_that_was_cut_is_begun_again()
    {
        Directory.CreateDirectory(server.Folder + ".new/base");
        await server.StartAsync(default);
        await ExecuteAsync("select 1");
    }

    [Fact]
    public async Task A_folder_too_deep_for_a_socket_still_has_one()
    {
        server = new PrivateServer(temp[Path.Combine(new string('a', 60), new string('b', 60), "postgres")]);
        await server.StartAsync(default);
        await ExecuteAsync("select 1");
    }

    private async Task ExecuteAsync(string text)
    {
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await using var command = source.CreateCommand(text);
        await command.ExecuteNonQueryAsync();
    }
}
