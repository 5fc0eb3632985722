using Dispatch.Push.Http2;

namespace Dispatch.Push.Tests;

public class RetryAfterTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("0", 0)]
    [InlineData("120", 120)]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    [InlineData("Mon, 03 Aug 2026 12:00:30 GMT", 30)]
    [InlineData("Mon, 03 Aug 2026 11:00:00 GMT", 0)]
    [InlineData("99999999999999999", 2_419_200)]
    [InlineData("999999999999999999999999999999", null)]
    public void Header_means(string header, int? seconds) =>
        RetryAfter.Parse(header, Messages.AcceptedAt).ShouldBe(seconds is { } it ? TimeSpan.FromSeconds(it) : null);
}
