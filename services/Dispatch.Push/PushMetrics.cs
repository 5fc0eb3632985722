using System.Diagnostics.Metrics;

namespace Dispatch.Push;

/// <summary>What only this channel has; attempts and lanes are counted where all channels are.</summary>
static class PushMetrics
{
    private static readonly Meter Meter = new("Dispatch.Push");

    public static readonly UpDownCounter<int> Connections =
        Meter.CreateUpDownCounter<int>("dispatch.push.connections", "{connection}", "HTTP/2 connections to providers that are open now");

    public static readonly Counter<int> CredentialsRenewed =
        Meter.CreateCounter<int>("dispatch.push.credentials.renewed", "{token}", "Provider tokens made and access tokens exchanged");
}
