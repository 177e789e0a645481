# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the running fail2ban server through its socket, and the values of its jails."""

from __future__ import annotations

import socket
import time
import typing as t

from ..._core.errors import BaselineError
from ..stream import expected, normal, questions
from ..wire import END, decode, encode

if t.TYPE_CHECKING:
    from ..stream import JailStream

__all__ = ["Asks", "Server", "connect", "running_jails", "running_values", "source_of"]

_SECONDS = 30.0


class Asks(t.Protocol):
    """Answers requests: the server, or a transcript in a test."""

    def ask(self, *words: str) -> t.Any: ...


class Server:
    """A connection to the server."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def ask(self, *words: str) -> t.Any:
        """Return the answer to the request ``words`` (a command of fail2ban-client(1))."""
        try:
            self._socket.sendall(encode(words))
            answer = b""
            while not answer.endswith(END):
                chunk = self._socket.recv(65536)
                if not chunk:
                    raise BaselineError(f"the fail2ban server closed the connection at {' '.join(words)!r}")
                answer += chunk
        except OSError as error:
            raise BaselineError(f"the fail2ban server did not answer {' '.join(words)!r}: {error}") from error
        answered, value = decode(answer[: -len(END)])
        if not answered:
            raise BaselineError(f"the fail2ban server rejected {' '.join(words)!r}: {value}")
        return value


def connect(path: str, *, seconds: float, alive: t.Callable[[], bool] = lambda: True) -> Server | None:
    """Return a connection to the server at ``path`` that answers, ``None`` after ``seconds`` or its death."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connected = socket.socket(socket.AF_UNIX)
            connected.settimeout(_SECONDS)
            connected.connect(path)
            server = Server(connected)
            if server.ask("ping") == "pong":
                return server
        except (OSError, BaselineError):
            connected.close()
        if time.monotonic() >= deadline or not alive():
            return None
        time.sleep(0.1)


def running_jails(server: Asks) -> list[str]:
    """Return the names of the running jails."""
    names = str(dict(entry for entry in server.ask("status") if len(entry) == 2).get("Jail list", ""))
    return [name.strip() for name in names.split(",") if name.strip()]


def running_values(server: Asks, streams: t.Mapping[str, JailStream]) -> dict[str, dict[str, t.Any]]:
    """Return the values of each running jail for the options in ``streams``. Other jails have no values."""
    values: dict[str, dict[str, t.Any]] = {}
    for name in running_jails(server):
        options = expected(streams[name]) if name in streams else {}
        actions = server.ask("get", name, "actions") if options else []
        values[name] = {}
        for option, words in questions(name, options).items():
            if option == "source":
                values[name][option] = source_of(server, name)
            elif option.startswith("action ") and option.split(" ", 2)[1] not in actions:
                values[name][option] = None
            else:
                values[name][option] = normal("" if option.startswith("action ") else option, server.ask(*words))
    return values


def source_of(server: Asks, jail: str) -> str:
    """Return the log source of ``jail``. Only jails of the backend systemd have journal matches, and others log files.

    The status tells it as well, but with a list of all bans.
    """
    if server.ask("get", jail, "journalmatch"):
        return "journal"
    if server.ask("get", jail, "logpath"):
        return "files"
    return "journal" if "Journal matches" in dict(dict(server.ask("status", jail)).get("Filter", [])) else "files"
