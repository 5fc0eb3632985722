using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Dispatch.Hosting;

/// <summary>
/// Spans go out by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set; otherwise nobody listens, and no span is made at all.
/// Sampling and the rest follow the OTEL_* variables of the specification.
/// </summary>
sealed class Telemetry(string service, Metrics metrics) : IHostedService, IDisposable
{
    public static bool Exports => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT"));

    private TracerProvider? _traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (Exports)
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureResource(resource => resource.AddService(service))
                .AddSource("Dispatch.*", "Microsoft.AspNetCore", "Npgsql")
                .AddOtlpExporter()
                .Build();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _traces?.ForceFlush(2_000);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _traces?.Dispose();
        metrics.Dispose();
    }
}
