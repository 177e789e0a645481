"""The warnings before a move, and the holders of a port after it."""

from __future__ import annotations

import types
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import move as moves
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.daemon import SshdDaemon
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.socket import SocketUnit
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import FilesPlan
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import PortHolder
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.socket import SocketStreams
from tests.unit.fake_host import FakeHost

FIRST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def move(before: int, after: int) -> moves.PortMove:
    return moves.PortMove(frozenset({("0.0.0.0", before)}), frozenset({("0.0.0.0", after)}))


@pytest.mark.parametrize(
    ("before", "after", "first", "warned"),
    [
        pytest.param(22, 2222, "1024", True, id="to a port for everybody"),
        pytest.param(2222, 2222, "1024", False, id="it is there already"),
        pytest.param(22, 222, "1024", False, id="to a port of root's"),
        pytest.param(22, 222, "100", True, id="the host says where they begin"),
        pytest.param(22, 222, "0", False, id="every port is for everybody"),
        pytest.param(22, 1024, "1024", True, id="to the first for everybody"),
        pytest.param(22, 1023, "1024", False, id="to the last of root's"),
        pytest.param(22, 2, "1", True, id="the host keeps the lowest alone"),
    ],
)
def test_advice(before: int, after: int, first: str, warned: bool) -> None:
    said = moves.unprivileged_port_warnings(FakeHost({FIRST: first}), move(before, after))  # type: ignore[arg-type]  # the fake
    assert bool(said) is warned
    assert all(f"listen on port {after} while sshd is reloaded" in text for text in said)


def test_who_was_faster_and_is_gone_is_known_by_the_error() -> None:
    daemon, host = SshdDaemon("ssh.service", "", 56, 0.0, "active"), FakeHost()
    said = "error: Bind to port 2222 on 0.0.0.0 failed: Address already in use."
    assert moves.holders_after_start(host, daemon, move(22, 2222), said) == [PortHolder(2222)]  # type: ignore[arg-type]  # fake
    assert moves.holders_after_start(host, daemon, move(22, 22), said) == []  # type: ignore[arg-type]  # the fake
    assert moves.holders_after_start(host, daemon, move(22, 2222)) == []  # type: ignore[arg-type]  # the fake


def test_the_ports_of_a_move_are_sorted_and_named_once() -> None:
    found = moves.PortMove(
        frozenset({("0.0.0.0", 2022), ("::", 2022), ("::", 22)}), frozenset({("0.0.0.0", 443), ("::", 443), ("::", 80)})
    )
    assert (found.old_ports, found.ports, found.is_move) == ([22, 2022], [80, 443], True)
    assert not moves.PortMove(found.before, frozenset(list(found.before))).is_move
    # Another address on the same port is a move too: sshd has to bind it.
    assert moves.PortMove(frozenset({("::", 22)}), frozenset({("0.0.0.0", 22)})).is_move


def test_who_is_there_is_named_whatever_the_error_is(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = PortHolder(2222, uid=1001)
    asked: list[t.Any] = []

    def port_holders(_host: object, daemon: object, listens: object, *, probe: bool) -> list[PortHolder]:
        asked.append((daemon, listens, probe))
        return [holder]

    monkeypatch.setattr(moves, "port_holders", port_holders)
    host: t.Any = FakeHost()
    daemon: t.Any = "daemon"
    assert moves.holders_after_start(host, daemon, move(22, 2222), "x: Address already in use") == [holder]
    # After a start a socket that is bound alone is sshd's own on its way, or that of one of its clients.
    assert asked == [("daemon", frozenset({("0.0.0.0", 2222)}), False)]


# Where sshd listens before and after.

OLD, NEW = frozenset({("0.0.0.0", 22), ("::", 22)}), frozenset({("0.0.0.0", 2222), ("::", 2222)})
LOADED = frozenset({("0.0.0.0", 2022), ("::", 2022)})
UNIT = "/usr/lib/systemd/system/ssh.socket"
SOCKET = SocketUnit(
    "ssh.socket",
    active=True,
    accept=False,
    follows_config=False,
    needs_daemon_reload=False,
    since=0.0,
    loaded=SocketStreams(LOADED),
    files={UNIT: "[Socket]\nListenStream=22\n"},
)
SERVICE = SshdDaemon("ssh.service", "", 56, 0.0, "active")
FILES = FilesPlan("/x", {"/x": None}, {"/x": "Port 2222\n"})
UNCHANGED_FILES = FilesPlan("/x", {"/x": "a"}, {"/x": "a"})


def planned(
    monkeypatch: pytest.MonkeyPatch, socket: SocketUnit | None, files: FilesPlan = FILES, **settings: t.Any
) -> tuple[FilesPlan, moves.PortMove]:
    """Plan a move to 2222 of an sshd whose present files say 22."""
    now = {"listenaddress": ("0.0.0.0:22", "[::]:22")}
    monkeypatch.setattr(moves, "effective_now", lambda sshd, incoming: {("sshd", "from"): now}[sshd, incoming])
    answers: t.Any = types.SimpleNamespace(first={"listenaddress": ("0.0.0.0:2222", "[::]:2222")}, incoming="from")
    daemon = replace(SERVICE, socket_unit=socket, socket="ssh.socket" if socket and socket.active else "")
    sshd: t.Any = "sshd"
    return moves.plan_move(sshd, answers, build_settings(settings or {"Port": 2222}), files, daemon)


def test_a_service_moves_from_where_its_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, None) == (FILES, moves.PortMove(OLD, NEW))


