using System.Text;

namespace Dispatch.Log.Crasher;

static class Appends
{
    public static async Task ByLineAsync(IEventLog log, TextReader input, TextWriter output)
    {
        await output.WriteLineAsync("ready");
        while (await input.ReadLineAsync() is { } value)
        {
            try
            {
                await log.AppendAsync([new Record(Work.In, "k"u8.ToArray(), Encoding.UTF8.GetBytes(value))]);
                await output.WriteLineAsync("ok");
            }
            catch (AppendException e)
            {
                await output.WriteLineAsync($"{e.Persistence} {e.Message}");
            }
        }
    }
}
