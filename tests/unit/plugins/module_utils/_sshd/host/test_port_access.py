"""What goes along with a port, command by command; real firewalls are asked by Molecule, SELinux by nobody yet."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import RULES_FILE
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.selinux import port_types
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.port_access import (
    NONE,
    PortAccess,
    find_port_access,
)
from tests.unit.fake_host import Expected, FakeHost

# Written after semanage-port(8) and the policy of Fedora; no SELinux host was asked.
LISTING = """\
SELinux Port Type              Proto    Port Number

ephemeral_port_t               tcp      32768-60999
http_cache_port_t              tcp      8080, 8118, 8123, 10001-10010
http_cache_port_t              udp      3130
hi_reserved_port_t             tcp      512-1023
reserved_port_t                tcp      1-511
ssh_port_t                     tcp      22
unreserved_port_t              tcp      61001-65535, 1024-32767
"""
LIST = ["semanage", "port", "--list"]
ADD = ["semanage", "port", "--add", "--type", "ssh_port_t", "--proto", "tcp", "2222"]
ENFORCE = {"/sys/fs/selinux/enforce": "1"}


@pytest.mark.parametrize(
    ("port", "types"),
    [(22, ["ssh_port_t"]), (2222, []), (8118, ["http_cache_port_t"]), (10005, ["http_cache_port_t"]), (3130, [])],
)
def test_port_types(port: int, types: list[str]) -> None:
    assert port_types(LISTING, port) == types


def test_nothing_is_asked_where_no_port_is_new() -> None:
    assert find_port_access(FakeHost(ENFORCE), [22, 2222], [2222]) is NONE  # type: ignore[arg-type]  # the fake


def test_a_new_port_is_labelled() -> None:
    host = FakeHost(ENFORCE, [Expected(LIST, out=LISTING), Expected(ADD)], programs=["semanage"])
    port_access = find_port_access(host, [22], [2222])  # type: ignore[arg-type]  # the fake stands in for the host
    assert port_access == PortAccess(labels=(2222,))
    port_access.open(host)  # type: ignore[arg-type]  # the fake
    port_access.close(host)  # type: ignore[arg-type]  # the fake; the label stays
    host.done()


def test_a_label_that_is_there_is_kept() -> None:
    listing = LISTING.replace("tcp      22\n", "tcp      2222, 22\n")
    host = FakeHost(ENFORCE, [Expected(LIST, out=listing)], programs=["semanage"])
    assert find_port_access(host, [22], [2222]) == NONE  # type: ignore[arg-type]  # the fake
    host.done()


@pytest.mark.parametrize(
    ("port", "listed", "words"),
    [
        pytest.param(8080, Expected(LIST, out=LISTING), "port 8080 has SELinux's type http_cache_port_t", id="taken"),
        pytest.param(
            2222,
            Expected(LIST, rc=127, err="semanage: command not found"),
            "install policycoreutils-python-utils",
            id="no semanage",
        ),
    ],
)
def test_a_label_that_cannot_be_given(port: int, listed: Expected, words: str) -> None:
    with pytest.raises(BaselineError, match=words):
        find_port_access(FakeHost(ENFORCE, [listed]), [22], [port])  # type: ignore[arg-type]  # the fake


ZONE = "public (default, active)\n  services: ssh\n  ports: \n"
FIREWALLD = [
    Expected(["firewall-cmd", "--state"], out="running\n"),
    Expected(["firewall-cmd", "--list-all-zones"], out=ZONE),
    Expected(["firewall-cmd", "--permanent", "--list-all-zones"], out=ZONE),
    Expected(["firewall-cmd", "--get-default-zone"], out="public\n"),
]
PERMANENT = ["firewall-cmd", "--quiet", "--permanent", "--zone=public"]
NOW = ["firewall-cmd", "--quiet", "--zone=public"]


def test_firewalld_lets_the_new_port_in_and_no_more() -> None:
    host = FakeHost(commands=FIREWALLD, programs=["firewall-cmd", "ufw"])
    port_access = find_port_access(host, [22], [2222])  # type: ignore[arg-type]  # the fake
    assert (port_access.kind, port_access.descriptions) == ("firewalld", ["2222/tcp in the zone public"])
    assert port_access.files == ["/etc/firewalld/zones/public.xml"]
    host.commands = [
        Expected([*PERMANENT, "--add-port=2222/tcp"]),
        Expected([*NOW, "--add-port=2222/tcp"], rc=252, err="NOT_RUNNING"),
        # Taken back by whatever still works.
        Expected([*PERMANENT, "--remove-port=2222/tcp"], rc=1),
        Expected([*NOW, "--remove-port=2222/tcp"]),
    ]
    with pytest.raises(BaselineError, match="--add-port=2222/tcp failed: NOT_RUNNING .rc=252.; this task"):
        port_access.open(host)  # type: ignore[arg-type]  # the fake
    port_access.close(host)  # type: ignore[arg-type]  # the fake
    host.done()


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param(
            [
                Expected(["firewall-cmd", "--state"], rc=252, err="not running"),
                Expected(["ufw", "status"], out="Status: inactive\n"),
            ],
            id="neither is active",
        ),
        pytest.param(
            [
                Expected(["firewall-cmd", "--state"], rc=252, err="not running"),
                Expected(["ufw", "status"], out="Status: active\n"),
                Expected(["ufw", "show", "added"], out="(None)\n"),
            ],
            id="no rule speaks of the old port",
        ),
    ],
)
def test_no_firewall_to_carry_along(commands: list[Expected]) -> None:
    host = FakeHost(commands=commands)
    assert find_port_access(host, [22], [2222]) == NONE  # type: ignore[arg-type]  # the fake
    host.done()


TABLE = render_table(parse_request({}, parse_services("")), [22])
LISTED = ["nft", "list", "set", "inet", "pyhost_baseline", "ssh_ports"]
ADDED, DELETED = (["nft", f"{word} element inet pyhost_baseline ssh_ports {{ 2222 }}"] for word in ("add", "delete"))


def test_our_own_table_lets_the_new_port_in_now_and_after_a_boot() -> None:
    host = FakeHost({RULES_FILE: TABLE}, [Expected(LISTED), Expected(ADDED), Expected(DELETED)], programs=["nft"])
    port_access = find_port_access(host, [22], [2222])  # type: ignore[arg-type]  # the fake
    assert (port_access.kind, port_access.descriptions) == ("nftables", ["2222/tcp in the table inet pyhost_baseline"])
    assert port_access.files == [RULES_FILE]
    port_access.open(host)  # type: ignore[arg-type]  # the fake
    assert host.files[RULES_FILE] == TABLE.replace("elements = { 22 }", "elements = { 22, 2222 }") != TABLE
    assert port_access.close(host) == []  # type: ignore[arg-type]  # the fake
    assert host.files[RULES_FILE] == TABLE
    host.done()


def test_an_element_and_a_file_that_cannot_be_removed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost({RULES_FILE: TABLE}, [Expected(LISTED), Expected(DELETED, rc=1)], programs=["nft"])
    port_access = find_port_access(host, [22], [2222])  # type: ignore[arg-type]  # the fake

    def refuse(path: str, _text: str, **_named: object) -> None:
        raise BaselineError(f"{path} cannot be written")

    monkeypatch.setattr(host, "write", refuse)
    left = port_access.close(host)  # type: ignore[arg-type]  # the fake
    assert left == ["2222/tcp in the table inet pyhost_baseline", RULES_FILE]


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        pytest.param({}, [], id="no table of ours"),
        pytest.param({RULES_FILE: TABLE}, [Expected(LISTED, rc=1)], id="somebody has flushed it"),
    ],
)
def test_without_our_table_nothing_is_opened(files: dict[str, str], commands: list[Expected]) -> None:
    host = FakeHost(files, commands, programs=["nft"])
    assert find_port_access(host, [22], [2222]) == NONE  # type: ignore[arg-type]  # the fake
    host.done()
