"""Each host is attacked by the other with a real ssh client: counted, cut off after maxretry, let in again."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

FLEET = Path(__file__).resolve().parents[3] / ".cache" / "hosts" / f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}"
ADDRESSES = dict(
    re.findall(r"^Host (\S+)\n(?:.*\n)*?\s*HostName (\S+)", (FLEET / "ssh_config").read_text(), re.MULTILINE)
)
# ssh asks this program for the password; the program prints the prompt, which is wrong.
WRONG_PASSWORD = "SSH_ASKPASS=/bin/echo SSH_ASKPASS_REQUIRE=force"
OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 -o NumberOfPasswordPrompts=1 "
    "-o PubkeyAuthentication=no -o PreferredAuthentications=password"
)


@dataclass(frozen=True)
class Attacker:
    """The other host of the scenario."""

    host: Host
    ip: str
    target: str

    def fail(self) -> None:
        """Try a wrong password once, with a timeout, because ssh waits for ever if the ban comes in the middle."""
        self.host.run(f"{WRONG_PASSWORD} timeout 8 ssh {OPTIONS} root@{self.target} true </dev/null || true")

    def reaches_sshd(self) -> bool:
        return self.host.run(f"timeout 5 bash -c 'exec 3<>/dev/tcp/{self.target}/22'").rc == 0


@pytest.fixture(scope="module")
def attacker(host: Host) -> Iterator[Attacker]:
    me = host.backend.get_hostname()
    other = [name for name in ADDRESSES if name != me][0]
    user = os.environ.get("PYHOST_TEST_USER", "root")
    peer = testinfra.get_host(f"ssh://{user}@{other}", ssh_config=str(FLEET / "ssh_config"))
    host.run("fail2ban-client unban --all")
    yield Attacker(peer, ADDRESSES[other], ADDRESSES[me])
    host.run("fail2ban-client unban --all")


def failures(host: Host) -> int:
    found = re.search(r"Total failed:\s*(\d+)", host.check_output("fail2ban-client status sshd"))
    assert found
    return int(found.group(1))


def banned(host: Host) -> list[str]:
    return host.check_output("fail2ban-client get sshd banip").split()


def test_a_wrong_password_is_counted(host: Host, attacker: Attacker) -> None:
    before = failures(host)
    attacker.fail()
    deadline = time.monotonic() + 10
    while failures(host) == before:
        assert time.monotonic() < deadline, host.check_output("journalctl --no-pager --lines 20 _COMM=sshd")
        time.sleep(0.3)


def test_the_attacker_is_cut_off(host: Host, attacker: Attacker) -> None:
    # OpenSSH 9.8 and later refuses a source for a while by itself; fail2ban does not count these refusals.
    deadline = time.monotonic() + 120
    while attacker.ip not in banned(host):
        assert time.monotonic() < deadline, host.check_output("fail2ban-client status sshd")
        attacker.fail()
    assert not attacker.reaches_sshd()
    assert attacker.ip in host.check_output("nft list ruleset")


def test_an_end_of_the_ban_lets_it_in(host: Host, attacker: Attacker) -> None:
    host.check_output("fail2ban-client set sshd unbanip %s", attacker.ip)
    assert attacker.ip not in host.check_output("nft list ruleset")
    assert attacker.reaches_sshd()
