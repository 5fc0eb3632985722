namespace Dispatch.Host.Separate;

/// <summary>
/// What a process of `--separate` is told, as environment variables: all that the parent was told and worked out, and what is the instance's own. Not as arguments: everybody on the
/// machine can read those, and a connection string may hold a password.
/// </summary>
static class ChildSettings
{
    private static readonly string[] Sections = ["Dispatch:", "Logging:"];

    /// <param name="postgres">The connection string that all of them share.</param>
    public static Dictionary<string, string> Of(ServiceInstance instance, IConfiguration configuration, string postgres)
    {
        var data = configuration["Dispatch:Data"]!;
        var settings = configuration.AsEnumerable()
            .Where(it => it.Value is not null && Array.Exists(Sections, section => it.Key.StartsWith(section, StringComparison.OrdinalIgnoreCase)))
            .ToDictionary(it => Variable(it.Key), it => it.Value!, StringComparer.OrdinalIgnoreCase);
        void Set(string key, string value) => settings[Variable(key)] = value;

        Set("Dispatch:Data", FolderOf(data, instance.Name)); // journals, spools and snapshots have one owner each
        Set("Dispatch:Secrets:FirstKeyFile", FirstKeyFile(data));
        settings.TryAdd(Variable("Dispatch:Secrets:RecipientKeyFile"), Path.Combine(data, "secrets", "recipient-key"));
        Set("Dispatch:Postgres", postgres);
        settings.TryAdd(Variable("Logging:Console:FormatterName"), "simple");
        settings.TryAdd(Variable("Logging:Console:FormatterOptions:SingleLine"), "true"); // each line gets the service's name in front
        if (instance.AdminPort > 0)
        {
            Set("Dispatch:AdminListen", LocalDefaults.Local(instance.AdminPort));
        }

        if (instance.Name != instance.Service && instance.ApiPort > 0)
        {
            settings.TryAdd(Variable("Dispatch:PublicUrl"), configuration["Dispatch:Listen"]!);
            Set("Dispatch:Listen", LocalDefaults.Local(instance.ApiPort));
        }

        settings["DOTNET_hostBuilder__reloadConfigOnChange"] = "false"; // nobody changes the environment of a process that runs
        return settings;
    }

    public static string FolderOf(string data, string name) => Path.Combine(data, "services", name);

    public static string FirstKeyFile(string data) => Path.Combine(data, "secrets", "first-key");

    private static string Variable(string key) => key.Replace(":", "__", StringComparison.Ordinal);
}
