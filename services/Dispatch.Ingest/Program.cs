using Dispatch.Ingest;

var builder = WebApplication.CreateSlimBuilder(args);
builder.AddIngest();
var app = builder.Build();
app.MapIngest();
await app.RunAsync();
