from __future__ import annotations

from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.addresses import EgressPolicy
from hub.channels.endpoint import check_endpoint, parse
from hub.errors import EndpointInvalid, EndpointNotAllowed, HubError

CLOSED = EgressPolicy()
HTTP = EgressPolicy(allow_http=True)

INVALID = [
    *(
        "",
        " ",
        "example.org/hook",
        "//x",
        "/relative",
        "http:/x",
        "http:///x",
        "https://",
        "https:x",
    ),
    *("https://?q", "https:///hook", "ftp://example.org/", "file:///etc/passwd", "gopher://x/"),
    *(
        "javascript:alert(1)",
        "data:text/plain,x",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "ws://x",
    ),
    *("https://user:pw@example.org/", "https://user@example.org/", "https://@example.org/"),
    *("https://8.8.8.8\\@127.0.0.1/", "https:\\\\example.org", "https://example.org\\x"),
    *("https://example.org:0/", "https://example.org:65536/", "https://example.org:+80/"),
    *(
        "https://example.org:-1/",
        "https://example.org:/",
        "https://example.org:８０/",
        "https://h:1:2/",
    ),
    *("https://example.org:443443/", "https://exam ple.org/", "https://example.org/a b"),
    *("https://example.org/\x00", "https://example.org/\r\nX-A: b", "https://example.org/\t"),
    *(
        "https://exam\nple.org/",
        "\nhttps://example.org/",
        "https://example.org/\x7f",
        "https://a\u2028.org",
    ),
    *(
        "https://example.org/#x",
        "https://example.org#",
        "https://example.org/ü",
        "https://a.org/?é",
    ),
    *("https://example.org/<script>", 'https://example.org/"x"'),
    "https://example.org/" + "x" * 2029,
    f"https://{'a' * 64}.org/",
    f"https://{'ü' * 64}.org/",
    "https://xn--9999999999.org/",
    f"https://{'.'.join(['a' * 60] * 5)}/",
    *("https://a..b/", "https://.example.org/", "https://example.org../", "https://-a.org/"),
    *("https://a-.org/", "https://a!b.org/", "https://a%2eb.org/", "https://[example.org]/"),
    *(
        "https://xn--/",
        "https://xn--a/",
        "https://xn--.org/",
        "https://xn--abc-.org/",
        "https://xn--ü/",
    ),
    *("https://127.1/", "https://0x7f.1/", "https://0177.0.0.1/", "https://2130706433/"),
    *(
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0/",
        "https://0x/",
        "https://8.8.8/",
    ),
    *(
        "https://8.8.8.8.8/",
        "https://256.8.8.8/",
        "https://08.8.8.8/",
        "https://127.0.0.1./",
        "https://1",
    ),
    *("https://example.0x1/", "https://a.1/"),
    *("https://①②⑦.⓪.⓪.①/", "https://１２７.0.0.1/", "https://ｅxample.org/", "https://127｡0｡0｡1/"),
    *(
        "https://[::1/",
        "https://::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
    ),
    *("https://[fe80::1%eth0]/", "https://[1:2:3]/", "https://[::ffff:127.1]/", "https://[v1.x]/"),
]
NOT_ALLOWED = [
    *(
        "https://localhost/",
        "https://LOCALHOST/",
        "https://LOCALHOST.:8443/",
        "https://a.localhost/",
    ),
    *(
        "https://metadata.google.internal/",
        "https://x.internal./",
        "https://db/",
        "https://hub.local/",
    ),
    *("https://x.home.arpa/", "https://printer.lan/", "https://a.corp/"),
    *("https://127.0.0.1/", "https://127.0.0.1:8443/x", "https://0.0.0.0/", "https://10.0.0.1/"),
    *(
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://192.0.0.9/",
    ),
    *("https://169.254.169.254/latest/", "https://168.63.129.16/", "https://100.100.100.200/"),
    *("https://198.18.0.1/", "https://203.0.113.7/", "https://224.0.0.1/", "https://240.0.0.1/"),
    *("https://255.255.255.255/", "https://[::]/", "https://[::1]/", "https://[::ffff:127.0.0.1]/"),
    *(
        "https://[::ffff:a9fe:a9fe]/",
        "https://[0:0:0:0:0:FFFF:7F00:1]/",
        "https://[64:ff9b::7f00:1]/",
    ),
    *("https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:1::1]/"),
    *(
        "https://[::127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
    ),
    *("https://[fec0::1]/", "https://[ff02::1]/", "https://[3fff::1]/", "https://[5f00::1]/"),
    *("https://127。0。0。1/", "https://example.org:22/", "https://example.org:25/"),
    *("https://example.org:5432/", "https://8.8.8.8:6379/"),
]
ACCEPTED = [
    *("https://8.8.8.8/", "https://100.63.255.255/", "https://100.128.0.1/", "https://172.15.0.1/"),
    *("https://172.32.0.1/", "https://[2606:4700::1111]/", "https://[::ffff:8.8.8.8]/hook"),
    *(
        "https://bücher.example/hook",
        "https://日本.jp",
        "https://xn--bcher-kva.example/",
        "https://a_b.org",
    ),
    *("https://example.org:8443/", "https://example.org/hook?a=b&c=%20|d", "HTTPS://EXAMPLE.ORG"),
    *(
        "https://example.org.",
        "https://example.org?x=/y",
        "https://1a.example.org/",
        "https://3com.com",
    ),
    *(
        "https://example.org//a/../b;c=d/@x:y",
        "https://127.0.0.1.example.org/",
        "https://a.internal.org/",
    ),
    "https://example.org/" + "x" * 2028,
]


