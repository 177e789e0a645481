"""The socket unit of a host, over outputs of systemctl; test_socket.py beside ``host`` has what is in the files."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.service import Unit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import socket as sockets
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit, find_socket_unit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import SocketStreams
from tests.unit.fake_host import NOW, Clock, FakeHost

UNIT = "/usr/lib/systemd/system/ssh.socket"
FOLDER = "/etc/systemd/system/ssh.socket.d"
OURS = f"{FOLDER}/zz-pyhost-baseline.conf"
GENERATOR = "/usr/lib/systemd/system-generators/sshd-socket-generator"
BOTH = frozenset({("0.0.0.0", 22), ("::", 22)})


def unit(name: str = "ssh.socket", *, active: str = "active", file: str = "enabled", **properties: str) -> Unit:
    values = {
        "Accept": "no",
        "ActiveEnterTimestampMonotonic": "5000000",
        "BindIPv6Only": "both",
        "DropInPaths": OURS,
        "FragmentPath": UNIT,
        "Listen": "[::]:22 (Stream)",
        **properties,
    }
    sub = "listening" if active == "active" else "dead"
    return Unit(
        name=name,
        load="loaded",
        active=active,
        sub=sub,
        file_state=file,
        result="success",
        main_pid=0,
        needs_daemon_reload=False,
        properties=tuple(values.items()),
    )


def find(units: list[Unit], files: dict[str, str] | None = None) -> SocketUnit | None:
    return find_socket_unit(t.cast(t.Any, FakeHost({UNIT: "[Socket]\n", OURS: "ours", **(files or {})})), units)


def test_a_unit_that_listens() -> None:
    found = find([unit()])
    assert found
    assert (found.name, found.active, found.accept, found.follows_config) == ("ssh.socket", True, False, False)
    assert found.loaded == SocketStreams(BOTH)
    assert list(found.files.items()) == [(UNIT, "[Socket]\n"), (OURS, "ours")]
    assert (found.path, found.text) == (OURS, "ours")


@pytest.mark.parametrize(
    ("units", "name"),
    [
        pytest.param([unit(active="inactive", file="disabled")], "", id="none that listens or will"),
        pytest.param([unit(active="inactive")], "ssh.socket", id="one at the next boot"),
        pytest.param([unit(active="inactive"), unit("sshd.socket")], "sshd.socket", id="the one that listens now"),
        pytest.param([unit(file="disabled")], "ssh.socket", id="one until the next boot"),
    ],
)
def test_which_unit(units: list[Unit], name: str) -> None:
    found = find(units)
    assert (found.name if found else "") == name


def test_accept_and_a_generator() -> None:
    found = find([unit(Accept="yes", DropInPaths="")], {GENERATOR: ""})
    assert found and found.accept and found.follows_config
    assert list(found.files) == [UNIT]
    assert found.text is None


def test_a_generator_makes_the_unit_listen_where_the_files_say() -> None:
    found = find([unit()], {GENERATOR: ""})
    assert found
    moved = frozenset({("0.0.0.0", 2222)})
    assert found.desired_dropin(moved, has_ports=True) is None
    assert found.listens_with(None, moved) == moved


@pytest.mark.parametrize(
    ("changed", "listens", "folder", "expected"),
    [
        pytest.param({}, BOTH, None, False, id="as the files say"),
        pytest.param({}, {("0.0.0.0", 2222)}, None, True, id="elsewhere"),
        pytest.param({"active": False}, {("0.0.0.0", 2222)}, None, False, id="it does not listen yet"),
        pytest.param({"needs_daemon_reload": True}, BOTH, None, True, id="systemd has not read its files"),
        pytest.param({"since": NOW - 100.0}, BOTH, NOW - 50, True, id="started before our drop-in changed"),
        pytest.param({"since": NOW - 100.0}, BOTH, NOW - 200, False, id="started after it changed"),
        pytest.param({"since": NOW - 100.0}, BOTH, NOW + 50, False, id="a change in the future is a wrong clock"),
    ],
)
def test_is_stale(
    changed: dict[str, t.Any],
    listens: t.Collection[tuple[str, int]],
    folder: int | None,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "time", Clock())
    values: dict[str, t.Any] = {
        "name": "ssh.socket",
        "active": True,
        "accept": False,
        "follows_config": False,
        "needs_daemon_reload": False,
        "since": NOW - 10.0,
        "loaded": SocketStreams(BOTH),
        "files": {},
        **changed,
    }
    host = FakeHost(mtimes={FOLDER: folder} if folder else {})
    assert SocketUnit(**values).is_stale(t.cast(t.Any, host), listens) is expected
