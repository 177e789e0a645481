"""Processes, with /proc and, on FreeBSD, by ps."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import PROCESSES
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import process as processes
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD
from tests.unit.fake_host import Expected, FakeHost


@pytest.fixture
def _no_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)


def ps(out: str) -> Expected:
    return Expected(["ps", "-o", "etimes=", "-p", "812"], rc=0 if out else 1, out=out)


def test_linux_is_asked_by_proc() -> None:
    host = FakeHost({"/proc/812/cmdline": "sshd: x\0"}, mtimes={"/proc/812": 1000})
    assert processes.alive(host, 812) and not processes.alive(host, 813)  # type: ignore[arg-type]  # a stand-in
    assert processes.started(host, 812) == 1000  # type: ignore[arg-type]  # a stand-in
    assert processes.title(host, 812) == "sshd: x\0"  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize(("out", "lives"), [("  3600\n", True), ("", False)])
def test_freebsd_is_asked_by_ps(out: str, lives: bool) -> None:
    host = FakeHost(commands=[ps(out), ps(out)], platform=FREEBSD)
    assert processes.alive(host, 812) is lives  # type: ignore[arg-type]  # a stand-in
    began = processes.started(host, 812)  # type: ignore[arg-type]  # a stand-in
    assert began == pytest.approx(time.time() - 3600, abs=5) if lives else began == 0.0
    host.done()


def test_no_process_is_not_asked_about() -> None:
    assert not processes.alive(FakeHost(platform=FREEBSD), 0)  # type: ignore[arg-type]  # a stand-in


@pytest.mark.usefixtures("_no_own_variable")
def test_the_connection_is_looked_for_among_the_ancestors() -> None:
    out = f"    5     1 SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22 sudo\n{os.getpid()}     5 python3.11 module.py\n"
    host = FakeHost(commands=[Expected(list(PROCESSES), out=out)], platform=FREEBSD)
    assert processes.own_ssh_connection(host) == "192.0.2.7 50000 192.0.2.1 22"  # type: ignore[arg-type]  # a stand-in


def test_an_own_variable_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 1 192.0.2.1 22")
    assert processes.own_ssh_connection(FakeHost(platform=FREEBSD)) == "192.0.2.7 1 192.0.2.1 22"  # type: ignore[arg-type]  # a stand-in
