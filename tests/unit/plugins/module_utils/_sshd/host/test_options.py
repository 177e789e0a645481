"""Options of sshd's command line against a wish; what sshd answers with them is asked of real hosts by Molecule."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.daemon import SshdDaemon
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.options import require_files_decide
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import Sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from tests.unit.fake_host import Expected, FakeHost

MAIN = "/etc/ssh/sshd_config"
ROOT = Connection("root", address="192.0.2.7")
DAEMON = SshdDaemon("ssh.service", "", 56, 0.0, "active")
SHOW = ["systemctl", "show", "--property", "ExecStart,Environment,EnvironmentFiles", "ssh.service"]
QUESTION = ["/usr/sbin/sshd", "-T", "-f", MAIN, "-C", "user=root,host=192.0.2.7,addr=192.0.2.7"]
OPEN = ["-o", "PasswordAuthentication=yes"]


def shown(command: str) -> Expected:
    """Debian 12's unit, as systemctl shows it."""
    start = f"ExecStart={{ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd {command} ; ignore_errors=no ; pid=0 }}\n"
    return Expected(SHOW, out=f"{start}Environment=\nEnvironmentFiles=/etc/default/ssh (ignore_errors=yes)\n")


def ask(host: FakeHost) -> None:
    desired = build_settings({"PasswordAuthentication": "no"}, [])
    sshd = Sshd(host, "/usr/sbin/sshd", MAIN)  # type: ignore[arg-type]  # the fake stands in for the host
    require_files_decide(sshd, DAEMON, desired, {ROOT: {"passwordauthentication": ("no",)}}, root="")
    host.done()


def title(options: str = "") -> dict[str, str]:
    return {"/proc/56/cmdline": f"sshd: /usr/sbin/sshd -D{options} [listener] 0 of 10-100 startups\0"}


@pytest.mark.parametrize(
    ("options", "answers"),
    [
        pytest.param("", [], id="no options"),
        pytest.param(
            " -o PasswordAuthentication=no",
            [Expected([*QUESTION, "-o", "PasswordAuthentication=no"], out="passwordauthentication no\n")],
            id="options that agree",
        ),
    ],
)
def test_harmless_options_pass(options: str, answers: list[Expected]) -> None:
    ask(FakeHost(title(options), [shown("-D $SSHD_OPTS"), *answers]))


@pytest.mark.parametrize(
    ("command", "files", "answers", "expected"),
    [
        pytest.param(
            "-D $SSHD_OPTS",
            {"/etc/default/ssh": 'SSHD_OPTS="-o PasswordAuthentication=yes"\n', **title()},
            [Expected([*QUESTION, *OPEN], out="passwordauthentication yes\n")],
            "not in effect: PasswordAuthentication is yes (requested: no), because ssh.service starts sshd with "
            "`-o PasswordAuthentication=yes`, which overrides all files; this task changed nothing; remove that (see "
            "the ExecStart of ssh.service and /etc/default/ssh), and restart ssh.service",
            id="at the next start",
        ),
        pytest.param(
            "-D $SSHD_OPTS",
            title(" -o PasswordAuthentication=yes"),
            [Expected([*QUESTION, *OPEN], out="passwordauthentication yes\n")],
            "not in effect: PasswordAuthentication is yes (requested: no), because sshd was started with "
            "`-o PasswordAuthentication=yes`, which overrides all files; this task changed nothing; restart "
            "ssh.service once it is started without that",
            id="now",
        ),
        pytest.param(
            "-D -f /etc/ssh/other",
            title(" -f /etc/ssh/other"),
            [],
            "path: ssh.service starts sshd with `-f /etc/ssh/other`, so that /etc/ssh/sshd_config has no effect; "
            "this task changed nothing; remove that (see the ExecStart of ssh.service and /etc/default/ssh), and "
            "restart ssh.service",
            id="another main file",
        ),
    ],
)
def test_options_that_override_the_files(
    command: str, files: dict[str, str], answers: list[Expected], expected: str
) -> None:
    with pytest.raises(BaselineError) as caught:
        ask(FakeHost(files, [shown(command), *answers]))
    assert str(caught.value) == expected
