using Dispatch.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Hosting.Tests;

public sealed class ModeBookTests : IDisposable
{
    private static readonly ModeScope All = new();
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("modes").FullName, "modes.json");
    private readonly Clock _clock = new();

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Fact]
    public void What_a_person_set_survives_a_restart()
    {
        Book().Replace(new ControlSnapshot([Mode("bypass")], [Id.New(_clock.Now)]));
        var again = Book();
        again.ValueOf(Switches.Feedback, All).ShouldBe("bypass");
        again.Current.CancelledRequests.Count.ShouldBe(1);
    }

    [Fact]
    public void What_switched_by_itself_does_not_survive_a_restart_because_its_service_looks_again()
    {
        Book().SetAutomatic(Switches.Feedback, "bypass", All, "outcomes cannot be written", "push");
        Book().ValueOf(Switches.Feedback, All).ShouldBe("on");
    }

    [Fact]
    public void An_automatic_mode_ends_when_nobody_renews_it()
    {
        var book = Book();
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "push");
        _clock.Now += ModeBook.AutomaticLifetime - TimeSpan.FromSeconds(1);
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "push");
        _clock.Now += TimeSpan.FromSeconds(2);
        book.ValueOf(Switches.Feedback, All).ShouldBe("bypass");
        _clock.Now += ModeBook.AutomaticLifetime;
        book.ValueOf(Switches.Feedback, All).ShouldBe("on");
    }

    [Fact]
    public void A_renewed_automatic_mode_keeps_the_time_of_its_beginning()
    {
        var book = Book();
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "push");
        var began = book.Current.Modes.Single().ChangedAt;
        _clock.Now += TimeSpan.FromMinutes(1);
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "push");
        book.Current.Modes.Single().ChangedAt.ShouldBe(began);
    }

    [Fact]
    public void Each_service_clears_only_its_own()
    {
        var book = Book();
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "push");
        book.SetAutomatic(Switches.Feedback, "bypass", All, "fault", "sms");
        book.ClearAutomatic(Switches.Feedback, All, "push");
        book.ValueOf(Switches.Feedback, All).ShouldBe("bypass");
        book.ClearAutomatic(Switches.Feedback, All, "sms");
        book.ValueOf(Switches.Feedback, All).ShouldBe("on");
    }

    [Fact]
    public void The_way_of_last_resort_holds_until_the_store_knows_something_newer()
    {
        var book = Book();
        book.Set(Mode("bypass"));
        book.Replace(new ControlSnapshot([Mode("on") with { ChangedAt = _clock.Now.AddMinutes(-1) }], []));
        book.Current.Modes.Count(it => it.Value == "bypass").ShouldBe(1);
        book.Replace(new ControlSnapshot([Mode("on") with { ChangedAt = _clock.Now.AddMinutes(1) }], []));
        book.Current.Modes.Single().Value.ShouldBe("on");
    }

    [Fact]
    public void Listeners_hear_of_changes_only()
    {
        var book = Book();
        var heard = 0;
        book.Changed += () => heard++;
        var snapshot = new ControlSnapshot([Mode("bypass")], []);
        book.Replace(snapshot);
        book.Replace(snapshot);
        heard.ShouldBe(1);
    }

    [Fact]
    public void A_snapshot_that_cannot_be_read_starts_normal()
    {
        File.WriteAllText(_path, "{ torn");
        Book().Current.Modes.ShouldBeEmpty();
    }

    private ModeBook Book() => new(new SnapshotFile(_path, NullLogger<SnapshotFile>.Instance), _clock, NullLogger<ModeBook>.Instance);

    private Mode Mode(string value) => new(Switches.Feedback, value, All, "why", "ada", _clock.Now, _clock.Now.AddHours(2), Automatic: false, Version: 1);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
