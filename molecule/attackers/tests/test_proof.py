"""Proofs that prove nothing: hosts that lie to the controller's half of sshd_config, and sudo that leads nowhere."""

from __future__ import annotations

import base64
import json
import subprocess
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.sudo import rights
from tests.attackers import FLEET, Attacked
from tests.hosts.paths import FLEETS
from tests.hosts.runs import play

Result = dict[str, t.Any]

HOSTS = ("proof12", "proof13")
SSH = ["ssh", "-F", str(FLEETS / FLEET / "ssh_config"), "-o", "ControlPath=none", "-o", "BatchMode=yes"]
PLAYBOOK = Path(__file__).parents[1] / "proof.yml"
# All that a change of sshd may touch, and what sshd does with it.
SNAPSHOT = r"""
find /etc/ssh /etc/systemd/system /etc/cron.d -printf '%p %m %u:%g %l\n' | sort
find /etc/ssh -type f -exec sha256sum {} + | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
sshd -T -C user=deploy,host=x,addr=192.0.2.1
"""
GROUND = """
command -v sudo >/dev/null && test -e /usr/share/i18n/locales/de_DE ||
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo locales; } >/dev/null 2>&1
locale -a | grep -q de_DE.utf8 || localedef -i de_DE -f UTF-8 de_DE.UTF-8
id deploy >/dev/null 2>&1 || useradd -m -s /bin/bash -p '*' deploy
install -d -m 0700 -o deploy -g deploy /home/deploy/.ssh
install -m 0600 -o deploy -g deploy /root/.ssh/authorized_keys /home/deploy/.ssh/authorized_keys
cp -n /etc/ssh/sshd_config /etc/pam.d/sudo /root/
"""
# Reverts what the tests do to a host.
HONEST = r"""
rm -f /usr/lib/python3/dist-packages/pyhost_lie* /root/lie.json /etc/ssh/sshd_config.d/* /etc/sudoers.d/deploy
rm -rf /etc/systemd/system/ssh.service.d
cp /root/sshd_config /etc/ssh/sshd_config
cp /root/sudo /etc/pam.d/sudo
chown root:root /usr/bin/sudo
chmod 4755 /usr/bin/sudo
usermod -p '*' deploy
sed -i '/^LC_ALL=/d' /etc/environment
systemctl daemon-reload
systemctl restart ssh
"""
ALL = "deploy ALL=(ALL:ALL) NOPASSWD: ALL"
# Python on the host answers what the test wants: what /root/lie.json holds is laid over the module's own answer.
LIAR = r"""
import json

honest = json.dumps


def lying(value, *arguments, **options):
    if isinstance(value, dict) and "changed" in value and "invocation" in value:
        with open("/root/lie.json") as file:
            lie = json.load(file)
        # Only the two halves of a confirmed change answer with "confirmation"; the second has reloaded sshd.
        phase = ("apply" if value.get("reloaded") else "plan") if "confirmation" in value else ""
        if phase == lie["phase"]:
            value = laid_over(value, lie["answer"])
    return honest(value, *arguments, **options)


def laid_over(value, lie):
    if not isinstance(lie, dict) or not isinstance(value, dict):
        return lie
    return dict(value, **{name: laid_over(value.get(name), entry) for name, entry in lie.items()})


json.dumps = lying
"""


def laid(path: str, text: str, mode: str = "0644") -> str:
    """Return the script that lays ``text`` at ``path``."""
    coded = base64.b64encode(text.encode()).decode()
    return f"mkdir -p {Path(path).parent}; echo {coded} | base64 -d >{path}; chmod {mode} {path}\n"


def lying(answer: t.Any, *, phase: str = "plan") -> str:
    """Return the script after which the host answers ``answer`` in ``phase``, in place of what the module says."""
    return (
        laid("/root/lie.json", json.dumps({"phase": phase, "answer": answer}))
        + laid("/usr/lib/python3/dist-packages/pyhost_lie.py", LIAR)
        + laid("/usr/lib/python3/dist-packages/pyhost_lie.pth", "import pyhost_lie\n")
    )


def ruled(*lines: str) -> str:
    """Return the script after which these are deploy's rules of sudo."""
    return laid("/etc/sudoers.d/deploy", "".join(f"{line}\n" for line in lines), "0440") + "visudo -cq\n"


