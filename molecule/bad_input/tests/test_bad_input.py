"""The user's own command with bad input: one sentence, no traceback, and the host stays byte for byte as it was.

A case is the extra variables that replace the good ones, and what the sentence must say.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[3]
FLEET = ROOT / ".cache" / "hosts" / "molecule-bad_input"
KEY = (ROOT / ".cache" / "hosts" / "id_ed25519.pub").read_text().strip()
GOOD: dict[str, t.Any] = {"admin_user_name": "deploy", "admin_user_authorized_keys": [KEY]}
# What Ansible's own check of a role's arguments writes on a line before the sentence.
PREAMBLE = "Validation of arguments failed:\n"
SECRET = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"

CASES: dict[str, tuple[dict[str, t.Any], str]] = {
    "name-missing": ({"admin_user_name": ""}, "admin_user_name is missing"),
    "name-root": ({"admin_user_name": "root"}, "the admin needs an account of its own"),
    "keys-empty": ({"admin_user_authorized_keys": []}, "without a key nobody could log in any more"),
    "keys-string": ({"admin_user_authorized_keys": KEY}, "admin_user_authorized_keys is not a list"),
    "key-cut-off": (
        {"admin_user_authorized_keys": [KEY, KEY[:60]]},
        "entry 2 of 2: the 'ssh-ed25519' key is not whole",
    ),
    "key-private": (
        {"admin_user_authorized_keys": [f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n"]},
        "this is a PRIVATE key",
    ),
    "password-plain": (
        {"admin_user_sudo": "password", "admin_user_password": SECRET},
        "admin_user_password is not a password hash of a current kind",
    ),
    "role-unknown": (
        {"baseline_roles": ["admin_user", "ssh"]},
        "value of baseline_roles must be one or more of: admin_user, python_stack, auto_updates, fail2ban, sshd",
    ),
    "port-out-of-range": ({"sshd_port": 70000}, "70000 is not a port"),
    "keyword-unknown": (
        {"sshd_settings": {"PasswordAuthentcation": "no"}},
        "unknown sshd keyword 'PasswordAuthentcation'; did you mean 'PasswordAuthentication'",
    ),
    "value-refused": ({"sshd_settings": {"ClientAliveInterval": "soon"}}, "ClientAliveInterval"),
    "filter-unknown": ({"fail2ban_jails": {"shop": {"filter": "no-such-filter"}}}, "no-such-filter"),
    "origin-unknown-key": ({"auto_updates_origins": ["orign=Debian"]}, "unknown key 'orign'; did you mean 'origin'?"),
}


def site(changes: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
    """Run site.yml as a user would."""
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(FLEET / "inventory.yml"), "-u", "root"]
    variables = ["playbooks/site.yml", "-e", json.dumps({**GOOD, **changes})]
    # JSON results stand on one line each.
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    return subprocess.run(
        [*command, *variables], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def state(host: Host) -> str:
    """The accounts, the configuration and the homes of the host, as one digest."""
    found = (
        "find /etc /home /root -xdev -path '*/.ansible' -prune -o -type f -exec sha256sum {} + -printf '%p %u %m\\n'"
    )
    return host.check_output(f"{found} | sort | sha256sum")


@pytest.mark.parametrize(("changes", "sentence"), CASES.values(), ids=CASES)
def test_bad_input(host: Host, changes: dict[str, t.Any], sentence: str) -> None:
    before = state(host)
    ran = site(changes)
    output = ran.stdout + ran.stderr
    messages = [json.loads(f'"{text}"') for text in re.findall(r'"msg": "((?:[^"\\]|\\.)*)"', ran.stdout)]
    assert ran.returncode != 0, output
    assert any(sentence in message for message in messages), output
    assert not any("\n" in message.removeprefix(PREAMBLE).strip() for message in messages), output
    assert "Traceback" not in output
    assert SECRET not in output
    assert "changed=0" in output, output
    assert state(host) == before
