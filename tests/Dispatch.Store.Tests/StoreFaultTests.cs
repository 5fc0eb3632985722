using System.Net.Sockets;
using Npgsql;

namespace Dispatch.Store.Tests;

public class StoreFaultTests
{
    [Theory]
    [InlineData("25006", true)] // read-only transaction
    [InlineData("57P03", true)] // cannot connect now: starting up
    [InlineData("57P01", true)] // admin shutdown
    [InlineData("53100", true)] // disk full
    [InlineData("53300", true)] // too many connections
    [InlineData("53200", false)] // too many locks: the statement is too large
    [InlineData("08006", true)] // connection failure
    [InlineData("40P01", true)] // deadlock: the other one got through
    [InlineData("23505", false)] // unique violation
    [InlineData("42P01", false)] // no such table
    [InlineData("42601", false)] // syntax error
    [InlineData("22P02", false)] // not a number
    public void State_means_unavailable(string sqlState, bool unavailable) =>
        StoreFault.IsUnavailable(new PostgresException("x", "ERROR", "ERROR", sqlState)).ShouldBe(unavailable);

    [Fact]
    public void A_lost_connection_is_unavailable() => StoreFault.IsUnavailable(new NpgsqlException("x", new SocketException(111))).ShouldBeTrue();

    [Fact]
    public void A_bug_of_ours_is_not() => StoreFault.IsUnavailable(new InvalidOperationException("x")).ShouldBeFalse();
}
