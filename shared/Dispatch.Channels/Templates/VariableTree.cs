using System.Collections;

namespace Dispatch.Channels.Templates;

/// <summary>A JSON object among the variables. Each look at it is a step, so a template cannot loop longer than it may.</summary>
sealed class VariableMap(Variables owner) : IReadOnlyDictionary<string, object?>
{
    private readonly Dictionary<string, object?> values = [];

    public void Set(string name, object? value) => values[name] = value;

    public object? Find(ReadOnlySpan<char> name)
    {
        owner.Step();
        return values.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var value) ? value : null;
    }

    public int Count => values.Count;

    public IEnumerable<string> Keys => values.Keys;

    public IEnumerable<object?> Values => values.Values;

    public object? this[string key] => Find(key);

    public bool ContainsKey(string key) => values.ContainsKey(key);

    public bool TryGetValue(string key, out object? value)
    {
        owner.Step();
        return values.TryGetValue(key, out value);
    }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        foreach (var pair in values)
        {
            owner.Step();
            yield return pair;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A JSON array among the variables; as <see cref="VariableMap"/>.</summary>
sealed class VariableList(Variables owner) : IReadOnlyList<object?>
{
    private readonly List<object?> values = [];

    public void Add(object? value) => values.Add(value);

    public object? Find(int index)
    {
        owner.Step();
        return index >= 0 && index < values.Count ? values[index] : null;
    }

    public int Count => values.Count;

    public object? this[int index] => Find(index);

    public IEnumerator<object?> GetEnumerator()
    {
        foreach (var value in values)
        {
            owner.Step();
            yield return value;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
