namespace Dispatch.Deployment.Tests;

/// <summary>What is deployed is read by those that will read it: Compose's own parser, a real Kubernetes API server, the Collector.</summary>
public class ManifestTests
{
    [TheoryWithTools]
    [InlineData("cluster")]
    [InlineData("dev")]
    public async Task Compose_takes_the_file_in_every_profile(string profile)
    {
        var (exitCode, output) = await Tool.RunAsync("run", "docker-compose", "-f", "docker-compose.yml", "--env-file", "deploy/dev.env", "--profile", profile, "config", "-q");
        exitCode.ShouldBe(0, output);
    }

    /// <summary>Each on a server of its own: they are clusters of their own.</summary>
    [TheoryWithKubernetes]
    [InlineData("dev")]
    [InlineData("production")]
    [InlineData("regions/eu-west")]
    [InlineData("regions/us-east")]
    public async Task An_api_server_takes_the_overlay_strictly(string overlay)
    {
        var (exitCode, output) = await Tool.RunAsync("k8s-apply", $"k8s/overlays/{overlay}");
        exitCode.ShouldBe(0, output);
        output.ShouldNotContain("would violate PodSecurity");
    }

    [TheoryWithTools]
    [InlineData("deploy/otelcol.yaml")]
    public async Task The_collector_takes_its_configuration(string file)
    {
        var (exitCode, output) = await Tool.RunAsync("run", "otelcol", "validate", "--config", file);
        exitCode.ShouldBe(0, output);
    }
}
