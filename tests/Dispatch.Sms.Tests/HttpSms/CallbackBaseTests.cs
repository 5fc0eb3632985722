using Dispatch.Sms.HttpSms;
using Microsoft.Extensions.Configuration;

namespace Dispatch.Sms.Tests.HttpSms;

public sealed class CallbackBaseTests
{
    /// <summary>What a gateway signs is what it was given, and Ingest checks it against the canonical form.</summary>
    [Theory]
    [InlineData("https://API.shop.example:443/Dispatch/", "https://api.shop.example/Dispatch")]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080")]
    [InlineData("", "http://127.0.0.1:8080")]
    public void Is_canonical_wherever_it_comes_from(string given, string expected)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Dispatch:PublicUrl"] = given }).Build();
        SmsService.CallbackBase(new HttpSmsOptions(), configuration).ShouldBe(expected);
        if (given.Length > 0)
        {
            SmsService.CallbackBase(new HttpSmsOptions { CallbackBase = new Uri(given) }, new ConfigurationBuilder().Build()).ShouldBe(expected);
        }
    }
}
