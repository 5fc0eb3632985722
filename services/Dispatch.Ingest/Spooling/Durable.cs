namespace Dispatch.Ingest.Spooling;

/// <summary>Where what was accepted is safe.</summary>
enum Durable
{
    /// <summary>With the brokers, or in the log's files.</summary>
    Log,

    /// <summary>On this instance's disk, until the brokers take it.</summary>
    Spool,
}

static class DurableWords
{
    public static string Name(this Durable of) => of == Durable.Log ? "log" : "spool";
}
