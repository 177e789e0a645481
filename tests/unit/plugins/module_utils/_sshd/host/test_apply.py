"""The writes of a change: order, modes and owners. Its steps and failures are in test_change.py."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import apply
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.keys import GeneratedKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.move import PortMove
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host_keys import HostKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import managed_files
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import SocketStreams
from tests.unit.disk_host import DiskHost
from tests.unit.linux_sshd import Linux, sshd_t


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def write(tmp_path: Path, changes: dict[str, str | None], access: dict[str, tuple[int, int, int]]) -> DiskHost:
    host = DiskHost(tmp_path)
    files = managed_files(f"{tmp_path}/sshd_config", "00.conf")
    apply._write(host, files, changes, access)  # type: ignore[arg-type]  # a stand-in
    return host


def test_a_file_is_there_before_the_main_file_includes_it(tmp_path: Path) -> None:
    main, beside = f"{tmp_path}/sshd_config", f"{tmp_path}/00.conf"
    Path(main).write_text("UsePAM yes\n")
    host = write(tmp_path, {main: "Include 00.conf\n", beside: "Port 22\n"}, {})
    assert host.journal == ["write /00.conf", "write /sshd_config"]


def test_a_file_goes_after_the_main_file_includes_it_no_more(tmp_path: Path) -> None:
    main, beside = f"{tmp_path}/sshd_config", f"{tmp_path}/00.conf"
    Path(beside).write_text("Port 22\n")
    host = write(tmp_path, {beside: None, main: "UsePAM yes\n"}, {})
    assert host.journal == ["write /sshd_config", "remove /00.conf"]


def test_the_files_of_sshd_are_roots_alone_and_a_unit_is_not(tmp_path: Path) -> None:
    main, dropin, beside, unit = (
        f"{tmp_path}/{name}" for name in ("sshd_config", "sshd_config.d/00.conf", "00.conf", "units/x.conf")
    )
    host = write(tmp_path, dict.fromkeys([main, dropin, beside, unit], "x\n"), {})
    assert [host.modes[path] for path in (main, dropin, beside, unit)] == [0o600, 0o600, 0o600, 0o644]


def test_a_new_host_key_belongs_to_whom_its_neighbours_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owned: list[t.Any] = []
    monkeypatch.setattr(os, "chown", lambda *given: owned.append(given))
    key, old = f"{tmp_path}/ssh_host_rsa_key", f"{tmp_path}/ssh_host_ed25519_key"
    Path(old).write_text("old")
    Path(old).chmod(0o600)
    host = write(tmp_path, {key: "new", old: "new"}, {key: (0, 998, 0o640), old: (0, 998, 0o640)})
    # It is root's alone until it has its owner.
    assert host.modes[key] == 0o600
    assert owned == [(key, 0, 998)]
    assert [os.stat(path).st_mode & 0o777 for path in (key, old)] == [0o640, 0o600]


LISTEN = frozenset({("0.0.0.0", 22)})
UNIT = SocketUnit("ssh.socket", True, False, False, False, 0.0, SocketStreams(LISTEN), {})


@pytest.mark.parametrize(
    ("is_move", "unit", "is_written", "restarts"),
    [
        pytest.param(True, None, False, True, id="a move"),
        pytest.param(False, None, True, False, id="no socket unit"),
        pytest.param(False, UNIT, True, True, id="its drop-in is written"),
        pytest.param(False, replace(UNIT, needs_daemon_reload=True), False, True, id="it is stale"),
        pytest.param(False, UNIT, False, False, id="nothing of it changes"),
    ],
)
def test_when_a_socket_unit_is_started_anew(
    linux: Linux, is_move: bool, unit: SocketUnit | None, is_written: bool, restarts: bool
) -> None:
    before = frozenset({("0.0.0.0", 2222)}) if is_move else LISTEN
    path = "/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf"
    plan: t.Any = type("Plan", (), {})()
    plan.move = PortMove(before, LISTEN)
    plan.daemon = type("Daemon", (), {"socket_unit": unit})()
    plan.written = type("Written", (), {"changes": {path: ""} if is_written else {}})()
    assert apply._restarts_socket(linux.host, plan) is restarts  # type: ignore[arg-type]  # a stand-in


def test_new_host_keys_are_covered_by_the_rollback(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    key = f"{linux.root}/etc/ssh/ssh_host_ed25519_key"
    made = GeneratedKey(
        HostKey(key, "ssh-ed25519", 256, "SHA256:a"), {key: None}, {key: "secret"}, {key: (0, 0, 0o600)}
    )

    def generate(_host: object, _needed: object, *, beside: list[str]) -> list[GeneratedKey]:
        linux.host.journal.append("make keys")
        return [made]

    monkeypatch.setattr(apply, "generate_host_keys", generate)
    monkeypatch.setattr(os, "chown", lambda *_given: None)
    linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.armed(),
        linux.reloaded(),
        linux.asked(sshd_t()),
    )
    assert linux.host.journal.index("make keys") < linux.host.journal.index("write /etc/ssh/ssh_host_ed25519_key")
    assert f"    remove {key}\n" in Path(linux.paths.script).read_text()
    assert Path(key).read_text() == "secret"


@pytest.mark.parametrize("is_error", [True, False])
def test_the_parts_of_an_error_stay_apart(is_error: bool) -> None:
    given: t.Any = apply.BaselineError("no", option="settings", where="/x:1", hint="try", culprits=["/x:1"])
    found = apply._with_state(apply.BaselineError, given if is_error else OSError(28, "full"), "reverted", hint="look")
    assert found.state == "reverted"
    if is_error:
        assert (found.problem, found.option, found.where, found.hint) == ("no", "settings", "/x:1", "look; try")
        assert found.details == {"culprits": ["/x:1"]}
    else:
        assert (found.problem, found.hint) == ("[Errno 28] full", "look")
