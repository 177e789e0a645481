"""A proof that proves nothing: hosts that lie to the controller's half of sshd_config, and sudo that leads to nobody."""

from __future__ import annotations

import base64
import json
import typing as t
import uuid
from pathlib import Path

import pytest

from tests.attackers import FLEET, Attacked
from tests.hosts.paths import KEY
from tests.hosts.runs import play

Result = t.Dict[str, t.Any]

HOSTS = ("proof12", "proof13")
PLAYBOOK = Path(__file__).parents[1] / "proof.yml"
# All that a change of sshd may touch, and what sshd does with it.
SNAPSHOT = r"""
find /etc/ssh /etc/systemd/system /etc/cron.d -printf '%p %m %u:%g %l\n' | sort
find /etc/ssh -type f -exec sha256sum {} + | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null || true
sshd -T -C user=deploy,host=x,addr=192.0.2.1
"""
GROUND = """
command -v sudo >/dev/null && test -e /usr/share/i18n/locales/de_DE ||
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo locales; } >/dev/null 2>&1
id deploy >/dev/null 2>&1 || useradd -m -s /bin/bash -p '*' deploy
install -d -m 0700 -o deploy -g deploy /home/deploy/.ssh
install -m 0600 -o deploy -g deploy /root/.ssh/authorized_keys /home/deploy/.ssh/authorized_keys
cp -p /usr/bin/sudo /root/sudo.kept
"""
RULE = "deploy ALL=(ALL:ALL) NOPASSWD: ALL"
# What the tests do to a host, undone.
HONEST = r"""
rm -f /usr/lib/python3/dist-packages/pyhost_lie* /root/lie.json /etc/ssh/sshd_config.d/*
rm -rf /etc/systemd/system/ssh.service.d
chmod 4755 /usr/bin/sudo
usermod -p '*' deploy
sed -i '/^LC_ALL=/d' /etc/environment
sed -i 's/^#AcceptEnv/AcceptEnv/' /etc/ssh/sshd_config
systemctl daemon-reload
systemctl restart ssh
"""
# Python on the host answers what the test wants: what /root/lie.json holds is laid over the module's own answer.
LIAR = r"""
import json

honest = json.dumps


def lying(value, *arguments, **options):
    if isinstance(value, dict) and "changed" in value and "invocation" in value:
        with open("/root/lie.json") as file:
            lie = json.load(file)
        phase = (value["invocation"].get("module_args") or {}).get("_phase")
        if phase == lie["phase"]:
            value = laid_over(value, lie["answer"])
    return honest(value, *arguments, **options)


def laid_over(value, lie):
    if not isinstance(lie, dict) or not isinstance(value, dict):
        return lie
    return dict(value, **{name: laid_over(value.get(name), entry) for name, entry in lie.items()})


json.dumps = lying
"""


def lay(host: Attacked, path: str, text: str, mode: str = "0644") -> None:
    coded = base64.b64encode(text.encode()).decode()
    host.run(f"mkdir -p {Path(path).parent}; echo {coded} | base64 -d >{path}; chmod {mode} {path}")


def lie(host: Attacked, answer: t.Any, *, phase: str = "plan") -> None:
    """Have the host answer ``answer`` in the module's ``phase``, in place of what the module says there."""
    lay(host, "/root/lie.json", json.dumps({"phase": phase, "answer": answer}))
    lay(host, "/usr/lib/python3/dist-packages/pyhost_lie.py", LIAR)
    lay(host, "/usr/lib/python3/dist-packages/pyhost_lie.pth", "import pyhost_lie\n")


def rule(host: Attacked, *lines: str) -> None:
    lay(host, "/etc/sudoers.d/deploy", "".join(f"{line}\n" for line in lines), "0440")
    host.run("visudo -cq")


@pytest.fixture(scope="module")
def ground(attacked: dict[str, Attacked]) -> dict[str, Attacked]:
    hosts = {name: attacked[name] for name in HOSTS}
    for host in hosts.values():
        host.run(GROUND)
    return hosts


@pytest.fixture
def hosts(ground: dict[str, Attacked]) -> dict[str, Attacked]:
    for host in ground.values():
        host.run(HONEST)
        rule(host, RULE)
    return ground


def change(*, user: str = "root", settings: Result | None = None, **variables: t.Any) -> dict[str, Result]:
    """Close root on both hosts, unless the test says otherwise; return each host's result."""
    given = {
        "targets": ",".join(HOSTS),
        "guard_users": ["deploy"],
        "settings": {"PermitRootLogin": False} if settings is None else settings,
        **variables,
    }
    return {host: tasks["Change sshd"] for host, tasks in play(FLEET, PLAYBOOK, given, user=user).items()}


def refused(hosts: dict[str, Attacked], before: dict[str, str], results: dict[str, Result]) -> dict[str, str]:
    """Assert that nothing was changed on any host, and return what each was told."""
    for name, result in results.items():
        assert result.get("failed") and not result["changed"], result
        assert hosts[name].run(SNAPSHOT) == before[name]
    assert set(results) == set(hosts)
    return {name: result["msg"] for name, result in results.items()}


def snapshots(hosts: dict[str, Attacked]) -> dict[str, str]:
    return {name: host.run(SNAPSHOT) for name, host in hosts.items()}


def test_a_host_runs_nothing_on_the_controller(hosts: dict[str, Attacked], tmp_path: Path) -> None:
    for name, host in hosts.items():
        ran = f"$(touch {tmp_path}/{name})"
        lie(host, {"confirmation": {"rehearsal": {"without": {"ProxyCommand": [ran]}, "keys": ["ssh-ed25519 256 a"]}}})
    before = snapshots(hosts)
    results = change()
    assert list(tmp_path.iterdir()) == []
    for said in refused(hosts, before, results).values():
        assert "confirmation.rehearsal.without.ProxyCommand" in said
        assert "nothing was changed" in said


def test_a_sudo_without_its_setuid_bit_is_no_way_to_root(hosts: dict[str, Attacked]) -> None:
    for host in hosts.values():
        host.run("chmod u-s /usr/bin/sudo")
    before = snapshots(hosts)
    for said in refused(hosts, before, change()).values():
        assert "setuid" in said


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["deploy ALL=(ALL, !root) NOPASSWD: ALL"], id="all but root"),
        pytest.param(["deploy ALL=(www-data) NOPASSWD: ALL"], id="somebody else"),
    ],
)
def test_a_rule_that_leaves_root_out_is_no_way_to_root(hosts: dict[str, Attacked], lines: list[str]) -> None:
    for host in hosts.values():
        rule(host, *lines)
    before = snapshots(hosts)
    for said in refused(hosts, before, change()).values():
        assert "sudo does not let deploy run every command as root" in said
