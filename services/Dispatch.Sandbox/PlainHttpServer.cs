using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Dispatch.Sandbox;

/// <summary>
/// Kestrel with one function behind it: HTTP/1.1 without TLS. No host of its own, so that inside another process it brings no second container, no configuration
/// and no handler of Ctrl-C.
/// </summary>
sealed class PlainHttpServer : IAsyncDisposable, IHttpApplication<HttpContext>
{
    static readonly TimeSpan GraceMax = TimeSpan.FromSeconds(2);

    readonly KestrelServer server;
    readonly RequestDelegate handle;

    PlainHttpServer(IPEndPoint endpoint, RequestDelegate handle, ILoggerFactory logs)
    {
        this.handle = handle;
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = 256 * 1024;
        options.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http1);
        server = new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), logs), logs);
    }

    public Uri Address => new(server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());

    public static async Task<PlainHttpServer> StartAsync(IPEndPoint endpoint, RequestDelegate handle, ILoggerFactory logs)
    {
        var server = new PlainHttpServer(endpoint, handle, logs);
        try
        {
            await server.server.StartAsync(server, CancellationToken.None);
            return server;
        }
        catch
        {
            server.server.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var grace = new CancellationTokenSource(GraceMax);
        await server.StopAsync(grace.Token);
        server.Dispose();
    }

    HttpContext IHttpApplication<HttpContext>.CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    Task IHttpApplication<HttpContext>.ProcessRequestAsync(HttpContext context) => handle(context);

    void IHttpApplication<HttpContext>.DisposeContext(HttpContext context, Exception? exception)
    {
    }
}
