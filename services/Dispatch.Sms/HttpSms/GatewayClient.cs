using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Dispatch.Sms.HttpSms;

/// <summary>A client that does one thing: no redirects (a POST would become a GET), no cookies, no headers of ours in other people's logs.</summary>
static class GatewayClient
{
    [SuppressMessage("Reliability", "CA2000", Justification = "The invoker owns its handler.")]
    public static HttpMessageInvoker Open(HttpSmsOptions options) => new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = options.ConnectionsMax,
        ConnectTimeout = options.ConnectTimeout,
        PooledConnectionIdleTimeout = options.ConnectionIdleMax,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that load follows the gateway's DNS
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trusting(options.TrustFile) },
    });

    private static X509ChainPolicy? Trusting(string trustFile)
    {
        if (trustFile.Length == 0)
        {
            return null;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(trustFile);
        return policy;
    }
}