def test_files_that_do_not_change_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planned(monkeypatch, None, UNCHANGED_FILES) == (UNCHANGED_FILES, moves.PortMove(NEW, NEW))


def test_a_socket_unit_moves_from_where_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    files, move = planned(monkeypatch, SOCKET)
    assert move == moves.PortMove(LOADED, NEW)
    text = files.after[SOCKET.path]
    assert text and "ListenStream=2222\n" in text
    assert (files.before[SOCKET.path], files.before["/x"], files.after["/x"]) == (None, None, "Port 2222\n")


def test_a_socket_unit_for_the_next_boot_gets_its_drop_in_and_the_service_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, move = planned(monkeypatch, replace(SOCKET, active=False))
    assert move == moves.PortMove(OLD, NEW)
    text = files.after[SOCKET.path]
    assert text and "ListenStream=2222\n" in text


def test_without_ports_of_its_own_a_request_leaves_the_socket_units(monkeypatch: pytest.MonkeyPatch) -> None:
    files, move = planned(monkeypatch, SOCKET, PasswordAuthentication=False)
    assert move == moves.PortMove(LOADED, OLD)
    assert SOCKET.path not in files.changes


@pytest.mark.parametrize(
    ("stream", "moved"), [("2222", True), ("2022", False)], ids=["its own port", "the port of somebody else"]
)
def test_a_family_narrows_the_port_of_a_socket_unit_and_moves_none(
    monkeypatch: pytest.MonkeyPatch, stream: str, moved: bool
) -> None:
    unit = replace(SOCKET, files={UNIT: f"[Socket]\nListenStream={stream}\n"})
    monkeypatch.setattr(moves, "listen_addresses", lambda _effective: [("0.0.0.0", 2222)])
    files, _move = planned(monkeypatch, unit, AddressFamily="inet")
    assert ("ListenStream=0.0.0.0:2222" in str(files.after)) is moved


def test_an_address_counts_as_a_port_does(monkeypatch: pytest.MonkeyPatch) -> None:
    files, _move = planned(monkeypatch, SOCKET, ListenAddress=["0.0.0.0:2222", "[::]:2222"])
    assert SOCKET.path in files.changes


@pytest.mark.parametrize(("limits", "has_limits"), [({"PerSourceMaxStartups": 3}, True), ({}, False)])
def test_limits_for_one_source_are_the_socket_units(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, t.Any], has_limits: bool
) -> None:
    files, _move = planned(monkeypatch, replace(SOCKET, accept=True), Port=2222, **limits)
    assert ("MaxConnectionsPerSource=" in str(files.after[SOCKET.path])) is has_limits


# Who holds the desired port before the change.


