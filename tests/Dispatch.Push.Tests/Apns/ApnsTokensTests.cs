using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dispatch.Push.Apns;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Push.Tests.Apns;

public sealed class ApnsTokensTests : IDisposable
{
    private readonly string keyFile = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.p8");
    private readonly HandClock clock = new(Messages.AcceptedAt);
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ApnsTokens tokens;

    public ApnsTokensTests()
    {
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        tokens = new ApnsTokens("TEAM123456", "KEY1234567", keyFile, TimeSpan.FromMinutes(50), clock, NullLogger<ApnsTokens>.Instance);
    }

    public void Dispose()
    {
        key.Dispose();
        File.Delete(keyFile);
    }

    [Fact]
    public void A_token_is_signed_with_the_key_and_says_who_and_when()
    {
        var parts = Text(tokens.Current()!).Split("bearer ")[1].Split('.');
        key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256).ShouldBeTrue();
        Json(parts[0]).ShouldBe("""{"alg":"ES256","kid":"KEY1234567"}""");
        Json(parts[1]).ShouldBe($$"""{"iss":"TEAM123456","iat":{{Messages.AcceptedAt.ToUnixTimeSeconds()}}}""");
    }

    [Fact]
    public void A_token_serves_until_its_age_and_not_longer()
    {
        var first = tokens.Current();
        clock.Advance(TimeSpan.FromMinutes(50) - TimeSpan.FromSeconds(1));
        tokens.Current().ShouldBeSameAs(first);
        clock.Advance(TimeSpan.FromSeconds(1));
        var second = tokens.Current();
        second.ShouldNotBeSameAs(first);
        second!.IssuedAt.ShouldBe(clock.GetUtcNow());
    }

    [Fact]
    public void An_expired_token_is_replaced_once_whoever_complains()
    {
        var first = tokens.Current()!;
        tokens.Replace(first).ShouldBeTrue();
        var second = tokens.Current()!;
        tokens.Replace(first).ShouldBeTrue(); // another answer to the old one
        tokens.Current().ShouldBeSameAs(second);
    }

    [Fact]
    public void A_clock_that_is_wrong_does_not_make_token_after_token()
    {
        tokens.Replace(tokens.Current()!).ShouldBeTrue();
        var second = tokens.Current()!;
        tokens.Replace(second).ShouldBeFalse();
        tokens.Current().ShouldBeSameAs(second);
        clock.Advance(ApnsTokens.Distance);
        tokens.Replace(second).ShouldBeTrue();
    }

    [Fact]
    public void Too_many_updates_brings_the_old_token_back_and_makes_none_for_20_minutes()
    {
        var first = tokens.Current()!;
        clock.Advance(TimeSpan.FromMinutes(50));
        var second = tokens.Current()!;
        tokens.Keep(second).ShouldBeTrue();
        tokens.Current().ShouldBeSameAs(first);
        clock.Advance(TimeSpan.FromMinutes(19));
        tokens.Current().ShouldBeSameAs(first);
        tokens.Replace(first).ShouldBeFalse();
        clock.Advance(TimeSpan.FromMinutes(1));
        tokens.Current()!.IssuedAt.ShouldBe(clock.GetUtcNow());
    }

    [Fact]
    public void Too_many_updates_without_an_old_token_keeps_what_there_is()
    {
        var only = tokens.Current()!;
        tokens.Keep(only).ShouldBeFalse();
        tokens.Current().ShouldBeSameAs(only);
    }

    [Fact]
    public void A_new_key_file_is_taken_without_a_restart()
    {
        var first = tokens.Current();
        using var rotated = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(keyFile, rotated.ExportPkcs8PrivateKeyPem());
        File.SetLastWriteTimeUtc(keyFile, DateTime.UtcNow.AddMinutes(1));
        tokens.Current().ShouldBeSameAs(first); // looked at just now
        clock.Advance(TimeSpan.FromSeconds(6));
        var parts = Text(tokens.Current()!).Split("bearer ")[1].Split('.');
        rotated.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256).ShouldBeTrue();
    }

    [Theory]
    [InlineData("no PEM at all")]
    [InlineData(null)]
    public void A_key_that_cannot_be_read_gives_no_token_until_it_can(string? content)
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.p8");
        try
        {
            if (content is not null)
            {
                File.WriteAllText(file, content);
            }

            var late = new ApnsTokens("T", "K", file, TimeSpan.FromMinutes(50), clock, NullLogger<ApnsTokens>.Instance);
            late.Current().ShouldBeNull();
            File.WriteAllText(file, key.ExportPkcs8PrivateKeyPem());
            clock.Advance(TimeSpan.FromSeconds(6));
            late.Current().ShouldNotBeNull();
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void One_team_and_key_has_one_token_over_all_lanes()
    {
        var book = new ApnsTokenBook(clock, NullLogger<ApnsTokens>.Instance);
        var a = book.Of(new ApnsOptions { TeamId = "T", KeyId = "K", KeyFile = keyFile });
        var b = book.Of(new ApnsOptions { TeamId = "T", KeyId = "K", KeyFile = keyFile, StreamsMax = 5 });
        a.Current().ShouldBeSameAs(b.Current());
        book.Of(new ApnsOptions { TeamId = "T2", KeyId = "K", KeyFile = keyFile }).Current().ShouldNotBeSameAs(a.Current());
    }

    private static string Text(ApnsToken token) => Encoding.ASCII.GetString(token.Authorization);

    private static string Json(string part) => JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement>(Base64Url.DecodeFromChars(part)));
}
