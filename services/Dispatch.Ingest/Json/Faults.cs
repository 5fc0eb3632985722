using System.Globalization;
using System.Text;

namespace Dispatch.Ingest.Json;

/// <summary>One thing that is wrong with a body.</summary>
/// <param name="Pointer">RFC 6901, from the root of the body; empty: the body itself.</param>
/// <param name="Code">Stable, for programs: "required", "unknown_field", "too_long".</param>
/// <param name="Message">For people; names the limit. Never repeats the caller's value: answers end up in logs.</param>
public readonly record struct Fault(string Pointer, string Code, string Message);

/// <summary>Collects every fault of a body, never the first only. Knows where the reader stands, so that a pointer costs nothing until it is needed.</summary>
sealed class Faults
{
    /// <summary>A body with more than these has been understood well enough.</summary>
    public const int Max = 1_000;

    private readonly List<Fault> _faults = [];
    private Step[] _path = new Step[6];
    private int _depth;

    public int Count => _faults.Count;

    /// <summary>More were found than are listed.</summary>
    public bool IsFull => _faults.Count >= Max;

    public IReadOnlyList<Fault> All => _faults;

    public void Enter(string name) => Push(new Step(name, 0));

    public void Enter(int index) => Push(new Step(null, index));

    public void Leave() => _depth--;

    /// <summary>At the place where the reader stands.</summary>
    public void Add(string code, string message)
    {
        if (!IsFull)
        {
            _faults.Add(new Fault(Pointer(), code, message));
        }
    }

    /// <summary>At a field below that place.</summary>
    public void Add(string field, string code, string message)
    {
        Enter(field);
        Add(code, message);
        Leave();
    }

    /// <summary>Whether something is wrong with a field below that place, or inside of it: then nothing is said about what follows from it.</summary>
    public bool Has(string field)
    {
        if (_faults.Count == 0)
        {
            return false;
        }

        Enter(field);
        var pointer = Pointer();
        Leave();
        return _faults.Exists(it => it.Pointer.StartsWith(pointer, StringComparison.Ordinal) && (it.Pointer.Length == pointer.Length || it.Pointer[pointer.Length] == '/'));
    }

    /// <summary>Takes out what was added since <paramref name="count"/>: the faults of one item, which must not refuse its neighbours.</summary>
    public IReadOnlyList<Fault> CutFrom(int count)
    {
        if (_faults.Count == count)
        {
            return [];
        }

        var cut = _faults.GetRange(count, _faults.Count - count);
        _faults.RemoveRange(count, cut.Count);
        return cut;
    }

    /// <summary>What was cut out before, to look at the item once more.</summary>
    public void PutBack(IEnumerable<Fault> cut) => _faults.AddRange(cut);

    private void Push(Step step)
    {
        if (_depth == _path.Length)
        {
            Array.Resize(ref _path, _depth * 2);
        }

        _path[_depth++] = step;
    }

    private string Pointer()
    {
        var pointer = new StringBuilder();
        foreach (var (name, index) in _path.AsSpan(0, _depth))
        {
            pointer.Append('/');
            _ = name is null
                ? pointer.Append(CultureInfo.InvariantCulture, $"{index}")
                : pointer.Append(name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        }

        return pointer.ToString();
    }

    private readonly record struct Step(string? Name, int Index);
}
