"""One error in each role at once on a bare host: all are in one message, and the host stays byte for byte as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.paths import CACHE, FLEETS, ROOT

FLEET = "molecule-plan_refuses"
HOSTS = ("debian12", "debian13", "ubuntu2404", "el9")
VARIABLES: dict[str, t.Any] = {
    "admin_user_name": "deploy",
    "admin_user_authorized_keys": [(CACHE / "hosts" / "id_ed25519.pub").read_text().strip()],
    "python_stack_packages": ["python-stack", "no-such-package"],
    "python_stack_venvs": [{"path": "/srv/shop/venv", "owner": "shop"}],
    "auto_updates_schedule": {"upgrade_at": "teatime"},
    "fail2ban_jails": {"sshd": {"bantime": "1h"}},
}
ERRORS = {
    "packages": r"no-such-package",
    "admin_user": r"/home/deploy/\.ssh",
    "python_stack": r"the owner shop is not a user of this host",
    "auto_updates": r"'teatime' is not a calendar time",
    "fail2ban": r"zzz-left\.local",
    "sshd": r"passwordauthentication|PasswordAuthentication",
}
# Files by content, owner and mode; accounts; packages; and since when the daemons run. Whoever reads the database of
# rpm changes its index in shared memory. A bare host has no nft, and then no rules of ours either.
STATE = """
find /etc /home /root /usr/local /srv -xdev \\( -path '*/.ansible' -o -path '*/.cache' -o -path '*/.rpmdb' \\) -prune \
    -o -type f -printf '%p %u:%g %m\\n' -exec sha256sum {} + | sort
sha256sum /etc/passwd /etc/shadow /etc/group
sha256sum /var/lib/dpkg/status 2>/dev/null || rpm -qa | sort
systemctl show --property=Id,ActiveEnterTimestampMonotonic,MainPID ssh.service sshd.service systemd-journald.service
nft list ruleset 2>/dev/null || true
"""
Run = subprocess.CompletedProcess[str]


def site(*options: str) -> Run:
    """Run site.yml as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(FLEETS / FLEET / "inventory.yml"), "-u", "root"]
        + ["playbooks/site.yml", "-e", json.dumps(VARIABLES), *options],
        cwd=ROOT,
        # JSON results stand on one line each.
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def looks() -> dict[str, t.Any]:
    """The runs, and the hosts before the first and after the last."""
    client: docker.DockerClient = engine.connect()

    def state() -> dict[str, str]:
        found = {}
        for name in HOSTS:
            status, found[name] = fleet.execute(fleet.find(client, FLEET, name), STATE)
            assert status == 0, found[name]
        return found

    before = state()
    runs = {"run": site(), "check": site("--check", "--diff")}
    return {**runs, "before": before, "after": state()}


@pytest.mark.parametrize("mode", ["run", "check"])
@pytest.mark.parametrize("host", HOSTS)
def test_all_errors_are_in_one_message(looks: dict[str, t.Any], host: str, mode: str) -> None:
    run = looks[mode]
    output = run.stdout + run.stderr
    assert run.returncode != 0 and "Traceback" not in output, output
    said = re.findall(rf"^fatal: \[{host}\]: .*?=> (\{{.*\}})$", run.stdout, re.MULTILINE)
    [result] = [json.loads(text) for text in said]
    assert result.get("roles") == dict.fromkeys(ERRORS, False), result
    by_role = dict(error.split(": ", 1) for error in result["errors"])
    assert list(by_role) == list(ERRORS), result["errors"]
    for role, pattern in ERRORS.items():
        assert re.search(pattern, by_role[role]), by_role[role]
        assert by_role[role] in result["msg"]
    assert result["msg"].startswith("the plan has 6 errors: packages: ")
    assert result["msg"].endswith("; no role has changed anything")


@pytest.mark.parametrize("mode", ["run", "check"])
@pytest.mark.parametrize("host", HOSTS)
def test_nothing_was_changed(looks: dict[str, t.Any], host: str, mode: str) -> None:
    assert re.search(rf"^{host} +: .*changed=0 .*failed=1 ", looks[mode].stdout, re.MULTILINE)
    assert set(looks["before"][host].splitlines()) ^ set(looks["after"][host].splitlines()) == set()
