using Dispatch.Ingest.Events;
using Dispatch.Ingest.Hooks;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.Operate;
using Dispatch.Ingest.Reads;
using Dispatch.Ingest.Resources;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest;

/// <summary>Every call of the public API, with the scope that it needs.</summary>
static class Api
{
    public static void MapApi(this WebApplication app)
    {
        var gate = app.Services.GetRequiredService<Gate>();
        T Of<T>()
            where T : notnull => app.Services.GetRequiredService<T>();

        app.MapPost("/v1/messages", gate.For(Scopes.Send, Of<PostMessages>().PostAsync));
        app.MapPost("/v1/messages/batch", gate.For(Scopes.Send, Of<PostBatch>().PostAsync));
        app.MapGet("/v1/messages/{id}", gate.For(Scopes.Read, Of<ReadMessages>().MessageAsync));
        app.MapGet("/v1/messages", gate.For(Scopes.Read, Of<ReadMessages>().ListAsync));
        app.MapGet("/v1/requests/{id}", gate.For(Scopes.Read, Of<ReadMessages>().RequestAsync));
        app.MapPost("/v1/requests/{id}/cancel", gate.For(Scopes.Send, Of<ReadMessages>().CancelAsync));
        app.MapPost("/v1/events", gate.For(Scopes.EventsWrite, Of<PostEvents>().PostAsync));
        app.MapGet("/v1/stats", gate.For(Scopes.Read, Of<ReadStats>().StatsAsync));
        app.MapGet("/v1/status", gate.For(Scopes.All, Of<ReadStatus>().StatusAsync));

        app.MapGet("/v1/caps", gate.For(Scopes.Read, Of<CapResource>().ListAsync));
        app.MapPost("/v1/caps", gate.For(Scopes.Operate, Of<CapResource>().CreateAsync));
        app.MapGet("/v1/caps/{id}", gate.For(Scopes.Read, Of<CapResource>().GetAsync));
        app.MapPut("/v1/caps/{id}", gate.For(Scopes.Operate, Of<CapResource>().ChangeAsync));
        app.MapDelete("/v1/caps/{id}", gate.For(Scopes.Operate, Of<CapResource>().DeleteAsync));
        app.MapGet("/v1/suppressions", gate.For(Scopes.Read, Of<SuppressionResource>().ListAsync));
        app.MapPost("/v1/suppressions", gate.For(Scopes.Operate, Of<SuppressionResource>().CreateAsync));
        app.MapDelete("/v1/suppressions/{id}", gate.For(Scopes.Operate, Of<SuppressionResource>().DeleteAsync));

        app.MapGet("/v1/operate/modes", gate.For(Scopes.Operate, Of<ModeResource>().ListAsync));
        app.MapPost("/v1/operate/modes", gate.For(Scopes.Operate, Of<ModeResource>().SwitchAsync));
        app.MapGet("/v1/operate/quarantine", gate.For(Scopes.Operate, Of<QuarantineResource>().ListAsync));
        app.MapPost("/v1/operate/quarantine/redrive", gate.For(Scopes.Operate, Of<QuarantineResource>().RedriveAsync));
        app.MapGet("/v1/operate/held", gate.For(Scopes.Operate, Of<HeldResource>().ListAsync));

        app.MapPost($"/hooks/{HookLanes.HttpSms}/{{lane}}", gate.ForAnybody(Of<HttpSmsHook>().PostAsync));
    }
}
