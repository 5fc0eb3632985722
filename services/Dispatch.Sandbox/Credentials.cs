using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dispatch.Sandbox;

/// <summary>
/// What senders need to talk to the stand-ins, made at the first start below {Folder}/credentials and kept. Private keys and passwords are readable by their owner alone.
/// The CA signs one certificate and its key is thrown away: nobody can make another that senders would trust.
/// </summary>
public sealed class Credentials
{
    public const string ApnsKeyId = "SANDBOXKEY";
    public const string ApnsTeamId = "SANDBOXTEAM";
    public const string FcmProjectId = "dispatch-sandbox";
    public const string FcmClientEmail = "dispatch@dispatch-sandbox.iam.gserviceaccount.com";
    public const string SmtpUser = "dispatch";
    public const string SmsAccountSid = "ACsandbox";

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);

    Credentials(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>The root that signed the stand-ins' certificate, PEM: the senders' TrustFile.</summary>
    public string CaFile => Path.Combine(Folder, "ca.pem");

    /// <summary>The APNs signing key, PKCS#8 PEM (ES256), as Apple's portal gives it.</summary>
    public string ApnsKeyFile => Path.Combine(Folder, "apns.p8");

    public string FcmServiceAccountFile => Path.Combine(Folder, "fcm-service-account.json");

    public string SmtpPasswordFile => Path.Combine(Folder, "smtp-password");

    public string SmsTokenFile => Path.Combine(Folder, "sms-token");

    string ServerFile => Path.Combine(Folder, "server.pem"); // certificate and key

    /// <summary>Makes what is missing. Safe to call from several processes one after another, not at once.</summary>
    public static Credentials Ensure(string sandboxFolder)
    {
        var credentials = new Credentials(Path.GetFullPath(Path.Combine(sandboxFolder, "credentials")));
        Directory.CreateDirectory(credentials.Folder, OwnerOnly | UnixFileMode.UserExecute);
        if (!File.Exists(credentials.CaFile) || !File.Exists(credentials.ServerFile) || credentials.IsExpired())
        {
            credentials.MakeCertificates();
        }

        if (!File.Exists(credentials.ApnsKeyFile))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            Write(credentials.ApnsKeyFile, key.ExportPkcs8PrivateKeyPem());
        }

        MakeSecret(credentials.SmtpPasswordFile);
        MakeSecret(credentials.SmsTokenFile);
        return credentials;
    }

    /// <summary>The service account, with the address of the stand-in's token endpoint; its key is kept, its token_uri follows the port.</summary>
    public void EnsureFcm(Uri tokenEndpoint)
    {
        var account = File.Exists(FcmServiceAccountFile) ? JsonNode.Parse(File.ReadAllText(FcmServiceAccountFile))!.AsObject() : NewServiceAccount();
        if (account["token_uri"]?.GetValue<string>() != tokenEndpoint.ToString())
        {
            account["token_uri"] = tokenEndpoint.ToString();
            Write(FcmServiceAccountFile, account.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        }
    }

    internal SslStreamCertificateContext ServerCertificate()
    {
        using var ca = X509CertificateLoader.LoadCertificateFromFile(CaFile);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(ServerFile), [ca], offline: true);
    }

    internal ECDsa ApnsKey()
    {
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(ApnsKeyFile));
        return key;
    }

    internal RSA FcmKey()
    {
        var key = RSA.Create();
        key.ImportFromPem(JsonNode.Parse(File.ReadAllText(FcmServiceAccountFile))!["private_key"]!.GetValue<string>());
        return key;
    }

    internal string SmtpPassword() => File.ReadAllText(SmtpPasswordFile).Trim();

    internal string SmsToken() => File.ReadAllText(SmsTokenFile).Trim();

    static JsonObject NewServiceAccount()
    {
        using var key = RSA.Create(2048);
        return new JsonObject
        {
            ["type"] = "service_account",
            ["project_id"] = FcmProjectId,
            ["private_key_id"] = RandomNumberGenerator.GetHexString(40, lowercase: true),
            ["private_key"] = key.ExportPkcs8PrivateKeyPem() + "\n",
            ["client_email"] = FcmClientEmail,
            ["client_id"] = "100000000000000000001",
        };
    }

    bool IsExpired()
    {
        using var ca = X509CertificateLoader.LoadCertificateFromFile(CaFile);
        return ca.NotAfter < DateTime.Now.AddDays(1);
    }

    void MakeCertificates()
    {
        var (from, until) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow + Lifetime);
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var caRequest = new CertificateRequest("CN=Dispatch Sandbox CA", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        caRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        caRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(caRequest.PublicKey, false));
        using var ca = caRequest.CreateSelfSigned(from, until);

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", serverKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, true, false));
        using var server = request.Create(ca, from, until, [1, .. RandomNumberGenerator.GetBytes(15)]); // positive

        Write(ServerFile, server.ExportCertificatePem() + "\n" + serverKey.ExportPkcs8PrivateKeyPem() + "\n");
        Write(CaFile, ca.ExportCertificatePem() + "\n");
    }

    static void MakeSecret(string path)
    {
        if (!File.Exists(path))
        {
            Write(path, RandomNumberGenerator.GetHexString(32, lowercase: true));
        }
    }

    /// <summary>Whole or not at all: a start that is killed here finds the file missing and makes it anew.</summary>
    static void Write(string path, string text)
    {
        var fresh = path + ".new";
        File.Delete(fresh);
        using (var file = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }
}