class Pair:
    """Both hosts at once. Each test begins with honest ones, which it spoils by a script of its own."""

    def __init__(self, attacked: dict[str, Attacked]) -> None:
        self.hosts = {name: attacked[name] for name in HOSTS}
        self.before: dict[str, str] = {}

    def run(self, *scripts: str) -> dict[str, str]:
        """Run a script on both hosts, or one for each; return what they print."""
        each = dict(zip(HOSTS, scripts if len(scripts) == len(HOSTS) else scripts * len(HOSTS), strict=True))
        with ThreadPoolExecutor() as pool:
            answers = dict(zip(HOSTS, pool.map(lambda name: self.hosts[name].status(each[name]), HOSTS), strict=True))
        failed = {name: printed[-500:] for name, (status, printed) in answers.items() if status}
        assert not failed, failed
        return {name: printed for name, (_status, printed) in answers.items()}

    def spoil(self, *scripts: str) -> None:
        honest = HONEST + ruled(ALL)
        self.before = self.run(*(f"{{ {honest}{script}\n}} >/dev/null 2>&1\n{SNAPSHOT}" for script in scripts))

    def change(self, **variables: t.Any) -> dict[str, Result]:
        """Shut root out on both hosts, unless the test says otherwise; return each host's result."""
        given = {
            "guard_users": ["deploy"],
            "settings": {"PermitRootLogin": False},
            **variables,
        }
        return {host: tasks["Change sshd"] for host, tasks in play(FLEET, PLAYBOOK, given, user="root").items()}

    def refused(self, **variables: t.Any) -> list[str]:
        """Change sshd; assert that it is as it was, that root still gets in, and return the message of each host."""
        results = self.change(**variables)
        assert set(results) == set(HOSTS)
        for result in results.values():
            assert result.get("failed") and not result["changed"], result.get("warnings")
        assert self.run(SNAPSHOT) == self.before
        for name in HOSTS:
            subprocess.run([*SSH, f"root@{name}", "true"], check=True, timeout=20, stdin=subprocess.DEVNULL)
        return [results[name]["msg"] for name in HOSTS]


@pytest.fixture(scope="module")
def pair(attacked: dict[str, Attacked]) -> Pair:
    found = Pair(attacked)
    found.run(GROUND)
    return found


def test_a_host_runs_nothing_on_the_controller(pair: Pair, tmp_path: Path) -> None:
    """An option's name from the host goes to the client of the login: one of them runs a command here."""
    without = {"ProxyCommand": [f"$(touch {tmp_path}/ran)"]}
    pair.spoil(lying({"confirmation": {"preflight": {"without": without, "keys": ["ssh-ed25519 256 SHA256:a"]}}}))
    messages = pair.refused()
    assert list(tmp_path.iterdir()) == []
    for said in messages:
        assert "confirmation.preflight.without.ProxyCommand" in said and "this task changed nothing" in said


@pytest.mark.parametrize(
    ("lies", "named"),
    [
        pytest.param(
            ({"confirmation": {"users": ["mallory"]}}, {"ports": [2200]}),
            ("confirmation.users", "nor a port of the task"),
            id="whom and where to log in as",
        ),
        pytest.param(
            ({"ansible_facts": ["x"]}, {"confirmation": {"server_port": "22 -oProxyCommand=x"}}),
            ("ansible_facts", "confirmation.server_port"),
            id="types",
        ),
    ],
)
def test_a_lie_is_refused_by_its_name(pair: Pair, lies: tuple[Result, Result], named: tuple[str, str]) -> None:
    pair.spoil(*map(lying, lies))
    for said, name in zip(pair.refused(), named, strict=True):
        assert name in said


def test_a_host_that_prints_without_an_end_is_left(pair: Pair) -> None:
    """It looks like a host whose admin cannot log in, so the user of the connection has to prove the change."""
    flood = "Match User deploy\n  ForceCommand cat /dev/zero\n"
    pair.spoil(laid("/etc/ssh/sshd_config.d/50-flood.conf", flood) + "systemctl restart ssh")
    for said in pair.refused():
        assert "sent more than 1024 KiB, so the connection was closed" in said


@pytest.mark.parametrize(
    ("spoils", "message"),
    [
        pytest.param(
            ("chmod u-s /usr/bin/sudo", "chown deploy /usr/bin/sudo && chmod 4755 /usr/bin/sudo"),
            "without root's setuid bit",
            id="no setuid bit",
        ),
        pytest.param(
            (ruled("deploy ALL=(ALL, !root) NOPASSWD: ALL"), ruled("deploy ALL=(ALL, !#0) NOPASSWD: ALL")),
            "sudo does not let deploy run every command as root",
            id="all but root",
        ),
        pytest.param(
            (ruled("deploy ALL=(www-data) NOPASSWD: ALL"), ruled("deploy ALL=(ALL, !%root) NOPASSWD: ALL")),
            "sudo does not let deploy run every command as root",
            id="somebody else",
        ),
        # No look at files shows these: the new login meets them.
        pytest.param(
            ("echo 'account required pam_succeed_if.so quiet user = root' >/etc/pam.d/sudo",) * 2,
            "a new login as deploy@",
            id="PAM",
        ),
    ],
)
def test_a_sudo_that_does_not_make_root_stops_the_change(pair: Pair, spoils: tuple[str, str], message: str) -> None:
    pair.spoil(*spoils)
    for said in pair.refused():
        assert message in said
        assert "this task changed nothing" in said


