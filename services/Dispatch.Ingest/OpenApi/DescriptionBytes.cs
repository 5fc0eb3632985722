using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatch.Ingest.OpenApi;

/// <summary>The OpenAPI document as it is answered. It does not change while we run, and anybody may ask for it: so it is made once.</summary>
sealed class DescriptionBytes(IServiceProvider services) : IDisposable
{
    public const string Document = "v1";
    private readonly SemaphoreSlim _making = new(1);
    private volatile byte[]? _json;

    public async Task AnswerAsync(HttpContext http)
    {
        var json = _json ?? await MakeAsync(http.RequestAborted);
        http.Response.ContentType = "application/json;charset=utf-8";
        http.Response.ContentLength = json.Length;
        await http.Response.Body.WriteAsync(json, http.RequestAborted);
    }

    public void Dispose() => _making.Dispose();

    [SuppressMessage("Performance", "CA1508:Avoid dead conditional code", Justification = "somebody else may have made it meanwhile")]
    private async Task<byte[]> MakeAsync(CancellationToken stop)
    {
        await _making.WaitAsync(stop);
        try
        {
            if (_json is null)
            {
                var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Document).GetOpenApiDocumentAsync(CancellationToken.None);
                using var json = new MemoryStream();
                await document.SerializeAsJsonAsync(json, OpenApiSpecVersion.OpenApi3_1, CancellationToken.None);
                _json = json.ToArray();
            }

            return _json;
        }
        finally
        {
            _making.Release();
        }
    }
}
