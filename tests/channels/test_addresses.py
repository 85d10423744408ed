from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.addresses import EgressPolicy, is_web_port, special_use

_DENIED = """
    0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1
    127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.0
    172.31.255.255 192.0.0.9 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
    198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 192.31.196.1 192.52.193.1 192.175.48.1
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:10.0.0.1 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::a00:1 100::1 2001::1 2001:0:4136:e378::1
    2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 2620:4f:8000::1
    3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1
    fe80::1%eth0 fec0::1 feff::1 ff02::1 ff0e::1 1fff::1
"""
_ADMITTED = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0
    223.255.255.255 ::ffff:8.8.8.8 2606:4700::1111 2001:4860:4860::8888 2001:200::1 2a00:1450::1
    2003::1 2620:4f:8001::1 3ffd:ffff::1 3fff:1000::1
"""
DENIED = _DENIED.split()
ADMITTED = _ADMITTED.split()


@pytest.mark.parametrize("address", DENIED)
def test_a_special_address_is_denied_with_a_reason(address: str) -> None:
    assert EgressPolicy().deny_reason(address)


@pytest.mark.parametrize("address", ADMITTED)
def test_a_public_address_is_admitted(address: str) -> None:
    assert EgressPolicy().deny_reason(address) is None


@pytest.mark.parametrize("text", ["", "127.1", "0177.0.0.1", "localhost", "1.2.3.4.5", "１.1.1.1"])
def test_what_is_no_address_is_denied(text: str) -> None:
    assert EgressPolicy(allow=(ip_network("0.0.0.0/0"),)).deny_reason(text) == "no IP address"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_never_freer_than_the_standard_library_says(
    address: IPv4Address,
) -> None:
    if special_use(address) is None:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_is_never_freer_than_the_standard_library_says(
    address: IPv6Address,
) -> None:
    if special_use(address) is None:
        assert (address.ipv4_mapped or address).is_global


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_address_inside(address: IPv4Address) -> None:
    policy = EgressPolicy(allow=(ip_network("10.0.0.0/8"),))

    assert policy.deny_reason(f"::ffff:{address}") == policy.deny_reason(str(address))


@given(st.ip_addresses(v=4))
def test_no_embedding_is_admitted(address: IPv4Address) -> None:
    number = int(address)
    for embedded in (
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ):
        assert special_use(embedded) is not None


def test_an_allowed_range_admits_what_is_inside_on_any_port_and_nothing_else() -> None:
    policy = EgressPolicy(allow=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")))

    assert policy.deny_reason("10.1.2.3", 5432) is None
    assert policy.deny_reason("::ffff:10.1.2.3", 25) is None
    assert policy.deny_reason("fd12::1", 8443) is None
    assert policy.deny_reason("10.2.0.0") == "private use"
    assert policy.deny_reason("127.0.0.1") == "loopback"


def test_allowing_a_translator_does_not_allow_what_it_leads_to() -> None:
    policy = EgressPolicy(allow=(ip_network("64:ff9b::/96"),))

    assert policy.deny_reason("64:ff9b::808:808", 443) is None
    assert policy.deny_reason("64:ff9b::7f00:1", 443) == "loopback"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0"]
)
def test_the_hub_never_calls_itself(address: str) -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    policy = EgressPolicy(allow=everything, own_ports=frozenset({8080}))

    assert policy.deny_reason(address, 8080) == "the hub itself"
    assert policy.deny_reason(address, 8081) is None


@pytest.mark.parametrize("port", [22, 25, 1023, 5432, 6379, 11211, 27017])
def test_the_port_of_another_service_is_denied(port: int) -> None:
    assert EgressPolicy().deny_reason("8.8.8.8", port) == "a port of another service"


@pytest.mark.parametrize("port", [80, 443, 1024, 8080, 8443, 65535])
def test_a_port_where_web_servers_listen_is_admitted(port: int) -> None:
    assert is_web_port(port)
    assert EgressPolicy().deny_reason("8.8.8.8", port) is None


def test_the_tables_know_every_address() -> None:
    assert all(special_use(ip_address(one)) is None for one in ADMITTED)
