namespace Dispatch.Sandbox;

/// <summary>
/// Remembers how often a message came to an address that wants to be tried several times. Two generations, so that memory is bounded: what was not tried
/// during the last hundred thousand others is forgotten.
/// </summary>
sealed class Tries
{
    const int GenerationMax = 100_000;

    readonly Lock gate = new();
    Dictionary<string, int> young = [];
    Dictionary<string, int> old = [];

    /// <returns>True: this try is one of the first <paramref name="times"/> (0: of all).</returns>
    /// <param name="key">Message id and address: each message to the same address is tried anew.</param>
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
