using Dispatch.Channels.Tests.Journal;
using Dispatch.Channels.Tests.Wire;

// Run by the crash tests as a process of its own, to be killed: `dotnet Dispatch.Channels.Tests.dll journal|dispatcher FOLDER ...`.
return args switch
{
    ["journal", var folder] => await JournalVictim.RunAsync(folder),
    ["dispatcher", var folder, var endpoint] => await DispatcherVictim.RunAsync(folder, new Uri(endpoint)),
    _ => 1,
};
