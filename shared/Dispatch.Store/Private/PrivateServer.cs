using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Dispatch.Store.Private;

/// <summary>
/// A PostgreSQL of our own in a folder: unix socket only, no password, because nobody else may enter the socket's folder. It lives on when this process dies,
/// and whoever starts it next finds it and goes on with it.
/// </summary>
public sealed class PrivateServer
{
    private const string Database = "dispatch";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan OrphansMax = TimeSpan.FromSeconds(30);
    private readonly bool _durable;
    private readonly string _clusterName;
    private readonly string _socketFolder;
    private ServerUser? _user;
    private string? _binaries;

    /// <param name="folder">Made if missing, its parent too.</param>
    /// <param name="durable">False: nothing is synced; for tests.</param>
    public PrivateServer(string folder, bool durable = true)
    {
        _durable = durable;
        Folder = Path.GetFullPath(folder);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Folder)))[..12];
        _clusterName = $"dispatch-{hash}";
        _socketFolder = Path.Combine(Folder, "socket");
        if (Encoding.UTF8.GetByteCount(_socketFolder) > ServerSettings.SocketFolderBytesMax)
        {
            _socketFolder = $"/tmp/{_clusterName}-{Environment.UserName}";
        }
    }

    public string Folder { get; }

    /// <summary>Known before the server runs, so nobody needs to wait for it.</summary>
    public string ConnectionString => Connection(Database);

    /// <summary>Another database of this server.</summary>
    public string Connection(string database) => new NpgsqlConnectionStringBuilder { Host = _socketFolder, Username = Database, Database = database }.ConnectionString;

    /// <summary>The server's process; null: it does not run.</summary>
    public int? ProcessId => ServerProcess.Lives(Folder) ? ServerProcess.Recorded(Folder) : null;

    /// <summary>Makes the database if there is none, starts the server or finds it running, and returns when it takes connections.</summary>
    /// <exception cref="PostgresMissingException">Its programs are not installed.</exception>
    /// <exception cref="InvalidOperationException">It does not start; the message has what it said.</exception>
    public async Task StartAsync(CancellationToken stop)
    {
        _binaries = await PostgresBinaries.FindAsync(Folder, stop);
        Directory.CreateDirectory(Path.GetDirectoryName(Folder)!);
        if (!File.Exists(Path.Combine(Folder, "PG_VERSION")))
        {
            await InitAsync(stop);
        }

        _user ??= await ServerUser.ForAsync(Path.GetDirectoryName(Folder)!, stop);
        if (!await RunsAsync(stop))
        {
            await MakeSocketFolderAsync(stop);
            await WriteOwnedAsync(Path.Combine(Folder, ServerSettings.File), ServerSettings.Text(_socketFolder, _clusterName, _durable), stop);
            await BuryAsync(stop);
            await LaunchAsync(stop);
        }

        await MakeDatabaseAsync(stop);
    }

    /// <param name="fast">True: open transactions are rolled back and the data is in order. False: at once, as after a crash; for tests.</param>
    public async Task StopAsync(CancellationToken stop, bool fast = true)
    {
        _binaries ??= await PostgresBinaries.FindAsync(Folder, stop);
        _user ??= await ServerUser.ForAsync(Path.GetDirectoryName(Folder)!, stop);
        if (await RunsAsync(stop))
        {
            await ControlAsync(["stop", "-w", "-t", "60", "-m", fast ? "fast" : "immediate"], stop);
        }

        if (Directory.Exists(_socketFolder) && !_socketFolder.StartsWith(Folder, StringComparison.Ordinal))
        {
            Directory.Delete(_socketFolder, recursive: true);
        }
    }

    /// <summary>The server's process lives; it may still be recovering.</summary>
    public async Task<bool> RunsAsync(CancellationToken stop) => ServerProcess.CanLook
        ? ServerProcess.Lives(Folder)
        : (await Shell.RunAsync(_user!.Command(Path.Combine(_binaries!, "pg_ctl"), "status", "-D", Folder), stop)).Code == 0;

    /// <summary>Made beside and moved into place: an initdb that was killed half-way leaves nothing that looks whole.</summary>
    private async Task InitAsync(CancellationToken stop)
    {
        var making = Folder + ".new";
        if (Directory.Exists(making))
        {
            Directory.Delete(making, recursive: true);
        }

        Directory.CreateDirectory(making, OwnerOnly);
        _user = await ServerUser.ForAsync(Path.GetDirectoryName(Folder)!, stop);
        await _user.OwnAsync(making, stop);
        string[] sync = _durable ? [] : ["--no-sync"];
        await Shell.CheckAsync(
            _user.Command([Path.Combine(_binaries!, "initdb"), "-D", making, "-U", Database, "-E", "UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject", .. sync]), stop);
        await File.AppendAllTextAsync(Path.Combine(making, "postgresql.conf"), $"\ninclude '{ServerSettings.File}'\n", stop);
        Directory.Move(making, Folder);
    }

    private async Task MakeSocketFolderAsync(CancellationToken stop)
    {
        var folder = new DirectoryInfo(_socketFolder);
        if (folder.LinkTarget is not null)
        {
            throw new InvalidOperationException($"{_socketFolder} is a link: somebody else made it");
        }

        Directory.CreateDirectory(_socketFolder, OwnerOnly);
        File.SetUnixFileMode(_socketFolder, OwnerOnly); // fails if it is not ours
        await _user!.OwnAsync(_socketFolder, stop);
    }

    private async Task WriteOwnedAsync(string path, string text, CancellationToken stop)
    {
        await File.WriteAllTextAsync(path, text, stop);
        await _user!.OwnAsync(path, stop);
    }

    /// <summary>
    /// Takes away the pid files of a server that is dead although its number is in the process table; PostgreSQL removes the other ones itself.
    /// Only once nobody works in the folder any more: the files are what keeps two servers apart.
    /// </summary>
    private async Task BuryAsync(CancellationToken stop)
    {
        if (!ServerProcess.CanLook)
        {
            return;
        }

        var deadline = DateTimeOffset.UtcNow + OrphansMax;
        while (ServerProcess.AnyLives(Folder, _clusterName))
        {
            if (DateTimeOffset.UtcNow > deadline)
            {
                throw new InvalidOperationException($"processes of a PostgreSQL that died still work in {Folder}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), stop);
        }

        if (ServerProcess.Recorded(Folder) is { } id && Directory.Exists($"/proc/{id}"))
        {
            File.Delete(Path.Combine(Folder, "postmaster.pid"));
            File.Delete(Path.Combine(_socketFolder, ".s.PGSQL.5432.lock"));
        }
    }

    private async Task LaunchAsync(CancellationToken stop)
    {
        var log = Path.Combine(Folder, "server.log");
        if (File.Exists(log))
        {
            File.Move(log, log + ".before", overwrite: true);
        }

        try
        {
            await ControlAsync(["start", "-w", "-t", "600", "-l", log], stop);
        }
        catch (InvalidOperationException e) when (File.Exists(log))
        {
            var said = await File.ReadAllLinesAsync(log, stop);
            throw new InvalidOperationException($"{e.Message}\n{string.Join('\n', said.TakeLast(10))}", e);
        }
    }

    private Task ControlAsync(IReadOnlyList<string> arguments, CancellationToken stop) =>
        Shell.CheckAsync(_user!.Command([Path.Combine(_binaries!, "pg_ctl"), arguments[0], "-D", Folder, .. arguments.Skip(1)]), stop);

    private async Task MakeDatabaseAsync(CancellationToken stop)
    {
        await using var source = NpgsqlDataSource.Create(Connection("postgres") + ";Pooling=false");
        await using var exists = source.CreateCommand("select 1 from pg_database where datname = 'dispatch'");
        if (await exists.ExecuteScalarAsync(stop) is null)
        {
            await using var create = source.CreateCommand("create database dispatch");
            await create.ExecuteNonQueryAsync(stop);
        }
    }
}
