# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of ``fail2ban-client -d`` for the files, and the values that the running server has to answer.

See fail2ban-client(1). Each line of ``-d`` is a command for the server, written as a Python list.
"""

from __future__ import annotations

import ast
import hashlib
import ipaddress
import json
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .._core.text import is_number
from .config import TIMES, seconds
from .packet_filters import OWN_ACTION, OWN_OPTIONS, own_properties

__all__ = ["JailStream", "expected", "normal", "parse_stream", "questions"]

# The server answers these options in another form than they are set (compiled expressions, resolved names).
_NOT_COMPARED = frozenset(["prefregex", "datepattern", "logencoding", "ignorecache", "bantime.formula"])
_TEXT = " text"
_COUNTED = {"addfailregex": "failregex", "addignoreregex": "ignoreregex"}


@dataclass(frozen=True)
class JailStream:
    """An enabled jail as the files define it: its commands in order."""

    name: str
    backend: str
    commands: tuple[tuple[t.Any, ...], ...]
    # The compiled expressions by kind, as the server answers them. They are not part of the identity of the jail.
    expressions: t.Mapping[str, t.Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def journal(self) -> bool:
        return self.backend.startswith("systemd")

    def values(self, option: str) -> list[tuple[t.Any, ...]]:
        """Return the arguments of each command that sets ``option`` (``addlogpath`` …)."""
        return [command[3:] for command in self.commands if len(command) > 2 and command[2] == option]

    @property
    def actions(self) -> list[str]:
        return [str(arguments[0]) for arguments in self.values("addaction")]

    def action_properties(self, action: str) -> dict[str, str]:
        """Return the properties of the ban ``action``, as the files set them (``actionstart``, ``port`` …)."""
        commands = (command for command in self.commands if command[2:4] in (("action", action), ("addaction", action)))
        found = {name: str(value) for one in commands for name, value in _properties(one).items()}
        return own_properties(self.name, found) if action == OWN_ACTION else found

    @property
    def log_paths(self) -> list[str]:
        return [str(arguments[0]) for arguments in self.values("addlogpath")]


def parse_stream(text: str) -> dict[str, JailStream]:
    """Return the enabled jails of the output of ``fail2ban-client -d``, in their order."""
    commands: dict[str, list[tuple[t.Any, ...]]] = {}
    backends: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("["):
            continue
        try:
            command = ast.literal_eval(line)
        except (ValueError, SyntaxError) as error:
            raise BaselineError(
                f"the output has a line that is not a command: {line!r}", where="fail2ban-client -d"
            ) from error
        if command[0] == "add":
            backends[command[1]] = command[2]
            commands[command[1]] = []
        elif command[0] in ("set", "multi-set") and command[1] in commands:
            commands[command[1]].append(tuple(command))
    return {name: JailStream(name, backends[name], tuple(commands[name])) for name in commands}


def normal(option: str, value: t.Any) -> t.Any:
    """Return an option's ``value`` in the form in which the files and the server are compared."""
    if option in TIMES:
        number = seconds(value) if value is not None else None
        return value if number is None else int(number)
    if option in ("ignoreip", "logpath"):
        return sorted(_network(item) for item in value or [])
    if option == "journalmatch":
        return sorted({" ".join(group) for group in value or []})
    if option in ("failregex", "ignoreregex"):
        return len(value or [])
    if option.endswith(_TEXT):
        # Some filters have dozens of long lines. Only equality matters.
        return hashlib.sha256("\n".join(map(str, value or [])).encode()).hexdigest()[:12]
    if option in ("ignoreself", "bantime.increment", "bantime.overalljails"):
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "yes", "on")
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    if isinstance(value, str) and is_number(value):
        return int(value)
    return value or None if not isinstance(value, (bool, int)) else value


def _network(item: t.Any) -> str:
    # The server prints 127.0.0.0/8 and 127.0.0.1/8 alike, and 10.0.0.1 and 10.0.0.1/32.
    text = str(item)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return text
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def expected(jail: JailStream) -> dict[str, t.Any]:
    """Return what the running server has to answer for ``jail``: option → value in normal form."""
    answers: dict[str, t.Any] = {
        "source": "journal" if jail.journal else "files",
        "ignoreip": [],
        "bantime.increment": False,
        "failregex": 0,
        "ignoreregex": 0,
        "actions": normal("actions", jail.actions),
    }
    if not jail.journal:
        answers["logpath"] = normal("logpath", jail.log_paths)
    for kind in _COUNTED.values():
        if kind in jail.expressions:
            answers[kind + _TEXT] = normal(kind + _TEXT, jail.expressions[kind])
    for command in jail.commands:
        answers.update(_answers(command, answers, journal=jail.journal))
    return answers


def _answers(command: tuple[t.Any, ...], so_far: t.Mapping[str, t.Any], *, journal: bool) -> dict[str, t.Any]:
    """Return the options that ``command`` sets, given the answers of the commands before it."""
    option = str(command[2])
    if option == "addignoreip":
        return {"ignoreip": normal("ignoreip", command[3:])}
    if option == "addjournalmatch":
        # A match in the section Init of the filter is added to that of the jail, not replaced by it.
        groups = [*so_far.get("journalmatch", []), *map(" ".join, _groups(command[3:]))]
        return {"journalmatch": sorted(set(groups))} if journal else {}
    if option in _COUNTED:
        counted = _COUNTED[option]
        return {counted: so_far[counted] + (len(command[3]) if command[0] == "multi-set" else 1)}
    if option == "action" or (option, command[3]) == ("addaction", OWN_ACTION):
        return _action(command)
    if option in _NOT_COMPARED or option.startswith("add"):
        return {}
    return {option: normal(option, command[3])}


def _groups(words: t.Iterable[str]) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "+":
            groups.append([])
        else:
            groups[-1].append(word)
    return [group for group in groups if group]


def _action(command: tuple[t.Any, ...]) -> dict[str, t.Any]:
    return {f"action {command[3]} {name}": normal("", value) for name, value in _properties(command).items()}


def _properties(command: tuple[t.Any, ...]) -> dict[str, t.Any]:
    """Return the properties in a command ``set JAIL action ACTION NAME VALUE`` or its ``multi-set``.

    Those of our action in Python are in ``set JAIL addaction ACTION FILE JSON``.
    """
    if command[2] == "addaction":
        given = json.loads(command[5]) if command[3] == OWN_ACTION and len(command) > 5 else {}
        return {name: given.get(name, default) for name, default in OWN_OPTIONS.items()} if given else {}
    pairs = command[4] if command[0] == "multi-set" else [command[4:]]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def questions(jail: str, options: t.Iterable[str]) -> dict[str, list[str]]:
    """Return the request for each of ``options`` of ``jail``. The option ``source`` is part of the status."""
    asked = {}
    for option in options:
        if option == "source":
            asked[option] = ["status", jail]
        elif option.startswith("action "):
            asked[option] = ["get", jail, *option.split(" ", 2)]
        else:
            asked[option] = ["get", jail, option[: -len(_TEXT)] if option.endswith(_TEXT) else option]
    return asked
