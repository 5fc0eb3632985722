using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Dispatch.Hosting;

/// <summary>
/// The frame of every program: a setting, a file or a port that a person has to mend is said in words, all of them at once, and ends the process with 1; a stack trace would hide it.
/// What is only not there yet (brokers, database, providers) ends nothing: services wait for it.
/// </summary>
public static class ServiceProgram
{
    /// <summary>Runs until SIGTERM or SIGINT.</summary>
    /// <param name="prepare">What is to be done with the host before it runs, and needs its settings.</param>
    /// <returns>0: it ended in order. 1: it could not start.</returns>
    public static Task<int> RunAsync<T>(Func<T> build, Action<T>? prepare = null)
        where T : IHost => RunAsync(async () =>
    {
        using var host = build();
        // Before the host would do it, which logs what is thrown there, trace and all; and before anybody asks for settings, which would name the faults of some only.
        host.Services.GetService<IStartupValidator>()?.Validate();
        prepare?.Invoke(host);
        await host.RunAsync();
        return 0;
    });

    public static async Task<int> RunAsync(Func<Task<int>> program)
    {
        try
        {
            return await program();
        }
        catch (Exception e) when (FaultsOf(e) is { Count: > 0 } faults)
        {
            foreach (var fault in faults)
            {
                await Console.Error.WriteLineAsync($"dispatch: {fault}");
            }

            return 1;
        }
    }

    /// <returns>Empty: it is a bug, and its trace is of use.</returns>
    private static List<string> FaultsOf(Exception e) => e switch
    {
        AggregateException all when all.InnerExceptions.Select(FaultsOf).ToList() is var faults && faults.TrueForAll(it => it.Count > 0) => [.. faults.SelectMany(it => it).Distinct()],
        OptionsValidationException options => [.. options.Failures],
        InvalidOperationException or IOException or InvalidDataException or UnauthorizedAccessException or FormatException or ArgumentException or ValidationException => [e.Message],
        _ => [],
    };
}
