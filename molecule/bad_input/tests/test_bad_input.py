"""The user's own command with bad input: one sentence, no traceback, and the host stays byte for byte as it was.

A case is the extra variables that replace the good ones, and what the message must hold. As nothing may change, the
cases run side by side against the same hosts, which are looked at before the first and after the last.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.paths import CACHE, FLEETS, ROOT

FLEET = "molecule-bad_input"
KEY = (CACHE / "hosts" / "id_ed25519.pub").read_text().strip()
GOOD: dict[str, t.Any] = {"admin_user_name": "deploy", "admin_user_authorized_keys": [KEY]}
# As in converge.yml.
ROLES = {"baseline_roles": ["admin_user", "auto_updates", "fail2ban", "sshd"]}
SECRET = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
Case = tuple[dict[str, t.Any], list[str]]
Run = subprocess.CompletedProcess[str]

# Errors that the controller finds by itself, of all inputs at once. Each of them is tested in tests/unit.
AT_HOME: dict[str, Case] = {
    "admin-missing": (
        {"admin_user_name": "", "admin_user_authorized_keys": [], "admin_user_sudo": "password"},
        [
            "admin_user_name: the name is missing",
            "without a key nobody could log in any more",
            "admin_user_password: the hash is missing",
        ],
    ),
    "admin-root": ({"admin_user_name": "root"}, ["the admin needs an account of its own"]),
    "keys": (
        {"admin_user_authorized_keys": [KEY, KEY[:60], f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n"]},
        ["entry 2 of 3: the 'ssh-ed25519' key is not complete", "entry 3 of 3: this is a PRIVATE key"],
    ),
    "keys-pasted": (
        {
            "admin_user_authorized_keys": [
                KEY.replace(" ", "\u00a0", 1),
                f"\ufeff{KEY}",
                "https://github.com/someone.keys",
                f"\u201c{KEY}\u201d",
            ]
        },
        [
            "entry 1 of 4: the public key contains U+00A0 (NO-BREAK SPACE)",
            "type a blank instead, or remove it",
            "entry 2 of 4: the public key contains U+FEFF",
            "this is the byte order mark of an editor; save the file as UTF-8 without it",
            "entry 3 of 4: this is an address where public keys may be, not a public key",
            "entry 4 of 4: the public key is in quotes that are part of the text",
        ],
    ),
    "keys-string": ({"admin_user_authorized_keys": KEY}, ["admin_user_authorized_keys: this is not a list"]),
    "password-plain": (
        {"admin_user_sudo": "password", "admin_user_password": SECRET},
        ["admin_user_password: this is not a password hash of a current kind"],
    ),
    "role-unknown": (
        {"baseline_roles": ["admin_user", "ssh"]},
        ["value of baseline_roles must be one or more of: admin_user, python_stack, auto_updates, fail2ban, sshd"],
    ),
    "types": (
        {"sshd_port": "ssh", "auto_updates_schedule": {"upgrade_t": "04:00"}, "fail2ban_jails": "sshd"},
        [
            "argument 'sshd_port' is of type",
            "unknown input auto_updates_schedule.upgrade_t",
            "fail2ban_jails: this is text, but must be a mapping",
        ],
    ),
    "values": (
        {
            "auto_updates_blocklist": ["("],
            "auto_updates_origins": ["orign=Debian", "secrity"],
            "auto_updates_reboot_time": "25:00",
            "fail2ban_jails": {"sshd": {"bantime": "soon"}},
            "fail2ban_packages": ["fail2ban=1.0"],
            "python_stack_venvs": [{"path": "srv/app", "owner": "deploy"}],
            "sshd_match": [{"criteria": {"usr": "ann"}, "settings": {"PermitTTY": False}}],
            "sshd_port": 70000,
            "sshd_settings": {"PasswordAuthentcation": "no", "UseDNS": "maybe"},
        },
        [
            "auto_updates_blocklist: '(' is not a regular expression",
            "auto_updates_origins: 'orign=Debian': unknown key 'orign'; did you mean 'origin'?",
            "auto_updates_origins: unknown preset 'secrity'; did you mean 'security'",
            "auto_updates_reboot_time: '25:00' is not a time of day",
            "fail2ban_jails: [sshd]: bantime is 'soon', but has to be a time",
            "fail2ban_packages: 'fail2ban=1.0' is not the name of a package",
            "python_stack_venvs: 'srv/app': path must be an absolute path",
            "sshd_match: match block 1: unknown Match criterion 'usr'; did you mean 'user'?",
            "sshd_port: Port takes a whole number from 1 to 65535, not '70000'",
            "sshd_settings: unknown sshd keyword 'PasswordAuthentcation'; did you mean 'PasswordAuthentication'",
            "sshd_settings: UseDNS takes yes or no, not 'maybe'",
        ],
    ),
}

# Errors that only the running host finds; both systems are asked.
AT_THE_HOST: dict[str, Case] = {
    "value-refused": ({"sshd_settings": {"ClientAliveInterval": "soon"}}, ["ClientAliveInterval"]),
    "filter-unknown": ({"fail2ban_jails": {"shop": {"filter": "no-such-filter"}}}, ["no-such-filter"]),
    "jail-option-unknown": (
        {"fail2ban_jails": {"sshd": {"bantme": "1h"}}},
        ["unknown jail option 'bantme'; did you mean 'bantime'"],
    ),
    "origin-without-archive": ({"auto_updates_origins": ["origin=Nobody"]}, ["origin=Nobody matches no archive"]),
    "calendar": ({"auto_updates_schedule": {"upgrade_at": "teatime"}}, ["'teatime' is not a calendar time"]),
    "package-unknown": ({"fail2ban_packages": ["fail2bann"]}, ["fail2bann"]),
    # As converge.yml has left them.
    "package-held": (
        {"fail2ban_packages": ["fail2ban", "tree"]},
        ["apt-get does not install tree, because a hold is set", "run `apt-mark unhold tree` on the host"],
    ),
    "package-pinned": (
        {"fail2ban_packages": ["fail2ban", "jq"]},
        ["'jq' is in the package index, but apt's preferences bar it (its priority is -1)"],
    ),
    "package-command": (
        {"fail2ban_packages": ["fail2ban", "curl+"]},
        ["unknown package 'curl+'; apt-get would read the last '+' as a command and install 'curl'"],
    ),
}

# Hosts that cannot be managed, by their names.
UNFIT: dict[str, Case] = {
    "virgin": ({"ansible_connection": "winrm"}, ["Windows"]),
    "bare": ({}, ["the host has no Python"]),
}

# The systems that the host `other` imitates, one after another: os-release, and further changes. The output of uname on
# macOS and of an old Python is imitated too.
DEBIAN11 = 'ID=debian VERSION_ID=11 PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"'
OLD_PYTHON = r"""
for path in /usr/bin/python3*; do mv "$path" "/root/${path##*/}"; done
printf '#!/bin/sh\necho 3.6.8; exit 1\n' >/usr/bin/python3; chmod 0755 /usr/bin/python3
"""
MACOS = r"printf '#!/bin/sh\necho Darwin\n' >/usr/local/bin/uname; chmod 0755 /usr/local/bin/uname"
LEFT = "; this task changed nothing; "
LIMIT = "take the host out of the inventory or choose other hosts with '--limit'"
OTHERS: dict[str, tuple[str, str, Case]] = {
    "alpine": (
        'ID=alpine VERSION_ID=3.22.1 PRETTY_NAME="Alpine Linux v3.22"',
        "",
        ({}, ["the host runs Alpine Linux v3.22, which pyhost.baseline does not manage", LEFT, LIMIT]),
    ),
    "centos7": (
        'ID="centos" VERSION_ID="7" PRETTY_NAME="CentOS Linux 7 (Core)"',
        "",
        ({}, ["the host runs CentOS Linux 7 (Core), which is past its end of life", LEFT]),
    ),
    "centos8": (
        'ID="centos" VERSION_ID="8" PRETTY_NAME="CentOS Stream 8"',
        "",
        ({}, ["the host runs CentOS Stream 8, which is past its end of life", LEFT]),
    ),
    "ubuntu20.04": (
        'ID=ubuntu VERSION_ID="20.04" PRETTY_NAME="Ubuntu 20.04.6 LTS"',
        "",
        ({}, ["the host runs Ubuntu 20.04.6 LTS, which is past the end of its standard support", LEFT]),
    ),
    "debian11": (
        DEBIAN11,
        "",
        (
            {},
            [
                "(bullseye), which is past its end of life",
                LEFT,
                "or set 'baseline_allow_end_of_life: true' to continue",
            ],
        ),
    ),
    # With that allowed, the next error is reported.
    "debian11-allowed-with-an-old-python": (
        DEBIAN11,
        OLD_PYTHON,
        (
            {"baseline_allow_end_of_life": True},
            [
                "the host has only Python 3.6.8 at /usr/bin/python3, and Ansible needs 3.",
                "this task changed nothing; upgrade the host to a later release",
            ],
        ),
    ),
    "macos": (
        DEBIAN11,
        MACOS,
        ({}, ["the host runs macOS, which can run Ansible but is never a managed host", LEFT, LIMIT]),
    ),
}

# All files that a role could write, by content, owner and mode; and who logged in.
FILES = """
find /etc /home /root /usr/local /var/lib/dpkg -xdev \\( -path '*/.ansible' -o -path '*/.cache' \\) -prune -o -type f \
    -printf '%p %u:%g %m\\n' -exec sha256sum {} + | sort