@pytest.mark.parametrize(
    ("daemon", "is_asked"),
    [
        pytest.param(SERVICE, True, id="it runs"),
        pytest.param(replace(SERVICE, pid=0, socket="ssh.socket"), True, id="its socket unit listens"),
        # require_startable judges that one.
        pytest.param(replace(SERVICE, pid=0), False, id="it is down"),
    ],
)
def test_the_holders_of_the_port_are_asked_about(
    monkeypatch: pytest.MonkeyPatch, daemon: SshdDaemon, is_asked: bool
) -> None:
    holder = PortHolder(2222, uid=1001)
    asked: list[t.Any] = []

    def port_holders(_host: object, *given: t.Any) -> list[PortHolder]:
        asked.append(given)
        return [holder]

    monkeypatch.setattr(moves, "port_holders", port_holders)
    host: t.Any = FakeHost()
    assert moves.blocking_holders(host, daemon, move(22, 2222)) == ([holder] if is_asked else [])
    assert asked == ([(daemon, frozenset({("0.0.0.0", 2222)}))] if is_asked else [])


def test_a_free_port_is_held_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "port_holders", lambda *_arguments: [])
    host: t.Any = FakeHost()
    assert moves.blocking_holders(host, SERVICE, move(22, 2222)) == []


@pytest.mark.parametrize(
    ("holder", "first", "is_error"),
    [
        pytest.param(PortHolder(2222, uid=0), "1024", True, id="root's"),
        pytest.param(PortHolder(222, uid=1001), "1024", True, id="on a port that only root may take"),
        pytest.param(PortHolder(1024, uid=1001), "1024", False, id="a user's on the first port for everybody"),
        pytest.param(PortHolder(222, uid=1001), "222", False, id="the host says which that is"),
    ],
)
def test_a_service_on_the_port_is_an_error(
    monkeypatch: pytest.MonkeyPatch, holder: PortHolder, first: str, is_error: bool
) -> None:
    monkeypatch.setattr(moves, "port_holders", lambda *_arguments: [holder])
    host: t.Any = FakeHost({FIRST: first})
    if not is_error:
        assert moves.blocking_holders(host, SERVICE, move(22, holder.port)) == [holder]
        return
    with pytest.raises(BaselineError, match="sshd cannot listen on the desired port"):
        moves.blocking_holders(host, SERVICE, move(22, holder.port))


# Whether the daemon runs with the files of the host.


@pytest.mark.parametrize(
    ("change", "listens", "newest", "outdated"),
    [
        pytest.param({}, True, 1500.0, False, id="it has read them"),
        pytest.param({}, True, 2500.0, True, id="they are newer"),
        pytest.param({}, True, 2000.0, False, id="they are as old"),
        pytest.param({"at_boot": "disabled"}, True, 1500.0, True, id="it would not start at boot"),
        pytest.param({"pid": 0}, True, 1500.0, True, id="it is down"),
        pytest.param({"pid": 0, "unit": "", "rc": "sshd"}, True, 1500.0, True, id="it is down by rc"),
        # Nothing could start it.
        pytest.param({"pid": 0, "unit": ""}, True, 2500.0, False, id="no service"),
        pytest.param({"pid": 0, "unit": ""}, False, 1500.0, False, id="no service and no port"),
        pytest.param({"pid": 0, "socket": "ssh.socket"}, True, 2500.0, False, id="its socket unit waits"),
        pytest.param({"pid": 0, "socket": "ssh.socket"}, False, 1500.0, True, id="its socket unit listens elsewhere"),
        pytest.param({}, False, 1500.0, True, id="it listens elsewhere"),
        pytest.param({"socket_unit": SOCKET}, True, 1500.0, True, id="a stale socket unit"),
        pytest.param(
            {"socket_unit": replace(SOCKET, loaded=SocketStreams(NEW))}, True, 1500.0, False, id="a good socket unit"
        ),
    ],
)
def test_a_daemon_is_outdated(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, t.Any], listens: bool, newest: float, outdated: bool
) -> None:
    asked: list[t.Any] = []

    def is_listening(_host: object, given: object) -> bool:
        asked.append(given)
        return listens

    monkeypatch.setattr(moves, "is_listening", is_listening)
    monkeypatch.setattr(moves, "newest_change", lambda _host, tree: {"tree": newest}[tree])
    host: t.Any = FakeHost()
    tree: t.Any = "tree"
    daemon = replace(SshdDaemon("ssh.service", "", 56, 2000.0, "active"), **change)
    assert moves.is_outdated(host, daemon, tree, moves.PortMove(OLD, NEW)) is outdated
    # Where it should listen counts.
    assert asked in ([], [NEW])