@pytest.mark.parametrize("url", INVALID)
def test_a_url_that_could_be_misread_is_invalid(url: str) -> None:
    with pytest.raises(EndpointInvalid) as caught:
        check_endpoint(url, EgressPolicy(allow=(ip_network("0.0.0.0/0"),), allow_http=True))

    assert caught.value.expression == "Subscription.endpoint"


@pytest.mark.parametrize("url", NOT_ALLOWED)
def test_a_url_that_leads_inside_is_not_allowed_in_the_same_words(url: str) -> None:
    with pytest.raises(EndpointNotAllowed) as caught:
        check_endpoint(url, CLOSED)

    assert caught.value.diagnostics == (
        "the hub's settings do not let it send to this address; "
        "`--egress-allow CIDR` would allow it"
    )


@pytest.mark.parametrize("url", ACCEPTED)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    check_endpoint(url, CLOSED)


def test_plain_http_names_the_flag_that_allows_it() -> None:
    with pytest.raises(EndpointNotAllowed, match="--allow-http"):
        check_endpoint("http://example.org/", CLOSED)
    check_endpoint("http://example.org/", HTTP)


def test_the_caller_says_which_element_is_meant() -> None:
    for url in ("", "http://example.org", "https://127.0.0.1"):
        with pytest.raises(HubError) as caught:
            check_endpoint(url, CLOSED, expression="Subscription.channel.endpoint")
        assert caught.value.expression == "Subscription.channel.endpoint"


def test_an_allowed_range_opens_addresses_and_local_names() -> None:
    inside = EgressPolicy(allow=(ip_network("10.0.0.0/8"),))
    loopback = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))

    check_endpoint("https://10.0.0.1:9092/", inside)
    check_endpoint("https://receiver.internal/", inside)
    check_endpoint("https://receiver:5432/", inside)
    check_endpoint("https://localhost:8443/", loopback)
    check_endpoint("https://a.localhost/", loopback)
    for url in ("https://localhost/", "https://127.0.0.1/", "https://192.168.0.1/"):
        with pytest.raises(EndpointNotAllowed):
            check_endpoint(url, inside)


def test_the_hubs_own_port_is_not_allowed() -> None:
    policy = EgressPolicy((ip_network("127.0.0.0/8"),), own_ports=frozenset({8080}))

    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        with pytest.raises(EndpointNotAllowed):
            check_endpoint(f"https://{host}:8080/", policy)
    check_endpoint("https://127.0.0.1:8081/", policy)


def test_the_parts_are_what_is_dialled() -> None:
    endpoint = parse("HTTPS://Bücher.Example:8443/A%2f?b=%7E")

    assert (endpoint.scheme, endpoint.host, endpoint.port) == (
        *("https", "xn--bcher-kva.example", 8443),
    )
    assert (endpoint.path, endpoint.query, endpoint.address) == ("/A%2f", "b=%7E", False)
    assert str(endpoint.url) == "https://xn--bcher-kva.example:8443/A%2f?b=%7E"
    # Python writes it with dots from 3.13 on.
    mapped = IPv6Address("::ffff:808:808")
    assert str(parse("https://[::FFFF:8.8.8.8]:8443").url) == f"https://[{mapped}]:8443/"


@given(st.text(max_size=80) | st.from_regex(r"https?://[\w.:@\[\]%-]{1,40}/?", fullmatch=True))
def test_any_text_is_accepted_or_refused_without_echo(text: str) -> None:
    words = ""
    try:
        check_endpoint(text, HTTP)
    except HubError as refusal:
        words = refusal.diagnostics
    if words:
        assert len(text) < 12 or text not in words
    else:
        assert parse(text).url.host


@given(st.ip_addresses().map(str))
def test_every_address_literal_is_judged_as_the_policy_judges_it(address: str) -> None:
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"
    admitted = True
    try:
        check_endpoint(url, CLOSED)
    except EndpointNotAllowed:
        admitted = False

    assert admitted is (CLOSED.deny_reason(address) is None)