"""
LOGINS = "journalctl --no-pager --output=cat SYSLOG_FACILITY=10 + SYSLOG_FACILITY=4 | grep -c ^Accepted || true"


def site(changes: dict[str, t.Any], *hosts: str) -> Run:
    """Run site.yml as a user would, against ``hosts``."""
    inventory = ["-i", str(FLEETS / FLEET / "inventory.yml"), "-u", "root", "--limit", ",".join(hosts)]
    # JSON results stand on one line each.
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *inventory, "playbooks/site.yml"]
        + ["-e", json.dumps({**GOOD, **changes})],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


class Hosts:
    """The fleet seen from inside its containers."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def ask(self, name: str, script: str) -> str:
        status, output = fleet.execute(fleet.find(self._client, FLEET, name), script)
        assert status == 0, output
        return output

    def files(self) -> dict[str, str]:
        return {name: self.ask(name, FILES) for name in ("debian12", "debian13", *UNFIT)}

    def others(self) -> dict[str, tuple[Run, str, str]]:
        """Make `other` each of the systems in turn and run against it; return the run and the files around it."""
        found = {}
        for name, (release, script, (changes, _words)) in OTHERS.items():
            self.ask("other", f"cat >/etc/os-release <<'END'\n{release}\nEND\n{script}")
            before = self.ask("other", FILES)
            found[name] = (site(changes, "other"), before, self.ask("other", FILES))
        return found


