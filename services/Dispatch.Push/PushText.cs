using Dispatch.Channels.Templates;
using Dispatch.Contracts;

namespace Dispatch.Push;

/// <summary>The parts of a push, rendered for one recipient. Both providers have them; each writes them its own way.</summary>
readonly ref struct PushText
{
    /// <summary>Under this key an app finds the message's id, to name it in the events that it reports.</summary>
    public const string MessageIdKey = "dispatch_message_id";

    private readonly Variables variables;

    /// <exception cref="TemplateException">Title or body cannot be rendered.</exception>
    public PushText(Message message)
    {
        variables = Variables.Of(message);
        Content = PushContent.Parser.ParseFrom(message.Content);
        Title = Render(Content.Title);
        Body = Render(Content.Body);
    }

    public PushContent Content { get; }

    public string Title { get; }

    public string Body { get; }

    /// <summary>Something for a person to see; else only the app is woken.</summary>
    public bool HasAlert => Title.Length > 0 || Body.Length > 0;

    /// <exception cref="TemplateException">It cannot be rendered.</exception>
    public string Render(string template) => template.Length == 0 ? "" : TemplateRenderer.Render(template, variables, Escape.Text);
}
