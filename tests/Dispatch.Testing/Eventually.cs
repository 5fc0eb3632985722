using System.Runtime.CompilerServices;

namespace Dispatch.Testing;

/// <summary>Waits for a condition with a deadline: as fast as the machine is, and never a fixed sleep.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    public static Task HoldsAsync(Func<bool> condition, TimeSpan? within = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        HoldsAsync(() => Task.FromResult(condition()), within, what);

    /// <exception cref="TimeoutException">It did not come true; names the condition.</exception>
    public static async Task HoldsAsync(Func<Task<bool>> condition, TimeSpan? within = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        ArgumentNullException.ThrowIfNull(condition);
        var deadline = DateTime.UtcNow + (within ?? Patience);
        while (!await condition())
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"not within {(within ?? Patience).TotalSeconds} s: {what}");
            }

            await Task.Delay(Look);
        }
    }
}
