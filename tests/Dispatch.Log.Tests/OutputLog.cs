using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace Dispatch.Log.Tests;

/// <summary>What the log says goes to the test's output, which is shown when the test fails.</summary>
sealed class OutputLog(ITestOutputHelper output) : ILogger
{
    private readonly ConcurrentDictionary<int, bool> _said = new();

    public bool HasSaid(int eventId) => _said.ContainsKey(eventId);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        _said[eventId.Id] = true;
        try
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel} {formatter(state, exception)} {exception?.Message}"));
        }
        catch (InvalidOperationException)
        {
            // Said after the test has ended.
        }
    }
}
