"""A Port of another file against ours; sshd itself is asked by the scenario sshd_port_move."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.comparison import differences, shadowed_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.ports import (
    with_explicit_addresses,
    with_kept_ports,
    with_present_ports,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree, compose

MAIN = "/etc/ssh/sshd_config"
OWN = "/etc/ssh/sshd_config.d/00-pyhost-baseline.conf"
ROOT = Connection("root", address="192.0.2.7")


@pytest.mark.parametrize(
    ("settings", "others", "expected"),
    [
        pytest.param({"Port": 2222}, "Port 22", ("0.0.0.0:2222", "[::]:2222"), id="another port"),
        pytest.param({"Port": 2222}, "Port 2222", (), id="the same port"),
        pytest.param({"Port": 2222}, "", (), id="no other"),
        pytest.param({}, "Port 22", (), id="no port is set"),
        pytest.param({"Port": 2222}, "Match User x\nPort 22", (), id="not global, which sshd refuses"),
        pytest.param({"Port": 2222}, "Port 22\nListenAddress 192.0.2.1", (), id="another address counts on"),
        pytest.param(
            {"Port": 2222}, "AddressFamily inet\nPort 22", ("0.0.0.0:2222",), id="IPv4 alone, by another file"
        ),
        pytest.param({"Port": 2222, "AddressFamily": "inet6"}, "Port 22", ("[::]:2222",), id="IPv6 alone"),
        pytest.param(
            {"Port": [22, 2222], "ListenAddress": "192.0.2.1"},
            "Port 2200",
            ("192.0.2.1:22", "192.0.2.1:2222"),
            id="each port of each address",
        ),
        pytest.param(
            {"Port": 22, "ListenAddress": ["::1", "[::2]", "[::3]:23", "a:24", "192.0.2.1 rdomain blue"]},
            "Port 2200",
            ("[::1]:22", "[::2]:22", "[::3]:23", "a:24", "192.0.2.1:22 rdomain blue"),
            id="spellings",
        ),
    ],
)
def test_outvoted(settings: dict[str, object], others: str, expected: tuple[str, ...]) -> None:
    desired = build_settings(settings)
    found = with_explicit_addresses(desired, compose(Tree(MAIN, {MAIN: others + "\n"})), (OWN,))
    assert found.settings.get("ListenAddress", ()) == expected if expected else found is desired


def test_what_we_wrote_is_not_another_file() -> None:
    tree = Tree(MAIN, {MAIN: f"Include {OWN}\n", OWN: "Port 22\n"})
    desired = build_settings({"Port": 2222})
    assert with_explicit_addresses(desired, compose(tree), (OWN,)) is desired


def test_a_port_without_an_address_is_no_difference_and_shadowed() -> None:
    tree = Tree(MAIN, {MAIN: f"Include {OWN}\nPort 22\n", OWN: ""})
    desired = with_explicit_addresses(build_settings({"Port": 2222}), compose(tree), (OWN,))
    want: Effective = {"port": ("2222",), "listenaddress": ("0.0.0.0:2222", "[::]:2222")}
    have: Effective = {"port": ("2222", "22"), "listenaddress": ("[::]:2222", "0.0.0.0:2222")}
    assert differences(compose(tree), desired, (OWN,), [(ROOT, want, have)]) == []
    (entry,) = shadowed_directives(compose(tree), desired, (OWN,))
    assert entry == {"keyword": "Port", "value": "22", "file": MAIN, "line": 2}


@pytest.mark.parametrize(
    ("listens", "expected"),
    [
        pytest.param({("0.0.0.0", 22), ("::", 22)}, {"Port": ("22",)}, id="all addresses"),
        pytest.param(
            {("0.0.0.0", 22)}, {"ListenAddress": ("0.0.0.0:22",), "Port": ("22",)}, id="somebody has the IPv6 one"
        ),
        pytest.param(
            {("192.0.2.1", 22), ("2001:db8::1", 2022)},
            {"ListenAddress": ("192.0.2.1:22", "[2001:db8::1]:2022"), "Port": ("22", "2022")},
            id="addresses of its own",
        ),
    ],
)
def test_with_present_ports(listens: set[tuple[str, int]], expected: dict[str, tuple[str, ...]]) -> None:
    desired = build_settings({"Port": 2222, "ListenAddress": "0.0.0.0:2222", "UsePAM": True}, [])
    assert with_present_ports(desired, listens).settings == {**expected, "UsePAM": ("yes",)}


@pytest.mark.parametrize(
    ("settings", "own", "main", "ports"),
    [
        pytest.param({}, "Port 2222", "", ("2222",), id="moved by an earlier run"),
        pytest.param({}, "Port 22\nPort 2222", "", ("22", "2222"), id="two"),
        pytest.param({}, "", "Port 2222", (), id="of another file"),
        pytest.param({}, "MaxAuthTries 4", "", (), id="none"),
        pytest.param({}, "Match User x\nMaxSessions 2", "Port 2222", (), id="a block"),
    ],
)
def test_ports_that_stay(settings: dict[str, object], own: str, main: str, ports: tuple[str, ...]) -> None:
    tree = Tree(MAIN, {MAIN: f"Include {OWN}\n{main}\n", OWN: f"{own}\n"})
    desired = build_settings(settings)
    found = with_kept_ports(desired, compose(tree), (OWN,))
    assert found.settings.get("Port", ()) == ports
