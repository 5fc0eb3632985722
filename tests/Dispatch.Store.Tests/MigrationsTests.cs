using Dispatch.Testing;

namespace Dispatch.Store.Tests;

public sealed class MigrationsTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public void Files_have_numbers_of_their_own() => Migrations.All.Select(migration => migration.Version).ShouldBeUnique();

    [Fact]
    public async Task What_was_applied_is_not_applied_again() => (await Migrations.ApplyAsync(database.Database, default)).ShouldBe(0);

    [Fact]
    public async Task A_file_that_changed_after_it_was_applied_is_refused_by_name()
    {
        await Migrations.ApplyAsync(database.Database, [new Migration(9001, "one", "create table one (a int)")], default);
        var refusal = await Should.ThrowAsync<MigrationException>(
            () => Migrations.ApplyAsync(database.Database, [new Migration(9001, "one", "create table one (a bigint)")], default));
        refusal.Message.ShouldContain("9001_one");
    }

    [Fact]
    public async Task A_file_that_fails_leaves_nothing_and_is_named()
    {
        var failure = await Should.ThrowAsync<MigrationException>(
            () => Migrations.ApplyAsync(database.Database, [new Migration(9002, "half", "create table half (a int); select 1/0")], default));
        failure.Message.ShouldContain("9002_half");
        (await database.ScalarAsync<bool>("select to_regclass('half') is null")).ShouldBeTrue();
    }

    [Fact]
    public async Task Many_processes_at_once_apply_each_file_once()
    {
        Migration[] files = [.. Enumerable.Range(9100, 5).Select(version => new Migration(version, "x", $"create table t{version} (a int)"))];
        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Migrations.ApplyAsync(database.Database, files, default)));
        applied.Sum().ShouldBe(files.Length);
    }

    [Fact]
    public async Task Nobody_gets_a_connection_before_the_schema_stands()
    {
        await using var early = new Database(database.ConnectionString);
        var refusal = await Should.ThrowAsync<StoreNotReadyException>(async () => await early.OpenAsync(default));
        StoreFault.IsUnavailable(refusal).ShouldBeTrue();
    }

    [Fact]
    public async Task A_day_gets_its_partitions_and_loses_them()
    {
        await database.ExecuteAsync("create table things (day date not null, a int) partition by range (day); insert into day_tables values ('things')");
        await database.ExecuteAsync("select ensure_day('2026-01-05'); select ensure_day('2026-01-05'); select ensure_day('2026-01-06')");
        await database.ExecuteAsync("insert into things values ('2026-01-05', 1), ('2026-01-06', 2)");
        await database.ExecuteAsync("select drop_days('2026-01-06')");
        (await database.ScalarAsync<long>("select sum(a) from things")).ShouldBe(2);
    }
}
