"""The names of services: what is read of /etc/services, and which protocol a name means."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import (
    POSSIBLE_SERVICES,
    parse_services,
)

# In the form of Debian 12 (netbase) and of EL 9 (setup), which lists each service for all protocols.
DEBIAN = """\
# Network services, Internet style
tcpmux\t\t1/tcp\t\t\t\t# TCP port service multiplexer
smtp\t\t25/tcp\t\tmail
domain\t\t53/tcp\t\t\t\t# Domain Name Server
domain\t\t53/udp
http\t\t80/tcp\t\twww\t\t# WorldWideWeb HTTP
https\t\t443/tcp\t\t\t\t# http protocol over TLS/SSL
https\t\t443/udp\t\t\t\t# HTTP/3
tftp\t\t69/udp
"""
EL = """\
http            80/tcp          www www-http    # WorldWideWeb HTTP
http            80/udp          www www-http    # HyperText Transfer Protocol
http            80/sctp                         # HyperText Transfer Protocol
ntp             123/tcp
ntp             123/udp                         # Network Time Protocol
domain          53/tcp                          # name-domain server
domain          53/udp
"""


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param(DEBIAN, "http", ((80, "tcp"),), id="one protocol"),
        pytest.param(DEBIAN, "www", ((80, "tcp"),), id="alias"),
        pytest.param(DEBIAN, "https", ((443, "tcp"),), id="tcp where both are listed"),
        pytest.param(DEBIAN, "tftp", ((69, "udp"),), id="udp alone"),
        pytest.param(DEBIAN, "domain", ((53, "tcp"), (53, "udp")), id="used over both"),
        pytest.param(EL, "http", ((80, "tcp"),), id="the same on EL"),
        pytest.param(EL, "ntp", ((123, "udp"),), id="udp, though tcp is listed"),
        pytest.param(EL, "domain", ((53, "tcp"), (53, "udp")), id="both, on EL"),
        pytest.param("", "https", ((443, "tcp"),), id="no file"),
        pytest.param("http 8000/tcp\n", "http", ((8000, "tcp"),), id="the host's own file counts"),
        pytest.param("http 8000/tcp\nhttp 9000/tcp\n", "http", ((8000, "tcp"),), id="the first line counts"),
        pytest.param("a 0/tcp\na 70000/tcp\na 5/ddp\na\nx y/tcp\na 7/tcp b#c", "b", ((7, "tcp"),), id="other lines"),
    ],
)
def test_a_name_means_the_same_ports_everywhere(text: str, name: str, expected: tuple[tuple[int, str], ...]) -> None:
    assert parse_services(text).default_ports(name) == expected


def test_all_protocols_of_a_name() -> None:
    assert parse_services(DEBIAN).lookup("https") == ((443, "tcp"), (443, "udp"))


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (DEBIAN, "htps", "allow[1]: unknown service 'htps'; did you mean 'https' or 'http'?"),
        (DEBIAN, "HTTP", "allow[1]: unknown service 'HTTP'; did you mean 'http' or 'https'"),
        (DEBIAN, "wireguard", "allow[1]: unknown service 'wireguard'; give the port: {port: 8080, proto: tcp}"),
        (
            "",
            "gopher",
            "allow[1]: unknown service 'gopher'; the host has no list of services (on Debian: package netbase); give "
            "the port: {port: 8080, proto: tcp}",
        ),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(text: str, name: str, sentence: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_services(text).lookup(name, "allow[1]")
    assert caught.value.advice.startswith(sentence)


@pytest.mark.parametrize("name", ["http", "wireguard", "whois++", "kerberos-adm", "3com-tsmux"])
def test_a_name_that_a_host_may_know(name: str) -> None:
    assert {protocol for _port, protocol in POSSIBLE_SERVICES.lookup(name)} == {"tcp", "udp"}


@pytest.mark.parametrize("name", ["8080", "8080/tcp", "http,https", "http ", "", "port:80"])
def test_a_text_that_no_host_has_as_a_name(name: str) -> None:
    with pytest.raises(BaselineError, match="unknown service.*give the port|unknown service") as caught:
        POSSIBLE_SERVICES.lookup(name, "firewall_allow[1]")
    assert caught.value.option == "firewall_allow[1]"
