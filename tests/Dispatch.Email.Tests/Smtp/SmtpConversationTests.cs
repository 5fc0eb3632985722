using Dispatch.Channels;
using Dispatch.Email.Smtp;
using Dispatch.Testing;

namespace Dispatch.Email.Tests.Smtp;

/// <summary>Word by word against a relay that does what relays do once in a while.</summary>
public sealed class SmtpConversationTests
{
    private static SmtpSender Sender(ScriptedRelay relay, TimeSpan? patience = null, int connections = 4, TimeSpan? waitMax = null, int mailsMax = 100) => new(new SmtpOptions
    {
        ConnectionsMax = connections,
        MessagesPerConnectionMax = mailsMax,
        WaitMax = waitMax ?? TimeSpan.FromSeconds(20),
        Endpoint = relay.Endpoint,
        StartTls = StartTls.Off,
        HelloName = "client.example",
        CommandTimeout = patience ?? TimeSpan.FromSeconds(20),
        FinalDotTimeout = patience ?? TimeSpan.FromSeconds(20),
    });

    private static async Task<Attempt> SendAsync(SmtpSender sender, string to = "ada@example.org", Permit? permit = null) =>
        await sender.SendAsync(Messages.To(to), permit ?? Messages.Always);

    [Fact]
    public async Task With_pipelining_the_envelope_is_one_write_and_its_parameters_are_what_the_relay_offered()
    {
        var message = Messages.To("ada@example.org");
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING", "SIZE 10000", "DSN");
            var said = await it.TakeAsync();
            said.ShouldMatch(@"^MAIL FROM:<no-reply@shop\.example> SIZE=\d+ RET=HDRS ENVID=msg_[0-9A-Z]{26}\r\nRCPT TO:<ada@example\.org> NOTIFY=FAILURE,DELAY\r\nDATA\r\n");
            said.ShouldContain($"Message-ID: <{message.TextId()}@shop.example>\r\n");
            said.ShouldContain($"ENVID={message.TextId()}\r\n");
        });
        await using var sender = Sender(relay);

        var attempt = await sender.SendAsync(message, Messages.Always);

        attempt.ShouldBe(Attempt.Accepted("4C8"));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task Without_pipelining_every_command_waits_for_its_answer()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync();
            (await it.HearAsync("\r\n")).ShouldBe("MAIL FROM:<no-reply@shop.example>\r\n");
            await it.SayAsync("250 ok");
            (await it.HearAsync("\r\n")).ShouldBe("RCPT TO:<ada@example.org>\r\n");
            await it.SayAsync("250 ok");
            (await it.HearAsync("\r\n")).ShouldBe("DATA\r\n");
            await it.SayAsync("354 go on");
            await it.HearAsync("\r\n.\r\n");
            await it.SayAsync("250 ok");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task The_next_envelope_travels_behind_the_last_ones_dot()
    {
        var waiting = new TaskCompletionSource();
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            (await it.HearAsync("DATA\r\n")).ShouldContain("RCPT TO:<first@example.org>");
            await waiting.Task;
            await it.SayAsync("250 ok", "250 ok", "354 go on");
            (await it.HearAsync("\r\n.\r\nMAIL FROM:<no-reply@shop.example>\r\nRCPT TO:<second@example.org>\r\nDATA\r\n")).ShouldStartWith("Message-ID: ");
            await it.SayAsync("250 2.0.0 Ok: queued as FIRST", "250 ok", "250 ok", "354 go on");
            (await it.HearAsync("\r\n.\r\n")).ShouldContain("To: <second@example.org>");
            await it.SayAsync("250 2.0.0 Ok: queued as SECOND");
        });
        await using var sender = Sender(relay, connections: 1);

        var first = SendAsync(sender, "first@example.org");
        var second = SendAsync(sender, "second@example.org");
        waiting.SetResult();

        (await first).ShouldBe(Attempt.Accepted("FIRST"));
        (await second).ShouldBe(Attempt.Accepted("SECOND"));
        sender.InFlightMax.ShouldBe(2);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task The_last_mail_of_a_connection_may_be_one_that_was_asked_for_ahead()
    {
        var waiting = new TaskCompletionSource();
        await using var relay = new ScriptedRelay(
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.HearAsync("DATA\r\n");
                await waiting.Task;
                await it.SayAsync("250 ok", "250 ok", "354 go on");
                await it.HearAsync("RCPT TO:<second@example.org>\r\nDATA\r\n");
                await it.SayAsync("250 ok", "250 ok", "250 ok", "354 go on");
                (await it.HearAsync("\r\n.\r\n")).ShouldNotContain("third");
                await it.SayAsync("250 ok");
                (await it.HearAsync("\r\n")).ShouldBe("QUIT\r\n");
            },
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.TakeAsync();
            });
        await using var sender = Sender(relay, connections: 1, mailsMax: 2);

        var attempts = new[] { "first", "second", "third" }.Select(name => SendAsync(sender, $"{name}@example.org")).ToList();
        waiting.SetResult();

        (await Task.WhenAll(attempts)).ShouldAllBe(attempt => attempt.Verdict == Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("421 4.3.2 shutting down")]
    [InlineData("250 ok|421 4.7.0 too many mails")]
    public async Task When_the_relay_goes_at_the_dot_what_was_asked_for_ahead_goes_another_way(string lastWords)
    {
        var waiting = new TaskCompletionSource();
        await using var relay = new ScriptedRelay(
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.HearAsync("DATA\r\n");
                await waiting.Task;
                await it.SayAsync("250 ok", "250 ok", "354 go on");
                await it.HearAsync("\r\n.\r\nMAIL FROM:<no-reply@shop.example>\r\nRCPT TO:<second@example.org>\r\nDATA\r\n");
                await it.SayAsync(lastWords.Split('|', StringSplitOptions.RemoveEmptyEntries));
            },
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                (await it.TakeAsync()).ShouldContain("RCPT TO:<second@example.org>");
            });
        await using var sender = Sender(relay, connections: 1);

        var first = SendAsync(sender, "first@example.org");
        var second = SendAsync(sender, "second@example.org");
        waiting.SetResult();

        (await first).Verdict.ShouldBe(lastWords switch { "" => Verdict.Unknown, ['2', ..] => Verdict.Accepted, _ => Verdict.Retry });
        (await second).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task What_stands_behind_another_mails_dot_is_taken_back_after_a_moment()
    {
        var waiting = new TaskCompletionSource();
        var answering = new TaskCompletionSource();
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await waiting.Task;
            await it.SayAsync("250 ok", "250 ok", "354 go on");
            await it.HearAsync("RCPT TO:<second@example.org>\r\nDATA\r\n");
            await answering.Task;
            await it.SayAsync("250 ok", "250 ok", "250 ok", "354 go on");
            await it.HearEndAsync();
        });
        await using var sender = Sender(relay, connections: 1, waitMax: TimeSpan.FromMilliseconds(300));

        var first = SendAsync(sender, "first@example.org");
        var second = SendAsync(sender, "second@example.org");
        var third = SendAsync(sender, "third@example.org");
        waiting.SetResult();
        var taken = await second;
        (await third).ShouldBe(taken);
        first.IsCompleted.ShouldBeFalse();
        answering.SetResult();

        taken.ShouldBe(Attempt.Retry(Scope.Message, "waited_for_a_connection"));
        (await first).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_refused_recipient_whose_DATA_is_taken_gets_an_empty_mail_and_the_next_one_begins_with_RSET()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("250 ok", "550 5.1.1 no such user", "354 go on");
            (await it.HearAsync(".\r\n")).ShouldBe(".\r\n");
            await it.SayAsync("554 5.5.1 no valid recipients");
            (await it.HearAsync("DATA\r\n")).ShouldStartWith("RSET\r\nMAIL FROM:");
            await it.SayAsync("250 reset", "250 ok", "250 ok", "354 go on");
            await it.HearAsync("\r\n.\r\n");
            await it.SayAsync("250 ok");
        });
        await using var sender = Sender(relay);

        var refused = await SendAsync(sender);
        var accepted = await SendAsync(sender);

        (refused.Verdict, refused.Scope, refused.Suppress, refused.NothingLeft).ShouldBe((Verdict.Rejected, Scope.Recipient, true, true));
        accepted.Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Theory]
    [InlineData("450 4.3.0 no", "503 5.5.1 need MAIL", "503 5.5.1 need RCPT", Scope.Provider)]
    [InlineData("250 ok", "550 5.7.1 relaying denied", "503 5.5.1 need RCPT", Scope.Message)]
    [InlineData("250 ok", "250 ok", "451 4.3.0 no disk", Scope.Provider)]
    public async Task Answers_are_told_apart_by_their_order_and_the_first_refusal_counts(string mail, string rcpt, string data, Scope scope)
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync(mail, rcpt, data);
            (await it.HearAsync("DATA\r\n")).ShouldStartWith("RSET\r\n");
            await it.SayAsync("250 ok", "250 ok", "250 ok", "354 go on");
            await it.HearAsync("\r\n.\r\n");
            await it.SayAsync("250 ok");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).Scope.ShouldBe(scope);
        (await SendAsync(sender)).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_relay_that_refuses_and_hangs_up_has_refused()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("553 5.1.8 sender's domain not found");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).ShouldBe(Attempt.Rejected(Scope.Message, "553 5.1.8 sender's domain not found"));
    }

    [Fact]
    public async Task A_lost_answer_to_the_final_dot_is_unknown()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("250 ok", "250 ok", "354 go on");
            await it.HearAsync("\r\n.\r\n");
        });
        await using var sender = Sender(relay);

        var attempt = await SendAsync(sender);

        (attempt.Verdict, attempt.NothingLeft).ShouldBe((Verdict.Unknown, false));
        attempt.Reason.ShouldStartWith("no_answer_to_final_dot: ");
    }

    [Fact]
    public async Task A_silent_relay_is_unknown_after_the_dot_and_a_fault_before_it()
    {
        var waiting = new TaskCompletionSource();
        await using var relay = new ScriptedRelay(
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.HearAsync("DATA\r\n");
                await it.SayAsync("250 ok", "250 ok", "354 go on");
                await it.HearAsync("\r\n.\r\n");
                await it.HearEndAsync();
            },
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.HearAsync("DATA\r\n");
                await it.HearEndAsync();
            },
            it => it.HearEndAsync());
        await using var sender = Sender(relay, patience: TimeSpan.FromSeconds(2));

        (await SendAsync(sender)).ShouldBe(Attempt.Unknown("no_answer_to_final_dot: time_out"));
        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "connection_lost: time_out"));
        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "no_greeting: time_out"));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_lease_lost_before_MAIL_says_nothing_to_the_relay()
    {
        await using var relay = new ScriptedRelay();
        await using var sender = Sender(relay);

        (await SendAsync(sender, permit: Messages.Looks(0))).ShouldBe(Attempt.Retry(Scope.Message, Permit.Lost));
    }

    [Fact]
    public async Task A_lease_lost_before_the_final_dot_drops_the_connection_without_it()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("250 ok", "250 ok", "354 go on");
            await it.HearEndAsync();
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender, permit: Messages.Looks(2))).ShouldBe(Attempt.Retry(Scope.Message, Permit.Lost));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_large_mail_whose_lease_is_lost_on_the_way_has_no_dot_either()
    {
        var heard = "";
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("250 ok", "250 ok", "354 go on");
            heard = await it.HearAllAsync();
        });
        await using var sender = Sender(relay);

        var attempt = await sender.SendAsync(Messages.To("ada@example.org", Messages.Content(Lines(700_000))), Messages.Looks(2));

        attempt.ShouldBe(Attempt.Retry(Scope.Message, Permit.Lost));
        await relay.PlayedAsync();
        heard.Length.ShouldBeGreaterThan(600_000);
        heard.ShouldNotContain("\r\n.\r\n");
    }

    /// <summary>Around the edges of a block, every byte arrives once.</summary>
    [Fact]
    public async Task A_mail_of_any_length_arrives_whole()
    {
        const int edge = 128 * 1024;
        var texts = Enumerable.Range(edge - 330, 40).Concat([1, 65_000, 1_000_000]).Select(Lines).ToList();
        var heard = new List<string>();
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            for (var i = 0; i < texts.Count; i++)
            {
                heard.Add(await it.TakeAsync());
            }
        });
        await using var sender = Sender(relay);

        foreach (var text in texts)
        {
            (await sender.SendAsync(Messages.To("ada@example.org", Messages.Content(text)), Messages.Always)).Verdict.ShouldBe(Verdict.Accepted);
        }

        await relay.PlayedAsync();
        heard.Select(said => said[(said.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..^5].Replace("\r\n", "\n", StringComparison.Ordinal)).ShouldBe(texts);
    }

    private static string Lines(int length) => string.Create(length, 0, static (text, _) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = i % 70 == 69 && i < text.Length - 1 ? '\n' : (char)('a' + (i % 23));
        }
    });

    [Theory]
    [InlineData("")]
    [InlineData("421 4.4.2 idle for too long\r\n")]
    public async Task A_connection_that_the_relay_closed_while_it_rested_costs_nothing(string farewell)
    {
        await using var relay = new ScriptedRelay(
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.TakeAsync();
                await it.SayAsync(farewell.Length > 0 ? [farewell.TrimEnd()] : []);
            },
            async it =>
            {
                await it.GreetAsync("PIPELINING");
                await it.TakeAsync();
            });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).Verdict.ShouldBe(Verdict.Accepted);
        (await SendAsync(sender)).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_421_to_a_fresh_connection_is_the_relays_answer()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            await it.HearAsync("DATA\r\n");
            await it.SayAsync("421 4.7.0 too many connections");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "421 4.7.0 too many connections"));
    }

    [Fact]
    public async Task Lines_that_begin_with_a_dot_arrive_as_they_were_meant()
    {
        var heard = "";
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            heard = await it.TakeAsync();
        });
        await using var sender = Sender(relay);

        await sender.SendAsync(Messages.To("ada@example.org", Messages.Content(".\n..\nMAIL FROM:<x@y>\n.\r\nend")), Messages.Always);

        heard.ShouldEndWith("\r\n\r\n..\r\n...\r\nMAIL FROM:<x@y>\r\n..\r\nend\r\n.\r\n");
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task An_address_that_is_not_ascii_goes_to_a_relay_that_can()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING", "SMTPUTF8");
            (await it.TakeAsync()).ShouldStartWith("MAIL FROM:<no-reply@shop.example> SMTPUTF8\r\nRCPT TO:<jörg@xn--bcher-kva.example>\r\n");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender, "jörg@bücher.example")).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task An_address_that_is_not_ascii_is_not_tried_on_a_relay_that_cannot()
    {
        await using var relay = new ScriptedRelay(it => it.GreetAsync("PIPELINING"));
        await using var sender = Sender(relay);

        var refused = await SendAsync(sender, "jörg@bücher.example");

        (refused.Verdict, refused.Scope, refused.Suppress).ShouldBe((Verdict.Rejected, Scope.Message, false));
        refused.Reason.ShouldStartWith("smtputf8_not_offered");
    }

    [Fact]
    public async Task A_domain_in_any_script_needs_nothing_of_the_relay()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING");
            (await it.TakeAsync()).ShouldContain("RCPT TO:<ada@xn--bcher-kva.example>\r\n");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender, "ada@bücher.example")).Verdict.ShouldBe(Verdict.Accepted);
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_mail_larger_than_the_relay_takes_is_not_tried()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("PIPELINING", "SIZE 100");
            (await it.HearAsync("\r\n")).ShouldBe("QUIT\r\n");
            await it.SayAsync("221 bye");
        });
        await using (var sender = Sender(relay))
        {
            (await SendAsync(sender)).Reason.ShouldMatch(@"^too_large: \d+ bytes, the relay takes 100$");
        }

        await relay.PlayedAsync();
    }

    [Theory]
    [InlineData("554 5.7.1 no service", Scope.Provider)]
    [InlineData("garbage", Scope.Provider)]
    public async Task A_relay_that_turns_us_away_at_the_banner_is_the_lanes_matter(string banner, Scope scope)
    {
        await using var relay = new ScriptedRelay(it => it.SayAsync(banner));
        await using var sender = Sender(relay);

        var attempt = await SendAsync(sender);

        (attempt.Verdict, attempt.Scope, attempt.NothingLeft).ShouldBe((Verdict.Retry, scope, true));
    }

    [Fact]
    public async Task Words_that_came_before_TLS_are_not_read_as_if_they_had_come_within_it()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("STARTTLS");
            (await it.HearAsync("\r\n")).ShouldBe("STARTTLS\r\n");
            await it.SayAsync("220 ready", "250-relay.example", "250 AUTH PLAIN");
            await it.HearEndAsync();
        });
        await using var sender = new SmtpSender(new SmtpOptions { Endpoint = relay.Endpoint });

        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "no_greeting: bytes_before_tls"));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task Without_the_offer_of_TLS_that_is_required_nothing_more_is_said()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("AUTH PLAIN");
            await it.HearEndAsync();
        });
        await using var sender = new SmtpSender(new SmtpOptions { Endpoint = relay.Endpoint });

        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "starttls_not_offered", SmtpVerdicts.TurnedAway));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task AUTH_LOGIN_is_spoken_where_PLAIN_is_not()
    {
        using var folder = new TempFolder();
        var password = Path.Combine(folder.Path, "password");
        await File.WriteAllTextAsync(password, "secret\n");
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.GreetAsync("AUTH LOGIN");
            (await it.HearAsync("\r\n")).ShouldBe("AUTH LOGIN\r\n");
            await it.SayAsync("334 VXNlcm5hbWU6");
            (await it.HearAsync("\r\n")).ShouldBe("dXNlcg==\r\n");
            await it.SayAsync("334 UGFzc3dvcmQ6");
            (await it.HearAsync("\r\n")).ShouldBe("c2VjcmV0\r\n");
            await it.SayAsync("535 5.7.8 no");
        });
        await using var sender = new SmtpSender(
            new SmtpOptions { Endpoint = relay.Endpoint, StartTls = StartTls.Off, PlaintextAuth = true, User = "user", PasswordFile = password });

        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Credential, "535 5.7.8 no"));
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task A_relay_of_old_is_greeted_with_HELO()
    {
        await using var relay = new ScriptedRelay(async it =>
        {
            await it.SayAsync("220 relay.example SMTP");
            (await it.HearAsync("\r\n")).ShouldBe("EHLO client.example\r\n");
            await it.SayAsync("502 what?");
            (await it.HearAsync("\r\n")).ShouldBe("HELO client.example\r\n");
            await it.SayAsync("250 hello");
            (await it.HearAsync("\r\n")).ShouldBe("MAIL FROM:<no-reply@shop.example>\r\n");
            await it.SayAsync("451 4.3.0 not now");
        });
        await using var sender = Sender(relay);

        (await SendAsync(sender)).Reason.ShouldBe("451 4.3.0 not now");
        await relay.PlayedAsync();
    }

    [Fact]
    public async Task Nobody_there_is_the_lanes_matter()
    {
        Uri endpoint;
        await using (var relay = new ScriptedRelay())
        {
            endpoint = relay.Endpoint;
        }

        await using var sender = new SmtpSender(new SmtpOptions { Endpoint = endpoint, StartTls = StartTls.Off });

        (await SendAsync(sender)).ShouldBe(Attempt.Retry(Scope.Provider, "no_connection: ConnectionRefused"));
    }
}
