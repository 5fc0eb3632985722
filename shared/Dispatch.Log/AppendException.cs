namespace Dispatch.Log;

/// <summary>Whether records whose append failed may be in the log nevertheless.</summary>
public enum Persistence
{
    /// <summary>They are not there and never will be: appending them again makes no second copy.</summary>
    NotPersisted,

    /// <summary>They may be there, or appear later: appending them again needs <c>repeat_since</c>.</summary>
    PossiblyPersisted,
}

/// <summary>What is behind the log did not answer: a disk, the brokers. It stays usable and heals by itself where it can; the call can be made again.</summary>
public class LogUnavailableException : Exception
{
    public LogUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>Records could not be made durable: the disk is full, a sync failed, the brokers did not answer.</summary>
public sealed class AppendException : LogUnavailableException
{
    public AppendException(string message, Persistence persistence, Exception? inner = null)
        : base(message, inner) => Persistence = persistence;

    public Persistence Persistence { get; }
}

/// <summary>The partition was handed to somebody else while this process worked on it. Nothing was written.</summary>
public sealed class LeaseLostException : Exception
{
    public LeaseLostException(string message)
        : base(message)
    {
    }
}
