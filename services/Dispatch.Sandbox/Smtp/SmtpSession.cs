using System.Net.Security;
using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>
/// One client of one relay, RFC 5321: commands in, replies out. Replies wait until no further command is here, so that a client that pipelines is answered in one write.
/// </summary>
sealed class SmtpSession(Stream socket, SmtpRelay relay, CancellationToken stop)
{
    const int AuthFaultsMax = 3;
    const int FaultsMax = 20;
    const string Away = "421 4.3.2 localhost service not available";

    readonly SmtpTransaction mail = new();
    readonly ByteBuffer replies = new(1024);
    SmtpReader reader = new(socket, stop);
    Stream stream = socket;
    bool greeted;
    bool secure;
    bool known;
    bool ended;
    int authFaults;
    int faults;

    Provider Provider => relay.Provider;

    SandboxOptions Options => relay.Options;

    bool IsAway => Provider.Settings.Mode is Mode.Unavailable or Mode.Shutdown;

    /// <summary>Ends when either side has closed. Throws what the socket throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            await StayMuteAsync();
            if (!ended)
            {
                Reply(IsAway ? Away : "220 localhost ESMTP Dispatch Sandbox");
            }

            while (!ended)
            {
                await FlushAsync();
                while (!ended && (reader.HasLine || replies.Length == 0))
                {
                    await CommandAsync();
                }
            }
        }
        catch (SmtpException e)
        {
            Reply(e.Message);
        }

        await FlushAsync();
        await stream.DisposeAsync();
    }

    async Task CommandAsync()
    {
        if (await reader.LineAsync() is not { } line)
        {
            ended = true;
            return;
        }

        await StayMuteAsync();
        if (ended)
        {
            return;
        }

        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var verb = (space < 0 ? line : line[..space]).ToUpperInvariant();
        var argument = space < 0 ? "" : line[(space + 1)..].Trim(' ');
        switch (verb)
        {
            case "EHLO" or "HELO":
                Greet(verb, argument);
                break;
            case "STARTTLS":
                await StartTlsAsync();
                break;
            case "AUTH":
                await AuthAsync(argument);
                break;
            case "MAIL":
                Reply(Refusal() ?? mail.Begin(argument, Options));
                break;
            case "RCPT":
                Reply(mail.Add(argument, relay));
                break;
            case "DATA":
                await DataAsync();
                break;
            case "RSET":
                mail.Reset();
                Reply("250 2.0.0 flushed");
                break;
            case "NOOP":
                Reply("250 2.0.0 ok");
                break;
            case "VRFY":
                Reply("252 2.0.0 send some mail and see");
                break;
            case "QUIT":
                Reply("221 2.0.0 bye");
                ended = true;
                break;
            default:
                Reply("500 5.5.2 command not known");
                break;
        }
    }

    void Greet(string verb, string argument)
    {
        if (argument.Length == 0)
        {
            Reply("501 5.5.4 name yourself");
            return;
        }

        greeted = true;
        mail.Reset();
        if (verb == "HELO")
        {
            Reply("250 localhost");
            return;
        }

        string?[] lines =
        [
            "localhost greets you",
            Options.SmtpPipelining ? "PIPELINING" : null,
            $"SIZE {SmtpData.SizeMax}",
            "8BITMIME",
            Options.SmtpUtf8 ? "SMTPUTF8" : null,
            "DSN",
            "ENHANCEDSTATUSCODES",
            Options.SmtpTls && !secure ? "STARTTLS" : null,
            Options.SmtpAuth && (secure || !Options.SmtpTls) ? "AUTH PLAIN LOGIN" : null,
        ];
        var said = lines.OfType<string>().ToList();
        for (var i = 0; i < said.Count; i++)
        {
            Reply((i < said.Count - 1 ? "250-" : "250 ") + said[i]);
        }
    }

    async Task StartTlsAsync()
    {
        if (!Options.SmtpTls || secure)
        {
            Reply("503 5.5.1 STARTTLS is not offered");
            return;
        }

        Reply("220 2.0.0 go ahead");
        await FlushAsync();
        reader.Discard(); // commands that somebody slipped in before the handshake (CVE-2011-0411)
        var tls = new SslStream(stream);
        stream = tls;
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = relay.Certificate }, stop);
        reader = new SmtpReader(tls, stop);
        (secure, greeted, known) = (true, false, false);
        mail.Reset();
    }

    async Task AuthAsync(string argument)
    {
        if (!greeted || known || mail.From is not null || !Options.SmtpAuth)
        {
            Reply("503 5.5.1 AUTH is not possible now");
            return;
        }

        if (Options.SmtpTls && !secure)
        {
            Reply("530 5.7.0 must issue a STARTTLS command first");
            return;
        }

        var words = argument.Split(' ', 2);
        var mechanism = words[0].ToUpperInvariant();
        if (mechanism is not ("PLAIN" or "LOGIN"))
        {
            Reply("504 5.5.4 mechanism not known");
            return;
        }

        var given = mechanism == "LOGIN" ? await LoginAsync(words) : SmtpAuth.Plain(words.Length > 1 ? words[1] : await AskAsync(""));
        if (given is not { } who)
        {
            Reply("501 5.5.2 cannot decode");
        }
        else if (Provider.Settings.Mode == Mode.Revoked || !relay.Auth.IsKnown(who.Item1, who.Item2))
        {
            Reply("535 5.7.8 authentication credentials invalid");
            if (++authFaults >= AuthFaultsMax)
            {
                Reply("421 4.7.0 too many failures");
            }
        }
        else
        {
            known = true;
            Reply("235 2.7.0 authenticated");
        }
    }

    async Task<(string User, string Password)?> LoginAsync(string[] words)
    {
        var user = SmtpAuth.Decoded(words.Length > 1 ? words[1] : await AskAsync("VXNlcm5hbWU6"));
        var password = SmtpAuth.Decoded(await AskAsync("UGFzc3dvcmQ6"));
        return user is null || password is null ? null : (user, password);
    }

    async Task<string> AskAsync(string challenge)
    {
        Reply("334 " + challenge);
        await FlushAsync();
        return await reader.LineAsync() ?? throw new EndOfStreamException();
    }

    /// <summary>Why no mail may begin now; null: it may.</summary>
    string? Refusal() => Provider.Settings.Mode switch
    {
        _ when IsAway => Away,
        Mode.Throttle => "421 4.7.0 too much mail from you, come back later",
        _ when !greeted => "503 5.5.1 say EHLO first",
        _ when Options.SmtpTls && !secure => "530 5.7.0 must issue a STARTTLS command first",
        Mode.Revoked => "530 5.7.0 authentication required",
        _ when Options.SmtpAuth && !known => "530 5.7.0 authentication required",
        _ => null,
    };

    async Task DataAsync()
    {
        if (mail.Recipients.Count == 0)
        {
            Reply(mail.From is null ? "503 5.5.1 MAIL first" : "554 5.5.1 no valid recipients");
            return;
        }

        Reply("354 end with a dot on a line of its own");
        await FlushAsync();
        if (mail.Recipients.Any(recipient => recipient.Asked.Act == Act.CutBeforeDot))
        {
            await reader.MoreAsync();
            ended = true;
            return;
        }

        if (!await reader.DataAsync(mail.Data))
        {
            ended = true; // without its dot it is no message
            return;
        }

        var verdict = relay.AtDot(mail);
        await DelayAsync(verdict);
        relay.Record(mail, verdict, answered: verdict.Fate == Http2.Fate.Answer);
        switch (verdict.Fate)
        {
            case Http2.Fate.Cut:
                ended = true;
                break;
            case Http2.Fate.Silence:
                await DeafAsync(() => true);
                break;
            default:
                Reply(verdict.Reply);
                break;
        }

        mail.Reset();
    }

    async Task DelayAsync(SmtpVerdict verdict)
    {
        if (verdict.DelayMs > 0)
        {
            try
            {
                await Task.Delay(verdict.DelayMs, stop);
            }
            catch (OperationCanceledException)
            {
                relay.Record(mail, verdict, answered: false); // the message was here, its answer never left
                throw;
            }
        }
    }

    /// <summary>While the relay is mute it listens and says nothing; a client that has waited through it finds its connection closed.</summary>
    async Task StayMuteAsync()
    {
        if (Provider.Settings.Mode == Mode.Mute)
        {
            await DeafAsync(() => Provider.Settings.Mode == Mode.Mute);
        }
    }

    /// <summary>Listens and says nothing, until the client gives up or this is over; then the connection closes.</summary>
    async Task DeafAsync(Func<bool> still)
    {
        var over = new CancellationTokenSource(); // not disposed: a change of settings on another thread may still hold it
        void Look(ProviderSettings settings)
        {
            if (!still())
            {
                over.Cancel();
            }
        }

        Provider.Changed += Look;
        try
        {
            while (still() && await reader.MoreAsync(over.Token))
            {
                reader.Discard();
            }
        }
        finally
        {
            Provider.Changed -= Look;
        }

        replies.Clear();
        ended = true;
    }

    /// <summary>421 ends the session; so do too many commands that were none.</summary>
    void Reply(string line)
    {
        replies.Append(Encoding.UTF8.GetBytes(line));
        replies.Append("\r\n"u8);
        ended |= line.StartsWith("421", StringComparison.Ordinal);
        if (line.StartsWith("50", StringComparison.Ordinal) && ++faults == FaultsMax)
        {
            Reply("421 4.7.0 too many errors");
        }
    }

    async Task FlushAsync()
    {
        if (replies.Length > 0)
        {
            Provider.Oracle.WriteOut();
            await stream.WriteAsync(replies.Memory, stop);
            replies.Clear();
        }
    }
}
