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

    readonly SmtpTransaction mail = new();
    readonly ByteBuffer replies = new(1024);
    SmtpReader reader = new(socket);
    Stream stream = socket;
    bool greeted;
    bool secure;
    bool known;
    bool ended;
    int authFaults;
    int faults;

    Provider Provider => relay.Provider;

    SandboxOptions Options => relay.Options;

    /// <summary>Ends when either side has closed. Throws what the socket throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            await StayMuteAsync();
            if (Provider.Settings.Mode is Mode.Unavailable or Mode.Shutdown)
            {
                End("421 4.3.2 localhost service not available");
            }
            else
            {
                Reply("220 localhost ESMTP Dispatch Sandbox");
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
        if (await reader.LineAsync(stop) is not { } line)
        {
            ended = true;
            return;
        }

        await StayMuteAsync();
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
                Mail(argument);
                break;
            case "RCPT":
                Recipient(argument);
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
                End("221 2.0.0 bye");
                break;
            default:
                Fault("500 5.5.2 command not known");
                break;
        }
    }

    void Greet(string verb, string argument)
    {
        if (argument.Length == 0)
        {
            Fault("501 5.5.4 name yourself");
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
            Fault("503 5.5.1 STARTTLS is not offered");
            return;
        }

        Reply("220 2.0.0 go ahead");
        await FlushAsync();
        reader.Discard(); // commands that somebody slipped in before the handshake (CVE-2011-0411)
        var tls = new SslStream(stream);
        stream = tls;
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = relay.Certificate }, stop);
        reader = new SmtpReader(tls);
        (secure, greeted, known) = (true, false, false);
        mail.Reset();
    }

    async Task AuthAsync(string argument)
    {
        if (!greeted || known || mail.From is not null || !Options.SmtpAuth)
        {
            Fault("503 5.5.1 AUTH is not possible now");
            return;
        }

        if (Options.SmtpTls && !secure)
        {
            Fault("530 5.7.0 must issue a STARTTLS command first");
            return;
        }

        var words = argument.Split(' ', 2);
        var mechanism = words[0].ToUpperInvariant();
        if (mechanism is not ("PLAIN" or "LOGIN"))
        {
            Fault("504 5.5.4 mechanism not known");
            return;
        }

        var given = mechanism == "LOGIN" ? await LoginAsync(words) : SmtpAuth.Plain(words.Length > 1 ? words[1] : await AskAsync(""));
        if (given is not { } who)
        {
            Fault("501 5.5.2 cannot decode");
        }
        else if (Provider.Settings.Mode == Mode.Revoked || !relay.Auth.IsKnown(who.Item1, who.Item2))
        {
            Reply("535 5.7.8 authentication credentials invalid");
            if (++authFaults >= AuthFaultsMax)
            {
                End("421 4.7.0 too many failures");
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
        return await reader.LineAsync(stop) ?? throw new EndOfStreamException();
    }

    void Mail(string argument)
    {
        if (Refusal() is { } refusal)
        {
            Reply(refusal);
            ended |= refusal.StartsWith("421", StringComparison.Ordinal);
            return;
        }

        if (SmtpPath.Parse(argument, "FROM:") is not { } path)
        {
            Fault("501 5.1.7 sender address syntax");
            return;
        }

        var (eightBit, utf8) = (false, false);
        foreach (var parameter in path.Parameters)
        {
            var word = parameter.ToUpperInvariant();
            eightBit |= word == "BODY=8BITMIME";
            utf8 |= word == "SMTPUTF8" && Options.SmtpUtf8;
            if (word.StartsWith("SIZE=", StringComparison.Ordinal) && (!long.TryParse(word.AsSpan(5), out var size) || size > SmtpData.SizeMax))
            {
                Fault("552 5.3.4 message too big");
                return;
            }

            if (!(word is "BODY=8BITMIME" or "BODY=7BIT" || (word == "SMTPUTF8" && utf8) || HasPrefix(word, "SIZE=", "RET=", "ENVID=", "AUTH=")))
            {
                Fault("555 5.5.4 parameter not known");
                return;
            }
        }

        if (!utf8 && !Ascii.IsValid(path.Address))
        {
            Fault("553 5.6.7 address needs SMTPUTF8");
            return;
        }

        mail.Begin(path.Address, eightBit, utf8);
        Reply("250 2.1.0 ok");
    }

    /// <summary>Why no mail may begin now; null: it may.</summary>
    string? Refusal() => Provider.Settings.Mode switch
    {
        Mode.Unavailable or Mode.Shutdown => "421 4.3.2 localhost service not available",
        Mode.Throttle => "421 4.7.0 too much mail from you, come back later",
        _ when !greeted => "503 5.5.1 say EHLO first",
        _ when Options.SmtpTls && !secure => "530 5.7.0 must issue a STARTTLS command first",
        Mode.Revoked => "530 5.7.0 authentication required",
        _ when Options.SmtpAuth && !known => "530 5.7.0 authentication required",
        _ when mail.From is not null => "503 5.5.1 nested MAIL",
        _ => null,
    };

    void Recipient(string argument)
    {
        if (mail.From is null)
        {
            Fault("503 5.5.1 MAIL first");
        }
        else if (SmtpPath.Parse(argument, "TO:") is not { Address.Length: > 0 } path)
        {
            Fault("501 5.1.3 recipient address syntax");
        }
        else if (!path.Parameters.All(parameter => HasPrefix(parameter.ToUpperInvariant(), "NOTIFY=", "ORCPT=")))
        {
            Fault("555 5.5.4 parameter not known");
        }
        else if (!mail.Utf8 && !Ascii.IsValid(path.Address))
        {
            Fault("553 5.6.7 address needs SMTPUTF8");
        }
        else if (mail.Recipients.Count >= Options.SmtpRecipientsMax)
        {
            Reply("452 4.5.3 too many recipients");
        }
        else
        {
            var asked = Behaviour.Of(Encoding.UTF8.GetBytes(path.LocalPart));
            var refusal = relay.AtRecipient(mail.From, path.Address, asked);
            Reply(refusal ?? "250 2.1.5 ok");
            ended = refusal?.StartsWith("421", StringComparison.Ordinal) == true;
            if (refusal is null)
            {
                mail.Recipients.Add((path.Address, asked));
            }
        }
    }

    async Task DataAsync()
    {
        if (mail.Recipients.Count == 0)
        {
            Fault(mail.From is null ? "503 5.5.1 MAIL first" : "554 5.5.1 no valid recipients");
            return;
        }

        Reply("354 end with a dot on a line of its own");
        await FlushAsync();
        if (mail.Recipients.Any(recipient => recipient.Asked.Act == Act.CutBeforeDot))
        {
            await reader.MoreAsync(stop);
            ended = true;
            return;
        }

        if (!await reader.DataAsync(mail.Data, stop))
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
                ended = verdict.Reply.StartsWith("421", StringComparison.Ordinal);
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

    async Task DeafAsync(Func<bool> still)
    {
        using var change = CancellationTokenSource.CreateLinkedTokenSource(stop);
        void Look(ProviderSettings settings)
        {
            if (!still())
            {
                change.Cancel();
            }
        }

        Provider.Changed += Look;
        try
        {
            while (await reader.MoreAsync(change.Token))
            {
                reader.Discard();
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The relay speaks again, but not to those whom it has kept waiting.
        }
        finally
        {
            Provider.Changed -= Look;
        }

        replies.Clear();
        ended = true;
    }

    void Reply(string line)
    {
        replies.Append(Encoding.UTF8.GetBytes(line));
        replies.Append("\r\n"u8);
    }

    void End(string line)
    {
        Reply(line);
        ended = true;
    }

    /// <summary>The client made a mistake; one that makes only mistakes is sent away.</summary>
    void Fault(string line)
    {
        Reply(line);
        if (++faults >= FaultsMax)
        {
            End("421 4.7.0 too many errors");
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

    static bool HasPrefix(string word, params ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (word.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
