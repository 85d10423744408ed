"""The addresses that a mail may go to: a table of everything that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.mailto import parse_mailto
from hub.errors import EndpointInvalid

WRONG = {
    "without scheme": ("ward@example.org", "no mailto"),
    "of another scheme": ("https://example.org/", "no mailto"),
    "empty": ("mailto:", "no domain"),
    "two recipients": ("mailto:a@example.org,b@example.org", "one Subscription for each"),
    "two recipients, by semicolon": ("mailto:a@example.org;b@example.org", "one Subscription"),
    "a second recipient, hidden": ("mailto:a@example.org?bcc=b@example.org", "header fields"),
    "a copy": ("mailto:a@example.org?cc=b@example.org", "header fields"),
    "a subject": ("mailto:a@example.org?subject=news", "a parameter named Subject"),
    "a field by ampersand": ("mailto:a@example.org&bcc=b@example.org", "header fields"),
    "an encoded line break": ("mailto:a%0d%0aBcc:x@example.org", "percent-encoded"),
    "an encoded comma": ("mailto:a@example.org%2Cb@example.org", "percent-encoded"),
    "the percent hack": ("mailto:a%other.example.org@example.org", "percent-encoded"),
    "a line break": ("mailto:a\r\nBcc:x@example.org", "control character"),
    "a line feed at the end": ("mailto:a@example.org\n", "control character"),
    "a NUL": ("mailto:a\0@example.org", "control character"),
    "a blank": ("mailto:a b@example.org", "blank"),
    "a blank before": ("mailto: a@example.org", "blank"),
    "a group": ("mailto:g:a@example.org,b@example.org;", "more than one recipient"),
    "an empty group": ("mailto:undisclosed-recipients:;", "more than one recipient"),
    "a quoted local part": ('mailto:"a b"@example.org', "blank"),
    "a quoted local part without blank": ('mailto:"a"@example.org', "quoted local part"),
    "a backslash": ("mailto:a\\@b@example.org", "quoted local part"),
    "a pipe": ("mailto:|/bin/sh@example.org", "command"),
    "a file": ("mailto:/etc/passwd@example.org", "command"),
    "a bang path": ("mailto:other!a@example.org", "command"),
    "a backtick": ("mailto:`id`@example.org", "command"),
    "a variable": ("mailto:$HOME@example.org", "command"),
    "an option": ("mailto:-oQ/tmp@example.org", "command"),
    "an option without slash": ("mailto:-f@example.org", "not plain"),
    "a source route": ("mailto:@relay.example.org:a@example.org", "more than one recipient"),
    "two signs": ("mailto:a@b@example.org", "two @"),
    "a user of the machine": ("mailto:root", "no domain"),
    "localhost": ("mailto:a@localhost", "none of the Internet"),
    "below localhost": ("mailto:a@mail.localhost", "none of the Internet"),
    "localdomain": ("mailto:a@localhost.localdomain", "none of the Internet"),
    "one label": ("mailto:a@x", "none of the Internet"),
    "an address literal": ("mailto:a@[127.0.0.1]", "address in brackets"),
    "an IPv6 literal": ("mailto:a@[IPv6:::1]", "more than one recipient"),
    "a bare address": ("mailto:a@127.0.0.1", "none of the Internet"),
    "no domain": ("mailto:a@", "none of the Internet"),
    "no local part": ("mailto:@example.org", "not plain"),
    "a dot at the start": ("mailto:.a@example.org", "not plain"),
    "a dot at the end": ("mailto:a.@example.org", "not plain"),
    "two dots": ("mailto:a..b@example.org", "not plain"),
    "a domain with two dots": ("mailto:a@example..org", "none of the Internet"),
    "a domain with a dot at the end": ("mailto:a@example.org.", "none of the Internet"),
    "a domain with an underscore": ("mailto:a@exa_mple.org", "none of the Internet"),
    "a domain with a hyphen first": ("mailto:a@-example.org", "none of the Internet"),
    "a display name": ("mailto:Ward <a@example.org>", "blank"),
    "brackets": ("mailto:<a@example.org>", "bracket or comment"),
    "a comment": ("mailto:a(ward)@example.org", "bracket or comment"),
    "too long": (
        f"mailto:{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.org",
        "more than 254",
    ),
    "a local part of 65": (f"mailto:{'a' * 65}@example.org", "not plain"),
    "a label of 64": (f"mailto:a@{'b' * 64}.org", "none of the Internet"),
    "other letters in the local part": ("mailto:müller@example.org", "other characters"),
    "other letters in the domain": ("mailto:a@bücher.example.org", "xn--"),
    "a full-width sign": ("mailto:a＠example.org", "other characters"),
    "a right-to-left mark": ("mailto:a\u202e@example.org", "other characters"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_one_plain_address_is_refused_with_the_reason(name: str) -> None:
    url, words = WRONG[name]
    with pytest.raises(EndpointInvalid, match=words) as refused:
        parse_mailto(url)
    assert refused.value.expression == "Subscription.endpoint"
    assert (refused.value.status, refused.value.code) == (422, "value")


@pytest.mark.parametrize(
    "address",
    ["ward@example.org", "a.b-c_d+tag@mail.example.org", "o'neil=x~y@example.org",
     f"{'a' * 64}@example.org", "a@xn--bcher-kva.example.org", "A@Example.ORG",
     "_a@1.example.org"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["mailto:", "MailTo:"])
def test_a_plain_address_is_taken(address: str, scheme: str) -> None:
    mailbox = parse_mailto(scheme + address)
    assert mailbox.address.lower() == address.lower()
    assert mailbox.local == address.rpartition("@")[0]
    assert mailbox.domain == mailbox.domain.lower()


@given(st.text(max_size=80) | st.from_regex(r"[a-z.@,;:<>\"\\()|/%?&\[\] -]{1,40}", fullmatch=True))
def test_whatever_is_taken_is_one_recipient_for_every_reader(text: str) -> None:
    try:
        mailbox = parse_mailto(f"mailto:{text}")
    except EndpointInvalid:
        return
    assert mailbox.address.count("@") == 1
    assert not set(mailbox.address) & set(' ,;:<>()[]"\\|/!`$%?&\r\n\t\0')
    assert not mailbox.address.startswith("-")
