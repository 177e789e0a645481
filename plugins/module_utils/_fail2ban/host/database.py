# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of the running server: whether it is intact, and setting aside one that is not.

The server does not notice that its database is corrupt until it reads a page of it. Then a reload ends half-way: the
jail is listed, without an action and a log source, and its bans are gone.
"""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import PurePosixPath

from ..._core.errors import BaselineError
from ..._core.host.paths import place_in
from ..._core.text import printable

try:
    import sqlite3
except ImportError:
    # A part of Python of its own on FreeBSD. fail2ban has the one of its own interpreter.
    HAS_SQLITE = False
else:
    HAS_SQLITE = True

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from .server import Asks

__all__ = ["database_problem", "file_problem", "set_aside"]


def database_problem(host: Host, server: Asks, pid: int, configured: str) -> str | None:
    """Return what is wrong with the database of ``server`` (the process ``pid``), ``None`` if nothing is.

    The text continues a sentence about the path: "is corrupt (…)", "was removed or replaced". ``configured``: the
    ``dbfile`` of the files, empty if it is not known. The server rejects each reload if it has another one.
    """
    path = str(server.ask("get", "dbfile") or "None")
    if configured and "%" not in configured and configured.lower() != path.lower():
        return f"is not {configured}, which the files name (dbfile)"
    if not path.startswith("/"):
        return None
    real = host.target(path)
    if pid and any(host.target(link) == f"{real} (deleted)" for link in host.glob(f"/proc/{pid}/fd/*")):
        return "was removed or replaced while the server has it open"
    return file_problem(host, real)


def file_problem(host: Host, path: str) -> str | None:
    """Return why ``path`` is no intact database of fail2ban, ``None`` if it is one, or absent."""
    if not HAS_SQLITE or not path.startswith("/") or host.stat(path) is None:
        return None
    try:
        connection = sqlite3.connect(PurePosixPath(path).as_uri() + "?mode=ro", uri=True, timeout=5.0)
        try:
            # As fail2ban does at its start.
            connection.execute("SELECT version FROM fail2banDb LIMIT 1").fetchone()
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        # A server that writes at this moment is no fault, nor is a file that cannot be opened for another reason.
        is_busy = isinstance(error, sqlite3.OperationalError) and not str(error).startswith("no such table")
        return None if is_busy else f"is corrupt ({printable(str(error))})"
    return None if answer == "ok" else f"is corrupt ({printable(answer)})"


def set_aside(path: str) -> str | None:
    """Rename the database ``path`` as fail2ban names its own copies; return the new path, ``None`` if it is gone.

    A server keeps the file open until it ends, and starts with a new one.
    """
    folder, name = os.path.split(os.path.realpath(path))
    aside = f"{name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    try:
        with place_in(folder, name) as place:
            os.rename(name, aside, src_dir_fd=place.folder, dst_dir_fd=place.folder)
            place.sync()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BaselineError(f"{path} cannot be renamed: {error.strerror or error}") from error
    return os.path.join(folder, aside)
