using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Dispatch.Contracts;

/// <summary>How new records are shared out among clusters, in parts of the sum; by name.</summary>
public sealed record Shares(ImmutableSortedDictionary<string, int> ByName)
{
    private const int WeightMax = 1_000_000;

    /// <summary>name=weight,name=weight</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Shares? shares)
    {
        shares = null;
        var byName = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        foreach (var part in text.Split(','))
        {
            if (part.Split('=') is not [{ Length: > 0 } name, var number] || byName.ContainsKey(name.Trim())
                || !int.TryParse(number, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var weight) || weight is < 0 or > WeightMax)
            {
                return false;
            }

            byName[name.Trim()] = weight;
        }

        shares = byName.Values.Sum(it => (long)it) is > 0 and <= int.MaxValue ? new Shares(byName.ToImmutable()) : null;
        return shares is not null;
    }

    /// <exception cref="FormatException">The text is none.</exception>
    public static Shares Parse(string text) => TryParse(text, out var shares) ? shares : throw new FormatException($"'{text}' is not name=weight,name=weight.");

    /// <summary>Of 1.</summary>
    public double Of(string name) => ByName.GetValueOrDefault(name) / (double)ByName.Values.Sum();

    /// <summary>A part of the way from here to there: what is asked of a canary.</summary>
    /// <param name="percent">1 to 99.</param>
    public Shares Towards(Shares there, int percent) => new(ByName.Keys.Union(there.ByName.Keys).ToImmutableSortedDictionary(
        name => name, name => (int)Math.Round(10_000 * (((100 - percent) * Of(name)) + (percent * there.Of(name)))), StringComparer.Ordinal));

    /// <summary>Those that get more there than here.</summary>
    public IReadOnlyList<string> Growing(Shares there) => [.. there.ByName.Keys.Where(name => there.Of(name) > Of(name) + 1e-9)];

    public bool Equals(Shares? other) => other is not null && ByName.Keys.Union(other.ByName.Keys).All(name => Math.Abs(Of(name) - other.Of(name)) < 1e-9);

    public override int GetHashCode() => ByName.Count;

    public override string ToString() => string.Join(',', ByName.Select(it => string.Create(CultureInfo.InvariantCulture, $"{it.Key}={it.Value}")));
}

/// <summary>
/// The value of the switch `divert`: where new records go, first as a canary and from a moment on in full. Everybody follows it by the clock, so nobody has to live for it to go on, and
/// whoever sees the target fail knows what to go back to.
/// </summary>
/// <param name="FullAt">When the canary ends; <see cref="DateTimeOffset.MinValue"/>: there is none.</param>
public sealed record Diversion(Shares Canary, DateTimeOffset FullAt, Shares Full, Shares Before)
{
    /// <summary>Nobody watches over it.</summary>
    public static Diversion Steady(Shares shares) => new(shares, DateTimeOffset.MinValue, shares, shares);

    public Shares At(DateTimeOffset now) => now < FullAt ? Canary : Full;

    public static bool TryParse(string text, [NotNullWhen(true)] out Diversion? diversion)
    {
        diversion = null;
        switch (text.Split(';'))
        {
            case [var only] when Shares.TryParse(only, out var shares):
                diversion = Steady(shares);
                return true;
            case [var first, var at, var then, var before] when Shares.TryParse(first, out var canary) && Shares.TryParse(then, out var full) && Shares.TryParse(before, out var back)
                && DateTimeOffset.TryParseExact(at, "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var fullAt):
                diversion = new Diversion(canary, fullAt, full, back);
                return true;
            default:
                return false;
        }
    }

    public override string ToString() => Before == Full ? Full.ToString() : $"{Canary};{FullAt:O};{Full};{Before}";
}
