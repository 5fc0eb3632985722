using System.Text;
using Dispatch.Store.Keys;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Auth;

/// <summary>
/// The key that a new deployment begins with, in `Dispatch:Secrets:FirstKeyFile`, readable by its owner only. It opens at once, also before the store is there;
/// once it was revoked in the store it stays revoked.
/// </summary>
sealed class FirstKey(IOptions<IngestOptions> options, TimeProvider clock, ILogger<FirstKey> log)
{
    private const string Environment = "live";
    private readonly string _path = options.Value.FirstKeyFile;

    /// <returns>null: none is wanted.</returns>
    public ApiKey? MakeOrRead()
    {
        if (!options.Value.FirstKey)
        {
            return null;
        }

        if (!File.Exists(_path) && SecretFile.TryCreate(_path, Encoding.ASCII.GetBytes(KeyText.Make(Environment).Text)))
        {
            log.FirstKeyMade(options.Value.FirstKeyTenant, _path);
        }

        return KeyText.TryParse(File.ReadAllText(_path).Trim(), out var environment, out var id, out var secret)
            ? new ApiKey(
                id.ToString(), options.Value.FirstKeyTenant, "first key", environment.ToString(), Scopes.All, KeyText.Hash(secret.ToString()),
                clock.GetUtcNow(), null, null, 0)
            : throw new InvalidDataException($"{_path} does not hold an API key; delete it, and a new one is made at the next start");
    }
}
