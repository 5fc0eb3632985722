namespace Dispatch.Store.Private;

/// <summary>
/// Who runs the server. PostgreSQL refuses to run as root, so root hands it to the user that Debian's package made, else to nobody; anybody else runs it himself.
/// </summary>
/// <param name="Name">Null: as we are.</param>
/// <param name="Prefix">What stands before a command to run it as that user.</param>
sealed record ServerUser(string? Name, IReadOnlyList<string> Prefix)
{
    private static readonly string[] Candidates = ["postgres", "nobody"];

    // A data folder below a home that only root may enter (/root): the server gets the right to pass through folders, and nothing else, before it gets more.
    private static readonly string[] Capabilities = ["dac_read_search", "dac_override"];

    /// <param name="folder">Exists; the user must be able to reach it.</param>
    public static async Task<ServerUser> ForAsync(string folder, CancellationToken stop)
    {
        if (Environment.UserName != "root" || OperatingSystem.IsWindows())
        {
            return new ServerUser(null, []);
        }

        var users = await File.ReadAllLinesAsync("/etc/passwd", stop);
        var name = Candidates.FirstOrDefault(candidate => users.Any(line => line.StartsWith(candidate + ":", StringComparison.Ordinal)))
            ?? throw new InvalidOperationException("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody");
        string[] plain = ["setpriv", $"--reuid={name}", $"--regid={await GroupOfAsync(name, stop)}", "--init-groups"];
        string[][] prefixes = [plain, .. Capabilities.Select(capability => (string[])[.. plain, $"--inh-caps=+{capability}", $"--ambient-caps=+{capability}"])];
        foreach (var prefix in prefixes)
        {
            if ((await Shell.RunAsync([.. prefix, "test", "-e", folder + "/."], stop)).Code == 0)
            {
                return new ServerUser(name, prefix);
            }
        }

        throw new InvalidOperationException($"the user {name}, who would run PostgreSQL, may not enter {folder}: choose a data folder that everybody may pass through");
    }

    public IReadOnlyList<string> Command(params IReadOnlyList<string> command) => [.. Prefix, .. command];

    public async Task OwnAsync(string folder, CancellationToken stop)
    {
        if (Name is not null)
        {
            await Shell.CheckAsync(["chown", "-hR", Name, folder], stop);
        }
    }

    private static async Task<string> GroupOfAsync(string user, CancellationToken stop) => (await Shell.RunAsync(["id", "-g", user], stop)).Output.Trim();
}
