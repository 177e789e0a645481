"""What sshd is asked about a candidate; the command line is in test_sshd.py, the comparison in test_effective.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.check_effective import (
    EffectiveAnswers,
    effective_now,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import Sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from tests.unit.linux_sshd import PROGRAM, WHO, Linux, sshd_t

ROOT = Connection("root", address="192.0.2.7")
OTHER = Connection("deploy", address="192.0.2.7")


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def test_the_connection_of_the_run_comes_first() -> None:
    answers = EffectiveAnswers({}, {ROOT: {"pidfile": ("/run/sshd.pid",)}, OTHER: {}})
    assert (answers.incoming, answers.pid_file) == (ROOT, "/run/sshd.pid")
    assert EffectiveAnswers({}, {OTHER: {}}).pid_file == "none"


def test_a_directive_of_another_file_is_left_out_to_see_what_is_expected(linux: Linux) -> None:
    """The settings in sshd's own spelling: "no" may be printed as another word."""
    other = f"{linux.root}/etc/ssh/sshd_config.d/50-cloud-init.conf"
    Path(other).write_text("PasswordAuthentication yes\n")
    error = linux.fail(linux.version(), linux.staged(sshd_t(password="yes")), linux.staged(sshd_t(password="no")))
    assert error.problem.startswith(
        f"not in effect: PasswordAuthentication is yes (requested: no) for {WHO} because of {other}:1"
    )
    assert error.state == UNCHANGED
    assert error.details == {"culprits": [f"{other}:1"]}
    # The copy that was asked last has the line no more.
    assert linux.host.laid_out[f"{linux.host.scratch()}{other}"] == "#\n"
    assert linux.host.written == []


def test_a_directive_of_another_file_that_is_shadowed_is_no_error(linux: Linux) -> None:
    other = f"{linux.root}/etc/ssh/sshd_config.d/50-cloud-init.conf"
    Path(other).write_text("PasswordAuthentication yes\n")
    linux.host.mtimes[other] = 1000
    linux.host.check_mode = True
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        request=linux.request(""),
    )
    assert done["shadowed"] == [{"keyword": "PasswordAuthentication", "value": "yes", "file": other, "line": 1}]


def test_a_block_that_no_account_fits_is_a_warning(linux: Linux) -> None:
    match = [{"criteria": {"user": "!*"}, "settings": {"MaxSessions": 1}}]
    linux.host.check_mode = True
    request = linux.request("", desired=build_settings(linux.settings, match))
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        request=request,
    )
    assert done["warnings"] == ["no account fits the block 'Match user !*', so sshd was not asked about it"]


def test_files_that_sshd_rejects_now_come_to_nothing(linux: Linux) -> None:
    linux.host.commands = [linux.asked("", rc=255, err="Bad configuration option\n"), linux.asked("port 22\n")]
    sshd = Sshd(linux.host, PROGRAM, linux.main)  # type: ignore[arg-type]  # a stand-in
    root = Connection("root", address="192.0.2.7", local_address="192.0.2.1", local_port="22")
    assert effective_now(sshd, root) == {}
    assert effective_now(sshd, root) == {"port": ("22",)}
