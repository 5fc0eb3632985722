using System.Text;
using Dispatch.Channels.Templates;
using Dispatch.Policy;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Channels.Tests.Templates;

public class TemplateBoundsTests
{
    private static Variables List(int items, string value = "x") =>
        Variables.Of(Encoding.UTF8.GetBytes($$"""{"l":[{{string.Join(',', Enumerable.Repeat($"\"{value}\"", items))}}],"v":"{{value}}"}"""), default);

    private static string Nested(int depth, string inside) =>
        "{{#each l}}" + string.Concat(Enumerable.Range(2, depth - 1).Select(up => $"{{{{#each {string.Concat(Enumerable.Repeat("../", up - 1))}l}}}}"))
        + inside + string.Concat(Enumerable.Repeat("{{/each}}", depth));

    [Fact]
    public void Loops_in_loops_that_print_nothing_end_by_their_steps() =>
        Should.Throw<TemplateException>(() => TemplateRenderer.Render(Nested(8, ""), List(100), Escape.Text)).Reason.ShouldStartWith("template_too_many_steps");

    [Fact]
    public void Loops_in_loops_that_print_end_by_their_output() =>
        Should.Throw<TemplateException>(() => TemplateRenderer.Render(Nested(2, "{{../../v}}"), List(200, new string('x', 1000)), Escape.Html))
            .Reason.ShouldStartWith("template_output_too_long");

    [Fact]
    public void Many_large_values_end_by_their_output() =>
        Should.Throw<TemplateException>(() => TemplateRenderer.Render(string.Concat(Enumerable.Repeat("{{v}}", 900)), List(1, new string('<', 10_000)), Escape.Html))
            .Reason.ShouldStartWith("template_output_too_long");

    [Fact]
    public void Small_loops_in_loops_are_fine() => TemplateRenderer.Render(Nested(3, "."), List(10), Escape.Text).ShouldBe(new string('.', 1000));

    [Fact]
    public void A_render_after_a_bomb_is_not_charged_for_it()
    {
        var variables = List(100);
        Should.Throw<TemplateException>(() => TemplateRenderer.Render(Nested(4, ""), variables, Escape.Text));
        TemplateRenderer.Render("{{v}}", variables, Escape.Text).ShouldBe("x");
    }

    [Fact]
    public void The_cache_forgets()
    {
        for (var i = 0; i < CompiledTemplates.GenerationSize * 2 + 10; i++)
        {
            TemplateRenderer.Render($"{{{{#if v}}}}{i}{{{{/if}}}}", List(1), Escape.Url).ShouldBe($"{i}");
        }

        CompiledTemplates.For(Escape.Url).Count.ShouldBeLessThanOrEqualTo(CompiledTemplates.GenerationSize * 2);
    }

    [Fact]
    public void The_cache_is_bounded_by_what_templates_hold_too()
    {
        for (var i = 0; i < (2 * CompiledTemplates.GenerationTags / 240) + 3; i++)
        {
            TemplateRenderer.Render($"{i}" + string.Concat(Enumerable.Repeat("{{this.none}}", 240)), List(1), Escape.Url).ShouldBe($"{i}");
        }

        CompiledTemplates.For(Escape.Url).Tags.ShouldBeInRange(240, CompiledTemplates.GenerationTags * 2);
    }

    [Theory]
    [InlineData("{{#if a}}x{{/if}}")]
    [InlineData("{{ this }}")]
    [InlineData("{{this.a}}")]
    [InlineData("{{../a}}")]
    [InlineData("{{@index}}")]
    public void What_Handlebars_compiles_has_the_lower_limit(string special)
    {
        TemplateRules.NeedsCompiling(special).ShouldBeTrue();
        var names = TemplateRules.CompiledTagsMax - TemplateRules.TagsOf(special);
        TemplateRules.Check(string.Concat(Enumerable.Repeat("{{a}}", names)) + special).ShouldBeNull();
        TemplateRules.Check(string.Concat(Enumerable.Repeat("{{a}}", names + 1)) + special).ShouldNotBeNull();
    }

    [Fact]
    public void Names_alone_are_walked_and_have_the_higher_limit()
    {
        var names = string.Concat(Enumerable.Repeat("{{thistle.a}}", TemplateRules.TagsMax));
        TemplateRules.NeedsCompiling(names).ShouldBeFalse();
        TemplateRules.Check(names).ShouldBeNull();
    }

    /// <summary>What only names variables is walked by our own code, and must print what Handlebars prints.</summary>
    [Fact]
    public void Walked_and_compiled_templates_print_the_same()
    {
        var words = Gen.Elements("a", " b ", "\n", "<&>", "{", "}", "} }", "é", "{{x}}", "{{ y.z }}", "{{y.l.1}}", "{{none}}", "{{n}}", "{{y}}", "{{t}}");
        var values = Variables.Of("""{"x":"<x>&\"'`=\r\n","y":{"z":"{{x}}","l":["p","q"]},"n":0.10,"t":true}"""u8.ToArray(), default);
        var templates = words.ArrayOf().Select(string.Concat).Where(t => TemplateRules.Check(t) is null);
        var escapes = Gen.Elements(Enum.GetValues<Escape>());

        Prop.ForAll(templates.Zip(escapes).ToArbitrary(), pair =>
        {
            var (template, escape) = pair;
            using var compiled = new Output();
            CompiledTemplates.For(escape).Render(template, values, compiled);
            return TemplateRenderer.Render(template, values, escape) == compiled.ToString();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    /// <summary>Whatever the template: a result or a <see cref="TemplateException"/>, nothing else.</summary>
    [Fact]
    public void Any_soup_of_tags_renders_or_says_why()
    {
        var words = Gen.Elements(
            "{{", "}}", "{{{", "}}}", "{{#each l}}", "{{/each}}", "{{#if v}}", "{{else}}", "{{/if}}", "{{this}}", "{{../v}}", "{{@key}}", "{{@index}}", "{{v}}", "{{l.0}}",
            "{{#with l}}", "{{/with}}", "{{!x}}", "{{~v~}}", "\\", "{{> p}}", "text", "\r\n", "{{#unless v}}", "{{/unless}}", "{{l.v.x}}", "{{#each v}}", "{{true}}", "{{null}}");
        Prop.ForAll(words.ArrayOf().Select(string.Concat).ToArbitrary(), template =>
        {
            try
            {
                return TemplateRenderer.Render(template, List(3), Escape.Header).All(c => !char.IsControl(c));
            }
            catch (TemplateException e)
            {
                return e.Reason.Length > 0;
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }
}
