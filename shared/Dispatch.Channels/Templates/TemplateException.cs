namespace Dispatch.Channels.Templates;

/// <summary>A template, or its variables, cannot be rendered, now or ever: the message fails with <see cref="Reason"/>. The same input always gives the same answer.</summary>
public sealed class TemplateException(string reason, Exception? inner = null) : Exception(reason, inner)
{
    /// <summary>What is wrong, in words that hold nothing of the variables' values.</summary>
    public string Reason { get; } = reason;
}
