using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Sockets;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

public sealed class SandboxTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Credentials_are_made_once_and_only_their_owner_reads_them()
    {
        var contents = new List<string>();
        for (var run = 0; run < 2; run++)
        {
            await using var sandbox = await Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = 0 });
            string[] files = [sandbox.Credentials.ApnsKeyFile, sandbox.Credentials.FcmServiceAccountFile, sandbox.Credentials.SmtpPasswordFile, sandbox.Credentials.SmsTokenFile];
            files.ShouldAllBe(file => File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
            Directory.EnumerateFiles(sandbox.Credentials.Folder).Where(file => File.ReadAllText(file).Contains("PRIVATE KEY", StringComparison.Ordinal))
                .ShouldAllBe(file => File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
            contents.Add(string.Concat(files.Where(file => file != sandbox.Credentials.FcmServiceAccountFile).Append(sandbox.Credentials.CaFile).Select(File.ReadAllText)));
        }

        contents[0].ShouldBe(contents[1]);
    }

    [Fact]
    public async Task The_service_account_keeps_its_key_and_follows_the_port()
    {
        var accounts = new List<(string Key, string Uri)>();
        for (var run = 0; run < 2; run++)
        {
            await using var sandbox = await Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = 0 });
            var account = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(sandbox.Credentials.FcmServiceAccountFile))!;
            account["token_uri"]!.GetValue<string>().ShouldBe($"https://127.0.0.1:{sandbox.Endpoints.Fcm.Port}/token");
            accounts.Add((account["private_key"]!.GetValue<string>(), account["token_uri"]!.GetValue<string>()));
        }

        accounts[0].Key.ShouldBe(accounts[1].Key);
    }

    [Fact]
    public async Task What_was_tried_before_a_restart_is_remembered()
    {
        var id = ("apns-id", $"{Guid.NewGuid()}");
        var answers = new List<HttpStatusCode>();
        for (var run = 0; run < 3; run++)
        {
            await using var sandbox = await Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = 0 });
            using var http = new HttpClient(new SocketsHttpHandler { SslOptions = SandboxFixture.Trust(sandbox.Credentials) });
            using var push = SandboxFixture.Push(sandbox.Endpoints.Apns, "retry-2-r", SandboxFixture.ApnsToken(sandbox.Credentials), "{}", [id]);
            using var answer = await http.SendAsync(push);
            answers.Add(answer.StatusCode);
        }

        answers.ShouldBe([HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK]);
    }

    [Fact]
    public async Task A_port_that_is_taken_stops_the_start_and_leaves_nothing_listening()
    {
        var taken = FreePorts.Row(24) + 2;
        using var other = new TcpListener(IPAddress.Loopback, taken);
        other.Start();
        var fault = await Should.ThrowAsync<IOException>(() => Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = taken - 2 })); // SMTP's
        fault.Message.ShouldContain($"127.0.0.1:{taken}");
        using var probe = new TcpListener(IPAddress.Loopback, taken - 2);
        probe.Start(); // APNs has let go of its own
    }

    [Fact]
    public async Task Every_fault_of_the_options_is_listed()
    {
        var fault = await Should.ThrowAsync<ValidationException>(() => Sandbox.StartAsync(new SandboxOptions { Folder = "", BasePort = -1, Relays = 99 }));
        fault.Message.ShouldSatisfyAllConditions(
            message => message.ShouldContain(nameof(SandboxOptions.Folder)), message => message.ShouldContain(nameof(SandboxOptions.BasePort)), message => message.ShouldContain(nameof(SandboxOptions.Relays)));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(70_000, 1)]
    [InlineData(0, 0)]
    [InlineData(0, 17)]
    public async Task Bad_options_stop_the_start(int basePort, int relays) => await Should.ThrowAsync<ValidationException>(
        () => Sandbox.StartAsync(new SandboxOptions { Folder = folder.Path, BasePort = basePort, Relays = relays }));

    [Fact]
    public async Task A_stranger_at_the_port_harms_nobody()
    {
        await using var own = new OwnSandbox();
        await own.InitializeAsync();
        foreach (var port in new[] { own.At.Sandbox.Endpoints.Apns.Port, own.At.Sandbox.Endpoints.Fcm.Port, own.At.Sandbox.Endpoints.Smtp[0].Port })
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            await client.GetStream().WriteAsync(System.Security.Cryptography.RandomNumberGenerator.GetBytes(4000));
        }

        (await own.At.PushAsync(own.At.Push("abc"))).Status.ShouldBe(200);
    }
}
