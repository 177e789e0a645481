"""A Linux host with nftables as a transcript: what a plan of its firewall asks, in its order (fixtures/firewall)."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import (
    DROP_IN,
    RULES_FILE,
    UNIT,
    UNIT_FILE,
    render_drop_in,
    render_unit,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import MANAGERS
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.linux_sshd import NAMES, PROPERTIES, sshd_t

FIXTURES = Path(__file__).parent / "fixtures" / "firewall"
HTTP = render_table(parse_request({"allow": ["http"]}, parse_services("")), [22])
FLUSH = "flush ruleset\n"
_UNITS = [*(f"{name}.service" for name in MANAGERS), UNIT]
_ASKED = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NeedDaemonReload,ExecStart"
_SSHD = ["/usr/bin/sshd", "-T", "-f", "/etc/ssh/sshd_config", "-C"]
_WHO = "user=root,host=192.0.2.7,addr=192.0.2.7,laddr=172.17.0.8,lport=22"
CONNECTION = "192.0.2.7 50000 172.17.0.8 22"
TABLES = {f"/proc/net/{name}": f"proc-net-{name}-debian13" for name in ("tcp", "tcp6", "udp", "udp6")}
OWN_FILES = {RULES_FILE: HTTP, UNIT_FILE: render_unit(), DROP_IN: render_drop_in()}


def fixture(name: str) -> str:
    return (FIXTURES / name).read_text()


# Changes of what systemd says of the units: firewalld.service runs.
FIREWALLD = {
    "Id=firewalld.service\nLoadState=not-found\nActiveState=inactive": (
        "Id=firewalld.service\nLoadState=loaded\nActiveState=active"
    )
}
NAT = '{"nftables": [{"rule": {"family": "ip", "table": "nat", "chain": "DOCKER", "expr": [{"xt": {}}]}}]}'
DNAT = "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n"
UFW = {
    "/etc/ufw/ufw.conf": "# x\nENABLED=yes\nLOGLEVEL=low\n",
    "/etc/ufw/applications.d/openssh-server": "[OpenSSH]\ntitle=Secure shell server\nports=22/tcp\n",
}
ADDED = Expected(["ufw", "show", "added"], out=fixture("ufw-added-debian13"))
STATUS = fixture("ufw-status-debian13")
WITH_UFW = ["nft", "ip", "sshd", "systemctl", "ufw"]
ZONES = fixture("firewalld-debian13.txt")
LISTED = ["firewall-cmd", "--list-all-zones"]
WITH_FIREWALLD = ["nft", "ip", "sshd", "systemctl", "firewall-cmd"]


def units(name: str = "systemctl-show-debian13", *, changes: t.Mapping[str, str] | None = None) -> Expected:
    """Return the question for the managers, answered as recorded; ``changes`` replace texts of the answer."""
    text = fixture(name)
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    return Expected(["systemctl", "show", "--property", _ASKED, "--", *_UNITS], out=text)


EXPECTED = f"nft -f {RULES_FILE} && nft -j -t list table inet pyhost_baseline"


def ruleset(
    text: str = '{"nftables": []}', *, ssh_ports: str = "22", expected: str | None = None, rc: int = 0
) -> list[Expected]:
    """Return the questions for the rules; of our table, if it is there, also its ports of sshd and its file's rules."""
    listed = Expected(["nft", "-j", "-t", "list", "ruleset"], out=text)
    if '"table": "pyhost_baseline"' not in text:
        return [listed]
    elements = f'{{"nftables": [{{"set": {{"name": "ssh_ports", "elem": [{ssh_ports}]}}}}]}}'
    return [
        listed,
        Expected(["nft", "-j", "list", "set", "inet", "pyhost_baseline", "ssh_ports"], out=elements),
        Expected(["unshare", "--net", "sh", "-c", EXPECTED], out=text if expected is None else expected, rc=rc),
    ]


def addresses() -> Expected:
    return Expected(["ip", "-j", "address", "show"], out=fixture("ip-address-debian13.json"))


def sshd() -> list[Expected]:
    shown = fixture("systemctl-show-ssh-debian13")
    return [
        Expected([*_SSHD, _WHO], out=sshd_t()),
        Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out=shown),
    ]


def asked(*, show: Expected | None = None, rules: list[Expected] | None = None) -> list[Expected]:
    """Return what is asked of a host whose rules are natively those of nft."""
    return [show or units(), *(rules or ruleset()), addresses(), *sshd()]


def host(
    commands: t.Sequence[Expected],
    files: t.Mapping[str, str] | None = None,
    *,
    programs: t.Sequence[str] = ("nft", "ip", "sshd", "systemctl"),
    check_mode: bool = True,
) -> FakeHost:
    found = {path: fixture(name) for path, name in TABLES.items()}
    return FakeHost({**found, **(files or {})}, list(commands), programs=list(programs), check_mode=check_mode)


def merged(text: str, other: str) -> str:
    """Return both answers of `nft -j list ruleset` as one."""
    return json.dumps({"nftables": [*json.loads(text)["nftables"], *json.loads(other)["nftables"]]})
