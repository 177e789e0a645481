"""The database of the server, with real databases in a folder."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import paths
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import database
from tests.unit.fake_host import FakeHost

PAGE = 4096


@contextlib.contextmanager
def place_in(folder: str, name: str) -> t.Iterator[paths.Place]:
    """Yield the place below a folder of the test, which other users may be able to write."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield paths.Place(descriptor, name, f"{folder}/{name}")
    finally:
        os.close(descriptor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database like that of fail2ban, with some pages of bans."""
    path = tmp_path / "fail2ban 1.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE fail2banDb(version INTEGER)")
    connection.execute("INSERT INTO fail2banDb VALUES(4)")
    connection.execute("CREATE TABLE bans(jail TEXT, ip TEXT)")
    connection.executemany("INSERT INTO bans VALUES(?, ?)", [("sshd", f"192.0.2.{number}") for number in range(2000)])
    connection.commit()
    connection.close()
    return path


class Server:
    def __init__(self, path: object) -> None:
        self.path = path

    def ask(self, *words: str) -> t.Any:
        assert words == ("get", "dbfile")
        return self.path


def problem(path: Path | str | None, *, opened: str = "", pid: int = 812, configured: str = "") -> str | None:
    links = {
        "/proc/812/fd/3": "socket:[1]",
        "/proc/812/fd/4": opened or str(path),
        "/proc/813/fd/1": f"{path} (deleted)",
    }
    exists = path is not None and Path(path).exists()
    host = FakeHost(dict.fromkeys([*links, *([str(path)] if exists else [])], ""))
    host.links.update(links)
    return database.database_problem(t.cast(t.Any, host), Server(path and str(path)), pid, configured)


def test_an_intact_database(path: Path) -> None:
    before = path.read_bytes()
    assert problem(path) is None
    assert (path.read_bytes(), [one.name for one in path.parent.iterdir()]) == (before, [path.name])


@pytest.mark.parametrize(
    ("at", "length", "found"),
    [
        (0, PAGE, "is corrupt (file is not a database)"),
        (0, 16, "is corrupt (file is not a database)"),
        (3 * PAGE, 8, "is corrupt ("),
        (PAGE, PAGE, "is corrupt ("),
    ],
)
def test_overwritten_pages(path: Path, at: int, length: int, found: str) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xde\xad\xbe\xef" * (length // 4))
    assert str(problem(path)).startswith(found)


def test_a_truncated_database(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2 * PAGE)
    assert str(problem(path)).startswith("is corrupt (")
    path.write_bytes(b"")
    assert problem(path) == "is corrupt (no such table: fail2banDb)"


def test_a_removed_database(path: Path) -> None:
    assert problem(path, opened=f"{path} (deleted)") == "was removed or replaced while the server has it open"
    path.unlink()
    assert problem(path, opened=f"{path} (deleted)") == "was removed or replaced while the server has it open"
    # It is not known what a server of another process has open.
    assert problem(path, opened=f"{path} (deleted)", pid=0) is None


@pytest.mark.parametrize("none", [None, ":memory:", ""])
def test_no_database(none: str | None) -> None:
    assert problem(none) is None


def test_what_is_not_known_is_no_problem(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * PAGE)
    monkeypatch.setattr(database, "HAS_SQLITE", False)
    assert problem(path) is None


def test_a_server_that_writes_is_no_problem(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *words, **options: connect(*words, **{**options, "timeout": 0.1}))
    writer = connect(path)
    writer.execute("BEGIN EXCLUSIVE")
    assert problem(path) is None
    writer.close()


def test_setting_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.time, "gmtime", lambda: (2026, 11, 28, 2, 10, 5, 5, 332, 0))
    monkeypatch.setattr(database, "place_in", place_in)
    before = path.read_bytes()
    aside = database.set_aside(str(path))
    assert aside == f"{path}.20261128-021005"
    assert (path.exists(), Path(aside).read_bytes()) == (False, before)
    assert database.set_aside(str(path)) is None


def test_a_folder_that_cannot_be_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: t.Any, **_options: t.Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(database.os, "rename", refuse)
    monkeypatch.setattr(database, "place_in", place_in)
    with pytest.raises(BaselineError) as failed:
        database.set_aside(str(path))
    assert failed.value.problem == f"{path} cannot be renamed: Read-only file system"


@pytest.mark.parametrize(
    ("configured", "has", "differs"),
    [
        ("None", None, False),
        ("none", None, False),
        (":memory:", ":memory:", False),
        ("%(folder)s/x.sqlite3", None, False),
        ("", None, False),
        ("None", ":memory:", True),
        ("/other.sqlite3", None, True),
    ],
)
def test_a_database_that_the_files_do_not_name(configured: str, has: str | None, differs: bool) -> None:
    found = f"is not {configured}, which the files name (dbfile)"
    assert problem(has, configured=configured) == (found if differs else None)
