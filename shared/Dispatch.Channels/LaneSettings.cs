using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Dispatch.Channels;

/// <summary>A provider's own options, which stand in the lane's section beside <see cref="LaneOptions"/>.</summary>
public static class LaneSettings
{
    /// <exception cref="OptionsValidationException">Lists every fault, with the lane's name.</exception>
    public static T Read<T>(LaneOptions lane, IConfigurationSection settings, IValidateOptions<T> validator)
        where T : class, new()
    {
        var options = settings.Get<T>() ?? new T();
        var result = validator.Validate(lane.Name, options);
        return result.Failed ? throw new OptionsValidationException($"{LaneOptions.Section} '{lane.Name}'", typeof(T), result.Failures) : options;
    }
}
