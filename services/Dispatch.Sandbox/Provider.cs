using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox;

/// <summary>What every stand-in has besides its protocol: a name, settings that change while it runs, counters, its oracle log and its memory of tries.</summary>
/// <param name="name">apns, fcm, smtp, smtp-2, ..., http-sms: the name in the admin API.</param>
/// <param name="defaults">What a reset goes back to.</param>
/// <param name="tries">What messages were tried before; relays share it, because the same mailboxes stand behind them all.</param>
sealed class Provider(string name, ProviderSettings defaults, OracleFile oracle, Tries tries)
{
    readonly EvenShare errors = new();
    volatile ProviderSettings? changed;

    public string Name => name;

    public OracleFile Oracle => oracle;

    public Counters Counters { get; } = new();

    public ProviderSettings Settings => changed ?? defaults;

    /// <summary>Raised on the thread that changed them.</summary>
    public event Action<ProviderSettings>? Changed;

    public void Change(ProviderSettings to)
    {
        changed = to;
        Changed?.Invoke(to);
    }

    public void Reset()
    {
        Counters.Reset();
        tries.Forget();
        Change(defaults);
    }

    /// <summary>True for the share of calls that <see cref="ProviderSettings.ErrorRate"/> asks for.</summary>
    public bool FailsNow() => errors.Next(Settings.ErrorRate);

    /// <summary>
    /// What a message meets now: an act that is asked for a number of times has been used up when the message has come that often, and then it is taken.
    /// </summary>
    public Behaviour Next(Behaviour asked, string messageId, string address) =>
        asked.IsCounted && !tries.IsEarly(Tries.Key(messageId, address), asked.Count) ? Behaviour.None : asked;

    /// <summary>Counts a receipt and writes it down. Called right before its answer leaves, or when it is known that none will.</summary>
    public void Record(in Receipt receipt)
    {
        Counters.Receipt(receipt.Accepted, receipt.Answered);
        oracle.Append(receipt);
    }
}
