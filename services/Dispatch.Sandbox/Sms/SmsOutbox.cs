namespace Dispatch.Sandbox.Sms;

/// <summary>The messages that can still be asked for: the newest ten thousand. Thread-safe.</summary>
sealed class SmsOutbox
{
    const int KeptMax = 10_000;

    readonly Lock gate = new();
    readonly Dictionary<string, SmsMessage> bySid = [];
    readonly Queue<SmsMessage> inOrder = [];

    public void Add(SmsMessage message)
    {
        lock (gate)
        {
            bySid.Add(message.Sid, message);
            inOrder.Enqueue(message);
            if (inOrder.Count > KeptMax)
            {
                bySid.Remove(inOrder.Dequeue().Sid);
            }
        }
    }

    public SmsMessage? Find(string sid)
    {
        lock (gate)
        {
            return bySid.GetValueOrDefault(sid);
        }
    }

    /// <summary>Newest first; by recipient, if one is named.</summary>
    public IReadOnlyList<SmsMessage> List(string? to, int most)
    {
        lock (gate)
        {
            return [.. inOrder.Where(message => to is null || message.To == to).Reverse().Take(most)];
        }
    }
}
