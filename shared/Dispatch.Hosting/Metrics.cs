using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Dispatch.Hosting;

/// <summary>
/// The process's numbers as text, for whoever asks the admin port. The SDK aggregates; this only writes them down in the form that Prometheus reads
/// (its exporter package is still a preview).
/// </summary>
public sealed class Metrics : IDisposable
{
    private readonly Pull _exporter = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;
    private readonly Lock _gate = new();

    public Metrics(string service, bool otlp)
    {
        _reader = new BaseExportingMetricReader(_exporter) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        var builder = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService(service))
            .AddMeter("Dispatch.*", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", "System.Runtime")
            .AddReader(_reader);
        _provider = (otlp ? builder.AddOtlpExporter() : builder).Build();
    }

    public string Text()
    {
        lock (_gate)
        {
            _reader.Collect();
            return _exporter.Text;
        }
    }

    public void Dispose()
    {
        _provider.Dispose();
        _reader.Dispose();
        _exporter.Dispose();
    }

    private sealed class Pull : BaseExporter<Metric>
    {
        public string Text { get; private set; } = "";

        public override ExportResult Export(in Batch<Metric> batch)
        {
            var text = new StringBuilder();
            foreach (var metric in batch)
            {
                Write(text, metric);
            }

            Text = text.ToString();
            return ExportResult.Success;
        }
    }

    private static void Write(StringBuilder text, Metric metric)
    {
        var name = metric.Name.Replace('.', '_');
        var kind = metric.MetricType.IsHistogram() ? "histogram" : metric.MetricType.IsGauge() ? "gauge" : "counter";
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {metric.Description}\n# TYPE {name} {kind}\n");
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            var tags = Tags(point);
            if (metric.MetricType.IsHistogram())
            {
                WriteHistogram(text, name, tags, point);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{Braces(tags)} {Value(metric.MetricType, point)}\n");
            }
        }
    }

    private static void WriteHistogram(StringBuilder text, string name, string tags, in MetricPoint point)
    {
        long below = 0;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            below += bucket.BucketCount;
            var bound = double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : bucket.ExplicitBound.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{Braces(Join(tags, $"le=\"{bound}\""))} {below}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"{name}_sum{Braces(tags)} {point.GetHistogramSum()}\n{name}_count{Braces(tags)} {point.GetHistogramCount()}\n");
    }

    private static string Value(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong().ToString(CultureInfo.InvariantCulture),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => point.GetSumDouble().ToString(CultureInfo.InvariantCulture),
        MetricType.LongGauge => point.GetGaugeLastValueLong().ToString(CultureInfo.InvariantCulture),
        _ => point.GetGaugeLastValueDouble().ToString(CultureInfo.InvariantCulture),
    };

    private static string Tags(in MetricPoint point)
    {
        var tags = "";
        foreach (var tag in point.Tags)
        {
            var value = Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? "";
            tags = Join(tags, $"{tag.Key.Replace('.', '_')}=\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        return tags;
    }

    private static string Join(string tags, string tag) => tags.Length == 0 ? tag : $"{tags},{tag}";

    private static string Braces(string tags) => tags.Length == 0 ? "" : $"{{{tags}}}";
}
