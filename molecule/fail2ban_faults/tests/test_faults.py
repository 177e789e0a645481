"""After all faults: the jail runs with its first settings, and what each attempt cost an attacker was counted."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

ACCOUNTS = ("plain", "unknown", "nologin", "noshell", "notexec", "locked", "expired", "denied")
KINDS = ("one password", "three passwords", "one key", "seven keys")
# docs/fail2ban.md. With PAM, sshd learns that an account is locked or expired after the password only.
EXISTING = {"one password": 1, "three passwords": 3, "one key": 0, "seven keys": 1}
REFUSED = dict.fromkeys(KINDS, 1)
PASSWORDS = {
    account: EXISTING if account in ("plain", "nologin", "locked", "expired") else REFUSED for account in ACCOUNTS
}
EXPECTED = {"passwords": PASSWORDS, "keys": dict.fromkeys(ACCOUNTS, REFUSED)}


@pytest.mark.parametrize("setting", EXPECTED)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_what_an_attempt_costs(host: Host, setting: str, account: str) -> None:
    counted = json.loads(host.check_output(f"cat /root/counted-{setting}.json"))
    assert {kind: counted[f"{account}, {kind}"] for kind in KINDS} == EXPECTED[setting][account]


def test_a_neighbour_is_banned_by_its_link_local_address(host: Host) -> None:
    *refused, last = json.loads(host.check_output("cat /root/neighbour.json"))
    assert [("Permission denied" in said) for said in refused] == [True] * 3, refused
    assert "Connection refused" in last


@pytest.mark.parametrize(("option", "value"), [("maxretry", "5"), ("bantime", "600")])
def test_the_refused_requests_left_nothing_behind(host: Host, option: str, value: str) -> None:
    assert host.check_output(f"fail2ban-client get sshd {option}") == value


def test_only_the_requested_jail_runs(host: Host) -> None:
    assert host.check_output("fail2ban-client status").splitlines()[-1].split(":")[1].strip() == "sshd"


def test_corrupt_databases_are_kept(host: Host) -> None:
    folder = "/var/lib/fail2ban"
    kept = [name for name in host.file(folder).listdir() if name.startswith("fail2ban.sqlite3.")]
    assert len(kept) == 4
