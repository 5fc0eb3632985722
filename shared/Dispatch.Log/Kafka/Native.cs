using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Dispatch.Log.Kafka;

/// <summary>The client's native half: its package's own, or the machine's by the names that distributions give it (docs/adr/0010-two-native-halves.md).</summary>
static class Native
{
    public const string Library = "librdkafka";

#if LIBRDKAFKA_SYSTEM
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "Before anybody's first call of the client, wherever that is.")]
    public static void Use() => Use(typeof(Confluent.Kafka.Library).Assembly);

    /// <summary>Calls of this assembly go to the same library.</summary>
    public static void Use(Assembly assembly) => NativeLibrary.SetDllImportResolver(assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        string[] candidates = name switch
        {
            _ when name.Contains(Library, StringComparison.Ordinal) => ["librdkafka.so.1", "librdkafka.1.dylib", Library],
            _ when name.Contains("libdl", StringComparison.Ordinal) => ["libdl.so.2"], // the managed half asks for its development name
            _ => [],
        };
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
            {
                return handle;
            }
        }

        return 0;
    }
#else
    /// <summary>Calls of this assembly go to the same library: the package's is found by itself.</summary>
    public static void Use(Assembly assembly) => RuntimeHelpers.RunModuleConstructor(assembly.ManifestModule.ModuleHandle);
#endif
}
