using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Policy;
using Dispatch.Store;
using Dispatch.Store.Control;
using Microsoft.Extensions.Options;

namespace Dispatch.Feedback;

/// <summary>Reads what was promised and what became of it, and keeps the ledger. The part that may stop: nothing upstream waits for it.</summary>
public static class FeedbackService
{
    public static IHostApplicationBuilder AddFeedback(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting("feedback");
        builder.AddEventLog();
        builder.AddStore();
        builder.AddControl(services => services.GetRequiredService<ModeBook>().Replace);
        builder.Services.AddOptions<FeedbackOptions>().Bind(builder.Configuration.GetSection(FeedbackOptions.Section)).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<FeedbackOptions>, FeedbackOptionsValidator>();
        builder.Services.AddSingleton<Positions>();
        builder.Services.AddSingleton(services => new Ledger(
            services.GetRequiredService<Database>(), States.Order, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<IOptions<StoreOptions>>().Value.RetentionDays));
        builder.Services.AddSingleton<FeedbackHealth>();
        builder.Services.AddHostedService<FeedbackHop>();
        builder.Services.AddHealthChecks().AddCheck<FeedbackHealth>("feedback");
        return builder;
    }
}
