using System.Net;
using System.Net.Http.Headers;
using Dispatch.Channels;

namespace Dispatch.Sms.HttpSms;

/// <summary>A form that looks at the permit once more before it leaves, because a request may have waited for its connection. Without it the request never becomes whole.</summary>
sealed class GuardedForm : HttpContent
{
    private readonly byte[] form;
    private readonly Permit permit;

    public GuardedForm(byte[] form, Permit permit)
    {
        (this.form, this.permit) = (form, permit);
        Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
    }

    /// <summary>The bytes that make the request whole were handed over; from here on only an answer tells.</summary>
    public bool MayBeWhole { get; private set; }

    public bool Withheld { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        if (!permit.Holds)
        {
            Withheld = true;
            throw new IOException(Permit.Lost);
        }

        MayBeWhole = true;
        return stream.WriteAsync(form).AsTask();
    }

    protected override bool TryComputeLength(out long length)
    {
        length = form.Length;
        return true;
    }
}