@pytest.fixture(scope="module")
def hosts() -> Hosts:
    return Hosts(engine.connect())


@pytest.fixture(scope="module")
def looks(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """All runs, with what the hosts' files and the virgin host's logins were before and after them."""
    before = hosts.files()
    # A module waits 30 seconds for the lock of another run: on a slow machine that is one run, not two.
    with ThreadPoolExecutor(max_workers=2) as pairs, ThreadPoolExecutor(max_workers=2) as pool:
        logins = hosts.ask("virgin", LOGINS)
        home = {name: pool.submit(site, changes, "virgin") for name, (changes, _words) in AT_HOME.items()}
        runs = {name: future.result() for name, future in home.items()}
        after_home = hosts.ask("virgin", LOGINS)
        away = {
            name: pairs.submit(site, {**ROLES, **changes}, "debian12", "debian13")
            for name, (changes, _words) in AT_THE_HOST.items()
        }
        others = pool.submit(hosts.others)
        unfit = {name: pool.submit(site, changes, name) for name, (changes, _words) in UNFIT.items()}
        runs |= {name: future.result() for name, future in {**away, **unfit}.items()}
    return {
        "runs": runs,
        "before": before,
        "after": hosts.files(),
        "logins": (logins, after_home),
        "others": others.result(),
    }


def check(run: Run, parts: list[str], *hosts: str) -> None:
    """Each of ``hosts`` has failed with one message that contains ``parts``, and was not changed."""
    output = run.stdout + run.stderr
    assert run.returncode != 0, output
    assert "Traceback" not in output, output
    assert SECRET not in output
    for host in hosts:
        said = re.findall(rf'^fatal: \[{host}\]: .*?"msg": "((?:[^"\\]|\\.)*)"', run.stdout, re.MULTILINE)
        [message] = [json.loads(f'"{text}"') for text in said]
        assert [part for part in parts if part not in message] == [], output
        assert re.search(rf"^{host} +: .*changed=0 .*failed=1 ", run.stdout, re.MULTILINE), output


@pytest.mark.parametrize("name", AT_HOME)
def test_reported_by_the_controller(looks: dict[str, t.Any], name: str) -> None:
    run = looks["runs"][name]
    check(run, AT_HOME[name][1], "virgin")
    assert run.stdout.count("\nTASK [") == 1, run.stdout
    [message] = re.findall(r'"msg": "((?:[^"\\]|\\.)*)"', run.stdout)
    assert message.endswith("; this role changed nothing")
    assert "\\n" not in message


@pytest.mark.parametrize("name", AT_THE_HOST)
def test_reported_by_the_host(looks: dict[str, t.Any], name: str) -> None:
    check(looks["runs"][name], AT_THE_HOST[name][1], "debian12", "debian13")


@pytest.mark.parametrize("name", UNFIT)
def test_no_target(looks: dict[str, t.Any], name: str) -> None:
    check(looks["runs"][name], UNFIT[name][1], name)


@pytest.mark.parametrize("name", OTHERS)
def test_what_the_host_says_to_be_is_no_target(looks: dict[str, t.Any], name: str) -> None:
    run, before, after = looks["others"][name]
    check(run, OTHERS[name][2][1], "other")
    assert set(before.splitlines()) ^ set(after.splitlines()) == set()


def test_nobody_connected_for_what_the_controller_knows(looks: dict[str, t.Any]) -> None:
    before, after = looks["logins"]
    assert before == after


@pytest.mark.parametrize("name", ["debian12", "debian13", *UNFIT])
def test_the_host_is_as_it_was(looks: dict[str, t.Any], name: str) -> None:
    before, after = (looks[when][name].splitlines() for when in ("before", "after"))
    assert set(before) ^ set(after) == set()
