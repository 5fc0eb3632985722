using Dispatch.Contracts;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Dispatch.Ingest.Messages;

/// <summary>
/// Turns what callers wrote into canonical addresses with their keys, and takes out what cannot be reached, with the reason. Keys are computed here and nowhere else.
/// </summary>
sealed class Recipients(RecipientKey keys)
{
    public void Resolve(MessageDraft draft, string tenant)
    {
        var seen = draft.Recipients.Count > 1 || draft.Recipients[0].Recipient.Addresses.Count > 1 ? new HashSet<string>(StringComparer.Ordinal) : null;
        foreach (var recipient in draft.Recipients)
        {
            Resolve(recipient, draft, tenant, seen);
        }
    }

    /// <summary>The key that an address has in the store: of suppressions, and of recipients without a user.</summary>
    public byte[] KeyOf(string tenant, Address address) => keys.OfAddress(tenant, Canonical(address));

    public byte[] KeyOfUser(string tenant, string userId) => keys.OfUser(tenant, userId);

    private void Resolve(RecipientDraft draft, MessageDraft request, string tenant, HashSet<string>? seen)
    {
        var recipient = draft.Recipient;
        if (draft.Faults.Count > 0)
        {
            draft.Rejected.Add(new RejectedAddress(null, "invalid", $"{draft.Faults[0].Pointer}: {draft.Faults[0].Message}"));
            recipient.Addresses.Clear();
            return;
        }

        if (recipient.Addresses.Count == 0)
        {
            draft.Rejected.Add(recipient.UserId.Length > 0
                ? new RejectedAddress(null, "no_address", "a user_id alone needs a profile, and profiles do not exist yet: add email, phone or push")
                : new RejectedAddress(null, "no_address", "needs email, phone or push"));
            return;
        }

        for (var i = 0; i < recipient.Addresses.Count;)
        {
            if (Fault(recipient.Addresses[i], request, tenant, seen) is { } rejected)
            {
                draft.Rejected.Add(rejected);
                recipient.Addresses.RemoveAt(i);
            }
            else
            {
                i++;
            }
        }

        if (recipient.Addresses.Count > 0)
        {
            recipient.RecipientKey = recipient.UserId.Length > 0
                ? UnsafeByteOperations.UnsafeWrap(keys.OfUser(tenant, recipient.UserId))
                : Steadiest(recipient.Addresses).AddressKey;
        }
    }

    private RejectedAddress? Fault(Address address, MessageDraft request, string tenant, HashSet<string>? seen)
    {
        if (Canonicalise(address) is { } rejected)
        {
            return rejected;
        }

        if (request.ContentIsKnown && !request.Has(address.Channel))
        {
            return new RejectedAddress(address.Channel, "no_content", $"the request has no content for {Topics.Name(address.Channel)}");
        }

        var name = Canonical(address);
        if (seen?.Add(name) == false)
        {
            return new RejectedAddress(address.Channel, "duplicate_address", "the same address stands in this request before");
        }

        address.AddressKey = UnsafeByteOperations.UnsafeWrap(keys.OfAddress(tenant, name));
        return null;
    }

    /// <summary>Gives the address its one spelling, or says why it has none.</summary>
    public static RejectedAddress? Canonicalise(Address address)
    {
        var canonical = address.Channel switch
        {
            Channel.Email => AddressRules.Email(address.Value),
            Channel.Sms => AddressRules.Phone(address.Value),
            _ => AddressRules.Token(address.Value),
        };
        if (canonical is null)
        {
            return address.Channel switch
            {
                Channel.Email => new RejectedAddress(Channel.Email, "invalid_email", "is not an email address"),
                Channel.Sms => new RejectedAddress(Channel.Sms, "invalid_phone", "is not a phone number in E.164, such as +33612345678"),
                _ => new RejectedAddress(Channel.Push, "invalid_token", "is not a push token: letters, digits and . _ : ~ = - only"),
            };
        }

        address.Value = canonical;
        return null;
    }

    /// <summary>Who has no user_id is known by the address that changes least: email, then phone, then the first token.</summary>
    private static Address Steadiest(RepeatedField<Address> addresses) =>
        addresses.Count == 1 ? addresses[0]
        : addresses.FirstOrDefault(it => it.Channel == Channel.Email) ?? addresses.FirstOrDefault(it => it.Channel == Channel.Sms) ?? addresses[0];

    private static string Canonical(Address address) => address.Channel switch
    {
        Channel.Email => $"email:{address.Value}",
        Channel.Sms => $"phone:{address.Value}",
        _ => $"push:{address.Provider}/{address.App}/{address.Value}",
    };
}
