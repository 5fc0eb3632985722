using System.Buffers.Text;
using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Json;
using Dispatch.Ingest.Messages;

namespace Dispatch.Ingest.Http;

/// <summary>A name that a query may have; the description of the API is made from the same list.</summary>
sealed record Parameter(string Name, string Doc)
{
    public static IReadOnlyList<Parameter> Paging { get; } =
        [new("cursor", "The next_cursor of the page before."), new("page_size", $"1 to {Http.Query.PageSizeMax}.")];
}

/// <summary>The parameters of a query, read with the same strictness as a body: a name that nobody knows is a fault, and all faults are told at once.</summary>
sealed class Query
{
    private const int PageSizeDefault = 50;
    public const int PageSizeMax = 200;
    private readonly IQueryCollection _query;
    private readonly List<Fault> _faults = [];

    public Query(HttpContext http, IReadOnlyList<Parameter> parameters)
    {
        _query = http.Request.Query;
        foreach (var (name, values) in _query)
        {
            if (!parameters.Any(it => it.Name == name))
            {
                Fault(name, "unknown_parameter", "is not a parameter of this call");
            }
            else if (values.Count != 1 || values[0] is not { Length: > 0 and <= 1_024 } value || Texts.HasControl(value))
            {
                Fault(name, "invalid_parameter", "is given once, with 1 to 1 024 characters");
            }
        }
    }

    public string? Text(string name) => _query[name] is [{ Length: > 0 } value] ? value : null;

    public TValue? Choice<TValue>(string name, IReadOnlyList<(string Word, TValue Value)> choices)
        where TValue : struct
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        foreach (var (word, value) in choices)
        {
            if (word == text)
            {
                return value;
            }
        }

        Fault(name, "not_a_choice", $"must be one of {string.Join(", ", choices.Select(it => it.Word))}");
        return null;
    }

    public Channel? Channel() => Choice("channel", MessageShapes.Channels);

    public TrafficClass? Class() => Choice("class", MessageShapes.Classes);

    public DateTimeOffset? Time(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (Texts.TryTime(text, out var time))
        {
            return time;
        }

        Fault(name, "invalid_time", "must be a time of this century with offset, such as 2026-11-20T08:30:00.000Z");
        return null;
    }

    /// <summary>Words, separated by commas.</summary>
    public IReadOnlySet<string> Words(string name, IReadOnlyCollection<string> known)
    {
        var words = (Text(name) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
        if (!words.IsSubsetOf(known))
        {
            Fault(name, "not_a_choice", $"holds some of {string.Join(", ", known)}, separated by commas");
        }

        return words;
    }

    public int PageSize()
    {
        if (Text("page_size") is not { } text)
        {
            return PageSizeDefault;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is >= 1 and <= PageSizeMax)
        {
            return size;
        }

        Fault("page_size", "out_of_range", $"must be from 1 to {PageSizeMax}");
        return PageSizeDefault;
    }

    /// <summary>What <see cref="Page.Cursor"/> wrote, of that many bytes; null: the first page.</summary>
    public byte[]? Cursor(int length)
    {
        if (Text("cursor") is not { } text)
        {
            return null;
        }

        if (Base64Url.IsValid(text) && Base64Url.DecodeFromChars(text) is { } bytes && bytes.Length == length)
        {
            return bytes;
        }

        Fault("cursor", "invalid_cursor", "must be a next_cursor that this call answered");
        return null;
    }

    public void Fault(string name, string code, string message) => _faults.Add(new Fault($"/query/{name}", code, message));

    /// <exception cref="RefusedException">400, with all that is wrong.</exception>
    public void Check()
    {
        if (_faults.Count > 0)
        {
            throw new RefusedException(Problem.Invalid(_faults));
        }
    }
}

/// <summary>One page of a list, newest first.</summary>
/// <param name="NextCursor">For the next page; absent: this was the last one.</param>
sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

static class Page
{
    public static string Cursor(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    /// <param name="rows">One more than the page has, if there is a next page.</param>
    public static Page<TItem> Of<TRow, TItem>(List<TRow> rows, int pageSize, Func<TRow, TItem> item, Func<TRow, byte[]> cursor) => rows.Count <= pageSize
        ? new Page<TItem>([.. rows.Select(item)], null)
        : new Page<TItem>([.. rows.Take(pageSize).Select(item)], Cursor(cursor(rows[pageSize - 1])));
}
