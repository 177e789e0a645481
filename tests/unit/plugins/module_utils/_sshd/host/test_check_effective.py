"""What sshd is asked about a candidate; the command line is in test_sshd.py, the comparison in test_effective.py."""

from __future__ import annotations

from dataclasses import replace
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
from tests.unit.fake_host import Expected
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
    # What does not depend on it is checked too.
    others = [linux.units(), linux.start(), linux.asked(sshd_t(password="yes"))]
    answers = [linux.staged(sshd_t(password="yes")), linux.staged(sshd_t(password="no"))]
    error = linux.fail(linux.version(), *answers, *others)
    assert error.problem.startswith(
        f"not in effect: PasswordAuthentication is yes (requested: no) for {WHO} because of {other}:1"
    )
    assert f"; {UNCHANGED}; " in str(error)
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


VERA = "user=vera,host=198.51.100.1,addr=198.51.100.1,laddr=192.0.2.1,lport=22,invalid-user"
BLOCK = "Match User vera Address 198.51.100.0/24\n    PasswordAuthentication yes\n"


def blocked(linux: Linux) -> str:
    other = f"{linux.root}/etc/ssh/sshd_config.d/50-other.conf"
    Path(other).write_text(BLOCK)
    linux.host.mtimes[other] = 1000
    linux.host.check_mode = True
    return other


def of_vera(linux: Linux, out: str) -> Expected:
    one = linux.staged(out)
    return replace(one, argv=[*one.argv[:-1], VERA])


def answers_about_vera(linux: Linux, password: str) -> list[Expected]:
    """What sshd says for root and for a connection that satisfies the block, with the line and without it."""
    actual = [linux.staged(sshd_t()), of_vera(linux, sshd_t(password=password))]
    expected = [linux.staged(sshd_t()), of_vera(linux, sshd_t())]
    others = [linux.units(), linux.start(), linux.asked(sshd_t(password="yes"))]
    return [linux.version(), *actual, *expected, *others]


def test_a_block_for_a_connection_that_nobody_asked_about_is_refused(linux: Linux) -> None:
    other = blocked(linux)
    error = linux.fail(*answers_about_vera(linux, "yes"), request=linux.request(""))
    assert error.option == "match_conflicts"
    assert error.problem == (
        f"Match blocks of other files decide otherwise than requested: {other}:2 sets PasswordAuthentication yes "
        "(requested: no) for connections that match user vera address 198.51.100.0/24"
    )
    assert linux.host.written == []


def test_a_block_that_is_kept_is_reported(linux: Linux) -> None:
    other = blocked(linux)
    done = linux.play(*answers_about_vera(linux, "yes"), request=linux.request("", match_conflicts="keep"))
    conflict = {
        "keyword": "PasswordAuthentication",
        "value": "yes",
        "file": other,
        "line": 2,
        "criteria": "user vera address 198.51.100.0/24",
    }
    assert (done["exceptions"], done["shadowed"]) == ([conflict], [])
    assert done["warnings"] == [
        f"{other}:2 sets PasswordAuthentication yes (requested: no) for connections that match user vera address "
        "198.51.100.0/24"
    ]
    assert "Match" not in done["diff"][0]["after"]
    assert [(who.partition(",")[0], values) for who, values in done["effective"].items()] == [
        ("user=root", {"passwordauthentication": "no"}),
        ("user=vera", {"passwordauthentication": "yes"}),
    ]


def test_a_block_is_overridden_and_sshd_proves_it(linux: Linux) -> None:
    other = blocked(linux)
    done = linux.play(*answers_about_vera(linux, "no"), request=linux.request("", match_conflicts="override"))
    assert done["diff"][0]["after"].endswith("\nMatch All\n    PasswordAuthentication no\n")
    assert (done["exceptions"], done["warnings"]) == ([], [])
    assert [(one["file"], one["line"], one["criteria"]) for one in done["shadowed"]] == [
        (other, 2, "user vera address 198.51.100.0/24")
    ]
    assert [values["passwordauthentication"] for values in done["effective"].values()] == ["no", "no"]


def test_a_block_that_sshd_does_not_let_override_is_an_error(linux: Linux) -> None:
    """Whatever the model says: sshd's answer decides."""
    other = blocked(linux)
    error = linux.fail(*answers_about_vera(linux, "yes"), request=linux.request("", match_conflicts="override"))
    assert error.problem.startswith("not in effect: PasswordAuthentication is yes (requested: no) for user=vera,")
    assert error.details == {"culprits": [f"{other}:2"]}


def test_a_block_that_is_read_first_cannot_be_overridden(linux: Linux) -> None:
    first = Path(blocked(linux)).rename(f"{linux.root}/etc/ssh/sshd_config.d/00-0.conf")
    error = linux.fail(*answers_about_vera(linux, "yes"), request=linux.request("", match_conflicts="override"))
    assert error.problem.startswith(f"Match blocks of other files cannot be overridden: {first}:2 sets")
    assert error.problem.endswith("(it is read before the requested settings)")


def test_a_block_of_the_user_of_the_run_can_be_kept(linux: Linux) -> None:
    """It was an error where one of the connections that are asked about met the block."""
    other = f"{linux.root}/etc/ssh/sshd_config.d/50-other.conf"
    Path(other).write_text("Match User root\nPasswordAuthentication yes\n")
    linux.host.mtimes[other] = 1000
    linux.host.check_mode = True
    commands = [linux.version(), linux.staged(sshd_t(password="yes")), linux.staged(sshd_t())]
    others = [linux.units(), linux.start(), linux.asked(sshd_t(password="yes"))]
    done = linux.play(*commands, *others, request=linux.request("", match_conflicts="keep"))
    assert [one["file"] for one in done["exceptions"]] == [other]


def test_files_that_sshd_rejects_now_come_to_nothing(linux: Linux) -> None:
    linux.host.commands = [linux.asked("", rc=255, err="Bad configuration option\n"), linux.asked("port 22\n")]
    sshd = Sshd(linux.host, PROGRAM, linux.main)  # type: ignore[arg-type]  # a stand-in
    root = Connection("root", address="192.0.2.7", local_address="192.0.2.1", local_port="22")
    assert effective_now(sshd, root) == {}
    assert effective_now(sshd, root) == {"port": ("22",)}