def test_a_sudo_that_breaks_during_the_change_takes_it_back(pair: Pair) -> None:
    pair.spoil(
        laid("/etc/systemd/system/ssh.service.d/evil.conf", "[Service]\nExecReload=/bin/chmod u-s /usr/bin/sudo\n")
        + "systemctl daemon-reload"
    )
    for said in pair.refused():
        assert "setuid bit" in said and "the host rolled the change back at once" in said


GERMAN = r"""
sed -i '/^AcceptEnv/d' /etc/ssh/sshd_config
echo LC_ALL=de_DE.UTF-8 >>/etc/environment
usermod -p "$(openssl passwd -6 geheim 2>/dev/null || echo '$y$j9T$x')" deploy
systemctl restart ssh
"""


def test_a_german_sudo_that_asks_for_a_password(pair: Pair) -> None:
    """A password that the play does not have: only the login is verified, and a warning says so."""
    pair.spoil(GERMAN + ruled("deploy ALL=(ALL:ALL) ALL"))
    asked = pair.run("su deploy -c 'LC_ALL=de_DE.UTF-8 sudo -n true' 2>&1 || true")
    assert all("Passwort" in words for words in asked.values()), asked
    for result in pair.change().values():
        assert result["changed"], result["msg"]
        assert result["confirmed_by"]["sudo"] is False
        assert any("only the login of deploy is verified" in words for words in result["warnings"])
    assert all("permitrootlogin no" in words for words in pair.run(SNAPSHOT).values())


RULES = (
    "(ALL:ALL) NOPASSWD: ALL",
    "NOPASSWD: ALL",
    "(root) NOPASSWD: ALL",
    "(#0) NOPASSWD: ALL",
    "(www-data) NOPASSWD: ALL",
    "(www-data, root) NOPASSWD: ALL",
    "(root, www-data) NOPASSWD: ALL",
    "(ALL, !root) NOPASSWD: ALL",
    "(ALL, !#0) NOPASSWD: ALL",
    "(root, !root) NOPASSWD: ALL",
    "(!root, root) NOPASSWD: ALL",
    "(!root, ALL) NOPASSWD: ALL",
    "(ALL, !www-data) NOPASSWD: ALL",
    "(%root) NOPASSWD: ALL",
    "(%#0) NOPASSWD: ALL",
    "(%www-data) NOPASSWD: ALL",
    "(ALL, !%root) NOPASSWD: ALL",
    "(ALL, !%www-data) NOPASSWD: ALL",
    "(ROOTS) NOPASSWD: ALL",
    "(OTHERS) NOPASSWD: ALL",
    "(ALL, !ROOTS) NOPASSWD: ALL",
    "(ALL, !OTHERS) NOPASSWD: ALL",
    "(:root) NOPASSWD: ALL",
    "(www-data:root) NOPASSWD: ALL",
    "(ALL) NOPASSWD: ALL, !/bin/sh, !/usr/bin/sh",
    "(ALL) NOPASSWD: ALL, !SHELLS",
    "(ALL) NOPASSWD: ALL, !/usr/bin/su",
    "(ALL) NOPASSWD: ALL, !/bin/, !/usr/bin/",
    "(ALL) NOPASSWD: NOEXEC: ALL",
    "(ALL) NOPASSWD: " + ", ".join(f"/usr/bin/program-{number:02}" for number in range(40)) + ", ALL",
    "(ALL) NOPASSWD: ALL\ndeploy ALL=(ALL, !root) !ALL",
    "(ALL, !root) NOPASSWD: ALL\ndeploy ALL=(root) NOPASSWD: ALL",
)
ALIASES = "Runas_Alias ROOTS = root\nRunas_Alias OTHERS = www-data, daemon\nCmnd_Alias SHELLS = /bin/sh, /usr/bin/sh\n"


def test_what_sudo_lists_is_read_as_sudo_acts(pair: Pair) -> None:
    """The guard's reading of ``sudo -l`` and a real sudo agree about every rule."""
    as_deploy = "setpriv --reuid deploy --regid deploy --init-groups"
    script = "{ " + HONEST + "} >/dev/null 2>&1\n"
    for rule in RULES:
        script += laid("/etc/sudoers.d/deploy", f"{ALIASES}deploy ALL={rule}\n", "0440")
        # A shell under NOEXEC starts, and runs nothing.
        script += f"{as_deploy} sudo -n -u root sh -c 'env id -u' 2>/dev/null || true; echo =listed\n"
        script += "sudo -n -l -U deploy; echo =next\n"
    for name, printed in pair.run(script).items():
        for rule, part in zip(RULES, printed.split("=next\n"), strict=False):
            acts, listed = part.split("=listed\n")
            rules = listed.rpartition("may run the following commands")[2]
            assert rights(rules)[0] == (acts.strip() == "0"), (name, rule, acts, listed)
