using System.Text;
using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox;

/// <summary>
/// Remembers how often a message came to an address that wants to be tried several times. Two generations, so that memory is bounded: what was not tried
/// during the last hundred thousand others is forgotten.
/// </summary>
sealed class Tries
{
    const int GenerationMax = 100_000;
    const int RecalledBytesMax = 4 * 1024 * 1024; // some 15,000 receipts: what may still be tried again is among the last ones

    readonly Lock gate = new();
    Dictionary<string, int> young = [];
    Dictionary<string, int> old = [];

    /// <summary>
    /// Goes on with what the end of an oracle log tells of an earlier process: a provider does not forget because its stand-in was killed. By receipts, so a refusal at
    /// RCPT, which leaves none, is forgotten, and one that was not for its address's sake counts as a try.
    /// </summary>
    public static Tries Recall(string oracle)
    {
        var tries = new Tries();
        foreach (var line in OracleLine.Read(oracle, RecalledBytesMax))
        {
            if ((line.Recipient.StartsWith('+') ? Behaviour.OfPhone(line.Recipient) : Behaviour.Of(Encoding.UTF8.GetBytes(line.Recipient))) is { IsCounted: true, Count: > 0 } asked)
            {
                tries.IsEarly(Key(line.MessageId, line.Recipient), asked.Count);
            }
        }

        return tries;
    }

    /// <summary>Each message to the same address is tried anew.</summary>
    public static string Key(string messageId, string address) => messageId + "|" + address;

    /// <returns>True: this try is one of the first <paramref name="times"/> (0: of all).</returns>
    /// <param name="key">As <see cref="Key"/> makes it.</param>
    public bool IsEarly(string key, int times)
    {
        if (times == 0)
        {
            return true;
        }

        lock (gate)
        {
            if (!young.TryGetValue(key, out var tried) && !old.TryGetValue(key, out tried) && young.Count >= GenerationMax)
            {
                (old, young) = (young, []);
            }

            young[key] = tried + 1;
            return tried < times;
        }
    }

    public void Forget()
    {
        lock (gate)
        {
            (young, old) = ([], []);
        }
    }
}
