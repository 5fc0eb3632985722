using System.Text;
using Dispatch.Channels.Templates;
using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Channels.Tests.Templates;

public class TemplateRendererTests
{
    private const string Order = """
        {"name":"Ada","html":"<b a=\"1\" b='2'>&`","crlf":"a\r\nBcc: x@example.org","n":1.10,"big":12345678901234567890,"zero":0,"yes":true,"no":false,"nil":null,
         "items":[{"name":"tea","price":3.50},{"name":"jam","price":4}],"address":{"city":"Zürich"},"empty":[]}
        """;

    private static string Render(string template, string variables = Order, Escape escape = Escape.Text) =>
        TemplateRenderer.Render(template, Variables.Of(Encoding.UTF8.GetBytes(variables), default), escape);

    [Theory]
    [InlineData("Your code", "Your code")]
    [InlineData("Hi {{name}}!", "Hi Ada!")]
    [InlineData("{{ name }}{{address.city}}", "AdaZürich")]
    [InlineData("{{items.1.name}} {{items.0.price}}", "jam 3.50")]
    [InlineData("{{n}} {{big}} {{zero}} {{yes}} {{no}}", "1.10 12345678901234567890 0 true false")]
    [InlineData("[{{missing}}][{{missing.deep}}][{{nil}}][{{items.7.name}}]", "[][][][]")]
    [InlineData("[{{items}}][{{address}}]", "[][]")]
    [InlineData("{{#if yes}}y{{else}}n{{/if}}{{#if no}}y{{else}}n{{/if}}{{#if zero}}y{{else}}n{{/if}}{{#if empty}}y{{else}}n{{/if}}{{#if n}}y{{/if}}", "ynnny")]
    [InlineData("{{#unless missing}}none{{/unless}}", "none")]
    [InlineData("{{#each items}}{{@index}}:{{name}} for {{../name}};{{/each}}", "0:tea for Ada;1:jam for Ada;")]
    [InlineData("{{#each address}}{{@key}}={{this}}{{/each}}", "city=Zürich")]
    [InlineData("{{#each items}}{{#if @last}}{{name}}{{/if}}{{/each}}", "jam")]
    [InlineData("{{#with address}}{{city}}{{/with}}", "Zürich")]
    [InlineData("{{#if yes}}{{n}} {{big}} {{yes}} [{{items}}][{{address}}][{{missing.deep}}]{{/if}}", "1.10 12345678901234567890 true [][][]")]
    public void Prints(string template, string expected) => Render(template).ShouldBe(expected);

    [Theory]
    [InlineData("{{name.Length}}{{items.Count}}{{items.Capacity}}{{n.Scale}}{{address.Keys}}{{name.Chars}}")]
    [InlineData("{{#if yes}}{{name.Length}}{{items.Count}}{{n.Scale}}{{zero.Scale}}{{address.Keys}}{{yes.TrueString}}{{this.Root}}{{/if}}")]
    [InlineData("{{#each name}}{{this}}{{@key}}{{/each}}{{#with items}}{{Count}}{{/with}}{{#with zero}}{{Scale}}{{/with}}")]
    public void No_member_of_a_type_can_be_reached(string template) => Render(template).ShouldBe("");

    [Theory]
    [InlineData(Escape.Text, "<b a=\"1\" b='2'>&`")]
    [InlineData(Escape.Html, "&lt;b a&#x3D;&quot;1&quot; b&#x3D;&#x27;2&#x27;&gt;&amp;&#x60;")]
    [InlineData(Escape.Header, "<b a=\"1\" b='2'>&`")]
    [InlineData(Escape.Url, "%3Cb%20a%3D%221%22%20b%3D%272%27%3E%26%60")]
    public void A_value_is_escaped_for_its_part(Escape escape, string expected)
    {
        Render("{{html}}", escape: escape).ShouldBe(expected);
        Render("{{#if yes}}{{html}}{{/if}}", escape: escape).ShouldBe(expected);
    }

    [Theory]
    [InlineData("Hello {{crlf}}")]
    [InlineData("Hello {{#if yes}}{{crlf}}{{/if}}")]
    [InlineData("Hello\r\nBcc: {{name}}")]
    [InlineData("Hello\r\nBcc: {{#if yes}}x{{/if}}")]
    [InlineData("Hello\nthere")]
    public void A_header_has_no_line_break(string template) => Render(template, escape: Escape.Header).ShouldNotContain(c => char.IsControl(c));

    [Fact]
    public void A_value_is_never_read_as_a_template() => Render("{{a}}{{#if a}}{{a}}{{/if}}", """{"a":"{{b}}","b":"secret"}""").ShouldBe("{{b}}{{b}}");

    [Fact]
    public void The_recipients_variables_win_name_by_name()
    {
        var message = new Message
        {
            Variables = ByteString.CopyFromUtf8("""{"a":"request","b":{"x":1,"y":2}}"""),
            RecipientVariables = ByteString.CopyFromUtf8("""{"b":{"x":7}}"""),
        };

        TemplateRenderer.Render("{{a}} {{b.x}} {{b.y}}", Variables.Of(message), Escape.Text).ShouldBe("request 7 ");
    }

    [Theory]
    [InlineData("{{name")]
    [InlineData("{{{name}}}")]
    [InlineData("{{&name}}")]
    [InlineData("{{> partial}}")]
    [InlineData("{{#*inline \"p\"}}x{{/inline}}")]
    [InlineData("{{lookup items 0}}")]
    [InlineData("{{log name}}")]
    [InlineData("{{#if name}}")]
    [InlineData("{{/if}}")]
    [InlineData("{{{{raw}}}}x{{{{/raw}}}}")]
    [InlineData("{{[name]}}")]
    [InlineData("{{(name)}}")]
    public void A_broken_or_forbidden_template_says_so(string template) =>
        Should.Throw<TemplateException>(() => Render(template, escape: Escape.Html)).Reason.ShouldStartWith("template_syntax: ");

    [Theory]
    [InlineData("[1]")]
    [InlineData("{\"a\":")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("nonsense")]
    public void Variables_that_are_no_object_say_so(string variables) =>
        Should.Throw<TemplateException>(() => Render("{{name}}", variables)).Reason.ShouldStartWith("template_variables: ");

    [Fact]
    public void A_part_without_tags_asks_for_no_variables() => Render("plain", "nonsense").ShouldBe("plain");
}
