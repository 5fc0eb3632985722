namespace Dispatch.Sandbox;

/// <summary>Says yes to a share of its calls, evenly spread instead of at random: 0.25 is every fourth. Thread-safe.</summary>
sealed class EvenShare
{
    readonly Lock gate = new();
    double owed;

    public bool Next(double share)
    {
        if (share <= 0)
        {
            return false;
        }

        lock (gate)
        {
            owed += share;
            if (owed < 1 - 1e-9) // ten times 0.1 is a little less than 1
            {
                return false;
            }

            owed -= 1;
            return true;
        }
    }
}
