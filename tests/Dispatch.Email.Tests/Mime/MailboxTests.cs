using Dispatch.Email.Mime;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Email.Tests.Mime;

public class MailboxTests
{
    [Theory]
    [InlineData("ada@example.org", "ada@example.org", "")]
    [InlineData(" ada@example.org ", "ada@example.org", "")]
    [InlineData("Shop <no-reply@shop.example>", "no-reply@shop.example", "Shop")]
    [InlineData("\"Shop, \\\"Inc.\\\"\" <a@b.example>", "a@b.example", "Shop, \"Inc.\"")]
    [InlineData("<a@b.example>", "a@b.example", "")]
    [InlineData("Müller <jörg@bücher.example>", "jörg@xn--bcher-kva.example", "Müller")]
    [InlineData("a.b+c'd@x-y.example", "a.b+c'd@x-y.example", "")]
    [InlineData("\"a b\\\"c\"@example.org", "\"a b\\\"c\"@example.org", "")]
    [InlineData("\"a@b\"@example.org", "\"a@b\"@example.org", "")]
    [InlineData("a@localhost", "a@localhost", "")]
    public void Takes(string text, string address, string name)
    {
        Mailbox.TryParse(text, out var mailbox).ShouldBeTrue();
        mailbox.ShouldBe(new Mailbox(address, name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ada")]
    [InlineData("@example.org")]
    [InlineData("ada@")]
    [InlineData("ada@@example.org")]
    [InlineData("a da@example.org")]
    [InlineData("a..b@example.org")]
    [InlineData(".a@example.org")]
    [InlineData("a.@example.org")]
    [InlineData("a@b@example.org")]
    [InlineData("a@example..org")]
    [InlineData("a@-x.org")]
    [InlineData("a@x_y.org")]
    [InlineData("a@[127.0.0.1]")]
    [InlineData("a@example.org> SIZE=1")]
    [InlineData("a>b@example.org")]
    [InlineData("\"a>\"@example.org")]
    [InlineData("\"a\"b\"@example.org")]
    [InlineData("\"a\\\\\"b\"@example.org")]
    [InlineData("\"a\\\"@example.org")]
    [InlineData("\"a\r\nRCPT TO:<x@y.z>\"@example.org")]
    [InlineData("a\r\n@example.org")]
    [InlineData("a\0@example.org")]
    [InlineData("a@example.org\r\nBcc: x@example.org")]
    [InlineData("a\u2028b@example.org")]
    [InlineData("a\u202eb@example.org")]
    [InlineData("a@exa\u200bmple.org")]
    [InlineData("a@ex\uff20ample.org")]
    [InlineData("x@y.example> <a@b.example")]
    [InlineData("Shop no-reply@shop.example>")]
    public void Refuses(string text) => Mailbox.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Lengths_are_bounded()
    {
        Mailbox.TryParse($"{new string('a', 64)}@example.org", out _).ShouldBeTrue();
        Mailbox.TryParse($"{new string('a', 65)}@example.org", out _).ShouldBeFalse();
        Mailbox.TryParse($"a@{new string('b', 63)}.org", out _).ShouldBeTrue();
        Mailbox.TryParse($"a@{new string('b', 64)}.org", out _).ShouldBeFalse();
        Mailbox.TryParse($"a@{string.Join('.', Enumerable.Repeat(new string('b', 60), 5))}", out _).ShouldBeFalse();
    }

    /// <summary>Whatever is taken can stand between angle brackets in a command without ending it.</summary>
    [Fact]
    public void What_is_taken_cannot_leave_its_brackets()
    {
        var words = Gen.Elements("a", "b.c", "@", "example.org", "\"", "\\", " ", "<", ">", "\r", "\n", "\0", ".", "é", "ü.example", "\u202e", "😀", "\ud800", "(", ",", ";", ":");
        Prop.ForAll(words.ArrayOf().Select(string.Concat).ToArbitrary(), text =>
            !Mailbox.TryParse(text, out var taken)
            || !taken.Address.Any(c => char.IsControl(c) || c is '<' or '>' or '\u202e' || char.IsSurrogate(c))).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }
}
