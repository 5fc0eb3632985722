using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dispatch.Push.Fcm;

namespace Dispatch.Push.Tests.Fcm;

public class ServiceAccountTests
{
    [Fact]
    public void An_assertion_is_signed_with_the_key_and_says_what_google_wants()
    {
        using var key = RSA.Create(2048);
        var account = new ServiceAccount("shop-1", "push@shop-1.iam.example", key.ExportPkcs8PrivateKeyPem(), new Uri("https://oauth2.googleapis.com/token"), "k1");
        var parts = account.Assertion(Messages.AcceptedAt).Split('.');
        key.VerifyData(
            Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).ShouldBeTrue();
        Text(parts[0]).ShouldBe("""{"alg":"RS256","typ":"JWT","kid":"k1"}""");
        var claims = JsonDocument.Parse(Text(parts[1])).RootElement;
        var iat = Messages.AcceptedAt.ToUnixTimeSeconds();
        claims.GetProperty("iss").GetString().ShouldBe("push@shop-1.iam.example");
        claims.GetProperty("scope").GetString().ShouldBe("https://www.googleapis.com/auth/firebase.messaging");
        claims.GetProperty("aud").GetString().ShouldBe("https://oauth2.googleapis.com/token");
        claims.GetProperty("iat").GetInt64().ShouldBe(iat);
        claims.GetProperty("exp").GetInt64().ShouldBe(iat + 3_600);
        account.ToString().ShouldNotContain("KEY");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"project_id":"p","client_email":"e","private_key":"k","token_uri":"http://plain.example/token"}""")]
    [InlineData("""{"project_id":"a/b","client_email":"e","private_key":"k","token_uri":"https://x.example/token"}""")]
    public void A_file_that_is_no_account_is_refused(string content)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, content);
            Should.Throw<JsonException>(() => ServiceAccount.Read(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Text(string part) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(part));
}
