using System.CommandLine;
using Dispatch.Cli.Api;

namespace Dispatch.Cli.Commands;

/// <summary>Where a running system is, and with which key: --url and --key, else DISPATCH_URL and DISPATCH_KEY, else the first key of a local `up`.</summary>
sealed class Connection
{
    private readonly Option<string?> _url = new("--url") { Description = "Base address of the API (DISPATCH_URL; default http://127.0.0.1:8080)." };
    private readonly Option<string?> _key = new("--key") { Description = "API key (DISPATCH_KEY; default: the first key in the data folder)." };
    private readonly Option<string> _data = new("--data") { Description = "Data folder of a local `up`.", DefaultValueFactory = _ => "data" };

    public Connection(Command command)
    {
        command.Options.Add(_url);
        command.Options.Add(_key);
        command.Options.Add(_data);
    }

    /// <exception cref="ConnectionException">There is no key to be found.</exception>
    public ApiClient Open(ParseResult parsed)
    {
        var url = parsed.GetValue(_url) ?? Environment.GetEnvironmentVariable("DISPATCH_URL") ?? "http://127.0.0.1:8080";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new ConnectionException($"--url {url}: not an http or https address");
        }

        return new ApiClient(address, parsed.GetValue(_key) ?? Environment.GetEnvironmentVariable("DISPATCH_KEY") ?? FirstKey(parsed.GetValue(_data)!));
    }

    private static string FirstKey(string data)
    {
        var path = Path.Combine(data, "secrets", "first-key");
        return File.Exists(path)
            ? File.ReadAllText(path).Trim()
            : throw new ConnectionException($"no --key, no DISPATCH_KEY, and no {path}: give a key, or --data DIR of a local `./dispatch up`");
    }
}

sealed class ConnectionException(string message) : Exception(message);
