"""The socket unit of a host, over outputs of systemctl; test_socket.py beside ``host`` has what is in the files."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
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
    moved = frozenset({("0.0.0.0", 2222), ("::", 2222)})
    assert found.desired_dropin(moved, has_ports=True) is None
    assert found.listens_with(None, moved) == moved


ADDRESSES = "/run/systemd/generator/ssh.socket.d/addresses.conf"
ADMINS = f"{FOLDER}/override.conf"
BASE = "[Socket]\nListenStream=0.0.0.0:22\nListenStream=[::]:22\n"
STAYS = [("0.0.0.0", 22), ("::", 22)]


@pytest.mark.parametrize(
    ("listens", "files", "streams"),
    [
        pytest.param(STAYS, {}, "", id="the port that it has"),
        pytest.param([("0.0.0.0", 2222), ("::", 2222)], {}, "", id="another port"),
        pytest.param([("192.0.2.1", 22)], {}, "", id="one address"),
        pytest.param([("0.0.0.0", 2222), ("::", 2222)], {ADDRESSES: BASE}, "", id="the generator has run before"),
        # What it does not follow: our drop-in says it.
        pytest.param([("0.0.0.0", 22)], {}, "0.0.0.0:22", id="ListenAddress 0.0.0.0 or AddressFamily inet"),
        pytest.param([("::", 22)], {}, "[::]:22", id="AddressFamily inet6"),
        pytest.param([("0.0.0.0", 2222)], {}, "0.0.0.0:2222", id="one family on another port"),
        pytest.param(
            [("0.0.0.0", 22), ("0.0.0.0", 2222), ("::", 2222)], {}, "0.0.0.0:22 2222", id="one family on one port"
        ),
        # What an admin wrote is read after the generator's file.
        pytest.param(STAYS, {ADMINS: "[Socket]\nListenStream=2200\n"}, "22", id="an admin's address on top"),
        pytest.param(
            [("192.0.2.1", 22)],
            {ADMINS: "[Socket]\nListenStream=\nListenStream=2200\n"},
            "192.0.2.1:22",
            id="an admin's address instead",
        ),
        pytest.param(
            STAYS, {ADMINS: "[Socket]\nListenStream=vsock::22\n"}, "", id="what an admin added besides addresses stays"
        ),
    ],
)
def test_what_the_generator_does_not_follow_is_in_our_dropin(
    listens: list[tuple[str, int]], files: dict[str, str], streams: str
) -> None:
    found = find([unit(DropInPaths=" ".join(files))], {GENERATOR: "", UNIT: BASE, **files})
    assert found
    text = found.desired_dropin(listens, has_ports=True)
    said = [line.partition("=")[2] for line in (text or "").splitlines() if line.startswith("ListenStream=")]
    assert " ".join(said[1:]) == streams
    # Either way it then listens where sshd_config says, and the next run finds the same.
    assert found.listens_with(text, listens) == set(listens)
    written = {**found.files, **({OURS: text} if text else {})}
    assert replace(found, files=written).desired_dropin(listens, has_ports=True) == text


def test_without_ports_a_unit_with_a_generator_keeps_what_an_admin_gave_it() -> None:
    found = find([unit(DropInPaths=ADMINS)], {GENERATOR: "", UNIT: BASE, ADMINS: "[Socket]\nListenStream=2200\n"})
    assert found and found.desired_dropin(STAYS, has_ports=False) is None
    assert found.ports_without(STAYS) == {22, 2200}
    assert found.listens_with(None, STAYS) == {*STAYS, ("0.0.0.0", 2200), ("::", 2200)}


@pytest.mark.parametrize(
    ("dropins", "where"), [({}, UNIT), ({ADMINS: "[Socket]\nListenStream=2200\n"}, ADMINS)], ids=["stock", "admin's"]
)
def test_a_unit_that_listens_elsewhere_names_the_file_that_decides(dropins: dict[str, str], where: str) -> None:
    found = find([unit(DropInPaths=" ".join(dropins))], {UNIT: BASE, **dropins})
    assert found
    found.require_listens(STAYS)
    replace(found, active=False).require_listens([("0.0.0.0", 22)])
    with pytest.raises(BaselineError) as caught:
        found.require_listens([("0.0.0.0", 22), ("192.0.2.1", 2222)])
    assert (caught.value.problem, caught.value.where) == (
        "ssh.socket does not listen on the addresses in sshd_config: it listens on :: port 22; it does not listen on "
        "192.0.2.1 port 2222",
        where,
    )
    assert caught.value.details == {"culprits": [where]}


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
