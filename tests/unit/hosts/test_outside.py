"""A machine from outside: its name, and how Ansible, ssh and testinfra reach it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.hosts.engine import EngineError
from tests.hosts.outside import Machine, describe, needed, parse
from tests.hosts.paths import ROOT


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ("root@192.0.2.10:2222", Machine("root", "192.0.2.10", 2222)),
        ("192.0.2.10", Machine("root", "192.0.2.10", 22)),
        ("freebsd@vm.example.org", Machine("freebsd", "vm.example.org", 22)),
        ("root@[2001:db8::7]:22", Machine("root", "2001:db8::7", 22)),
    ],
)
def test_how_it_is_named(text: str, machine: Machine) -> None:
    assert parse("PYHOST_FREEBSD", text) == machine


@pytest.mark.parametrize("text", ["", "root@", "192.0.2.10:ssh", "root@a b", "-oProxyJump", "-x@192.0.2.10"])
def test_what_names_none(text: str) -> None:
    with pytest.raises(EngineError, match="has to be USER@ADDRESS:PORT"):
        parse("PYHOST_FREEBSD", text)


def test_the_scenario_names_its_variable() -> None:
    assert needed(ROOT / "molecule" / "freebsd" / "molecule.yml") == {"freebsd": "PYHOST_FREEBSD"}
    assert needed(ROOT / "molecule" / "default" / "molecule.yml") == {}


def test_it_is_described_as_a_fleet_is(tmp_path: Path) -> None:
    scanned = "# 192.0.2.10:2222 SSH-2.0-OpenSSH_9.9 FreeBSD\n[192.0.2.10]:2222 ssh-ed25519 AAAA\n"
    describe(tmp_path, {"freebsd": Machine("root", "192.0.2.10", 2222)}, {"freebsd": scanned})
    hosts = yaml.safe_load((tmp_path / "inventory.yml").read_text())["all"]["hosts"]
    assert hosts["freebsd"]["ansible_port"] == 2222
    assert hosts["freebsd"]["ansible_user"] == "root"
    assert (tmp_path / "known_hosts").read_text() == "192.0.2.10,[192.0.2.10]:* ssh-ed25519 AAAA\n"
    config = (tmp_path / "ssh_config").read_text().splitlines()
    assert config[:3] == ["Host freebsd", "  HostName 192.0.2.10", "  Port 2222"]
