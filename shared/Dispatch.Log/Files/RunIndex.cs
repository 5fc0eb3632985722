namespace Dispatch.Log.Files;

/// <summary>Where a run stands in its segment: 16 bytes, so that a segment of 64 MiB with a run per record still costs only about 2 MB while it is written.</summary>
/// <param name="Offset">its first record's, less the first of its partition in the segment</param>
/// <param name="Position">of the run's header in the file</param>
/// <param name="Bytes">header included</param>
/// <param name="Seconds">appended, since the segment was created</param>
readonly record struct Run(uint Offset, uint Position, uint Bytes, uint Seconds)
{
    public const int Size = 16;
}

/// <summary>The runs of one segment, by partition, in the order of offsets. In memory while the segment is written, in a file from then on.</summary>
interface IRunIndex
{
    /// <summary>False: the partition has no record in the segment.</summary>
    bool TryRange(int partition, out long first, out long end);

    /// <returns>The number of runs copied from number <paramref name="from"/> on; 0 at the end.</returns>
    int Copy(int partition, int from, Span<Run> into);

    int Count(int partition);
}

static class RunIndexExtensions
{
    /// <returns>The number of the last run that begins at or before the offset; the first if there is none.</returns>
    public static int FindOffset(this IRunIndex index, int partition, long offset)
    {
        index.TryRange(partition, out var first, out _);
        return index.Last(partition, run => first + run.Offset <= offset);
    }

    /// <returns>The number of the last run appended in a second before <paramref name="seconds"/>; the first if there is none.</returns>
    public static int FindTime(this IRunIndex index, int partition, long seconds) => index.Last(partition, run => run.Seconds < seconds);

    private static int Last(this IRunIndex index, int partition, Func<Run, bool> holds)
    {
        Span<Run> one = stackalloc Run[1];
        var (low, high) = (0, index.Count(partition) - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            index.Copy(partition, middle, one);
            if (holds(one[0]))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }
}
