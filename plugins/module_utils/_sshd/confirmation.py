# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module and controller hand to each other when a change of sshd is confirmed by a login: written and read. Pure.

The host may be hostile: its root decides every byte of the answer. So each field has a type, a length and a pattern,
and an answer with anything else in it is refused by the name of that field. What the controller knows by itself (the
users to log in as, how long to wait) does not come from the host at all.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass

from .._core.become import DEFAULT_BECOME
from .._core.errors import BaselineError
from .._core.rollback import BASES, RollbackPaths
from .._core.text import forbidden_character, printable

__all__ = [
    "PHASE_ARGUMENT",
    "ArmedRollback",
    "Confirmation",
    "InvalidConfirmation",
    "PhaseRequest",
    "Preflight",
    "invalid_answer",
    "parse_confirmation",
    "read_phase_request",
    "read_ports",
]

# The options of the client's login that a change of the host's algorithms can ask for, and no other (ssh_config(5)).
_OPTIONS = ("KexAlgorithms", "Ciphers", "MACs", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms")
_ALGORITHM = r"[A-Za-z0-9@._-]{1,64}"
_HOST_KEY = r"[A-Za-z0-9@._-]{1,64} [0-9]{1,5} (?:[A-Za-z0-9-]{1,16}:[A-Za-z0-9+/:=]{1,128})?"
_MOST_ALGORITHMS, _MOST_HOST_KEYS, _MOST_PORTS, _MOST_USERS = 128, 64, 64, 256
_LONGEST_PATH, _LONGEST_REFUSAL = 1024, 20_000
_BOOTS = ("systemd", "rc", "cron", "none")

Json = t.Dict[str, t.Any]

# The name of the argument of ``PhaseRequest``. It is in no argument_spec: the module takes it out of its parameters.
PHASE_ARGUMENT = "_pyhost_phase"
_PHASES = ("", "plan", "apply")


class InvalidConfirmation(Exception):
    """One field of an answer that is not what it has to be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{printable(field, longest=100)} {problem}")


@dataclass(frozen=True)
class PhaseRequest:
    """What the controller's half hands to the module beside the task's options; without it the module applies at once.

    ``phase`` is ``plan`` (write nothing) or ``apply`` (under a rollback), ``login_user`` the connection's user,
    ``become`` the method by which the play becomes root.
    """

    phase: str = ""
    login_user: str = ""
    become: str = DEFAULT_BECOME

    def as_argument(self) -> Json:
        """Return it as an argument of the module; :func:`read_phase_request` reads it."""
        return {PHASE_ARGUMENT: asdict(self)}


@dataclass(frozen=True)
class Preflight:
    """What the login before a change does without (option -> algorithms), and the host keys that stay or are new."""

    without: t.Mapping[str, tuple[str, ...]]
    keys: tuple[str, ...] = ()
    new_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArmedRollback:
    """The rollback that counts on the host. ``boot`` says what covers a restart, ``base`` where it is located.

    ``token`` is the change's own: what became of this change is in the record that has it, and in no other one.
    """

    seconds: int
    boot: str
    base: str
    token: str

    @property
    def paths(self) -> RollbackPaths:
        return RollbackPaths("sshd", base=self.base)


@dataclass(frozen=True)
class Confirmation:
    """``refusal``: why the connection's user would not get in after the change; ``server_port``: where it came in.

    ``opened`` are guarded users whom sshd refuses now, by its present configuration, and would let in after the change.
    """

    refusal: str
    server_port: int
    armed: ArmedRollback | None = None
    preflight: Preflight | None = None
    opened: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Return what the module answers; :func:`parse_confirmation` reads it."""
        return asdict(self)


def read_phase_request(value: t.Any) -> PhaseRequest:
    """Read the argument that the controller's half adds, ``None`` where it adds none."""
    if value is None:
        return PhaseRequest()
    try:
        fields = _fields(value, PHASE_ARGUMENT, ("phase", "login_user", "become"))
        return PhaseRequest(
            phase=_one_of(fields["phase"], f"{PHASE_ARGUMENT}.phase", _PHASES),
            login_user=_text(fields["login_user"], f"{PHASE_ARGUMENT}.login_user", longest=256),
            become=_text(fields["become"], f"{PHASE_ARGUMENT}.become", longest=64, pattern=r"[A-Za-z0-9_-]+"),
        )
    except InvalidConfirmation as error:
        raise BaselineError(str(error)) from error


def parse_confirmation(answer: t.Any, *, seconds: int) -> Confirmation:
    """Read ``answer``, the field ``confirmation`` of the module's result; ``seconds``: confirm_timeout of the task."""
    try:
        fields = _fields(answer, "confirmation", ("refusal", "server_port", "armed", "preflight", "opened"))
        return Confirmation(
            refusal=_text(fields["refusal"], "confirmation.refusal", longest=_LONGEST_REFUSAL),
            server_port=_number(fields["server_port"], "confirmation.server_port", 1, 65535),
            armed=_armed(fields["armed"], "confirmation.armed", seconds),
            preflight=_preflight(fields["preflight"], "confirmation.preflight"),
            opened=tuple(
                _text(user, "confirmation.opened", longest=256)
                for user in _list(fields["opened"], "confirmation.opened", _MOST_USERS)
            ),
        )
    except InvalidConfirmation as error:
        raise invalid_answer(error) from error


def read_ports(answer: t.Any) -> tuple[int, ...]:
    """Read ``answer``, the field ``ports`` of the module's result."""
    try:
        return tuple(_number(port, "ports", 1, 65535) for port in _list(answer, "ports", _MOST_PORTS))
    except InvalidConfirmation as error:
        raise invalid_answer(error) from error


def invalid_answer(reason: object) -> BaselineError:
    """Return the error for an answer that no honest module gives; the caller knows what was changed on the host."""
    return BaselineError(
        f"the answer of the host is not one of this module: {reason}, so nothing of it was used on this controller",
        hint="find out what has changed Python or this module's files on that host",
    )


def _preflight(value: t.Any, field: str) -> Preflight | None:
    if value is None:
        return None
    fields = _fields(value, field, ("without", "keys", "new_keys"))
    without = _fields(fields["without"], f"{field}.without", _OPTIONS, required=False)
    return Preflight(
        without={
            option: tuple(
                _text(name, f"{field}.without.{option}", longest=64, pattern=_ALGORITHM)
                for name in _list(names, f"{field}.without.{option}", _MOST_ALGORITHMS)
            )
            for option, names in without.items()
        },
        keys=tuple(
            _text(key, f"{field}.keys", longest=256, pattern=_HOST_KEY)
            for key in _list(fields["keys"], f"{field}.keys", _MOST_HOST_KEYS)
        ),
        new_keys=tuple(
            _text(path, f"{field}.new_keys", longest=_LONGEST_PATH, pattern="/.*")
            for path in _list(fields["new_keys"], f"{field}.new_keys", _MOST_HOST_KEYS)
        ),
    )


def _armed(value: t.Any, field: str, seconds: int) -> ArmedRollback | None:
    if value is None:
        return None
    fields = _fields(value, field, ("seconds", "boot", "base", "token"))
    return ArmedRollback(
        seconds=_number(fields["seconds"], f"{field}.seconds", seconds, seconds),
        boot=_one_of(fields["boot"], f"{field}.boot", _BOOTS),
        base=_one_of(fields["base"], f"{field}.base", BASES),
        token=_text(fields["token"], f"{field}.token", longest=32, pattern="[0-9a-f]{32}"),
    )


def _fields(value: t.Any, field: str, known: t.Sequence[str], *, required: bool = True) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a mapping")
    for name in value:
        if name not in known:
            raise InvalidConfirmation(f"{field}.{name}", f"is no field that it has ({', '.join(known)})")
    missing = [name for name in known if required and name not in value]
    if missing:
        raise InvalidConfirmation(f"{field}.{missing[0]}", "is missing")
    return value


def _list(value: t.Any, field: str, most: int) -> list[t.Any]:
    if not isinstance(value, list):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a list")
    if len(value) > most:
        raise InvalidConfirmation(field, f"has {len(value)} entries, more than {most}")
    return value


def _text(value: t.Any, field: str, *, longest: int, pattern: str = ".*") -> str:
    if not isinstance(value, str):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a text")
    if len(value) > longest:
        raise InvalidConfirmation(field, f"has {len(value)} characters, more than {longest}")
    forbidden = forbidden_character(value)
    if forbidden:
        raise InvalidConfirmation(field, f"holds {forbidden}")
    if not re.fullmatch(pattern, value):
        raise InvalidConfirmation(field, f"is {printable(value, longest=80)!r}, which it cannot be")
    return value


def _number(value: t.Any, field: str, least: int, most: int) -> int:
    # A bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidConfirmation(field, f"is {_kind(value)} and must be a whole number")
    if not least <= value <= most:
        bounds = str(least) if least == most else f"from {least} to {most}"
        raise InvalidConfirmation(field, f"is {value if abs(value) < 10**9 else 'out of bounds'} and must be {bounds}")
    return value


def _one_of(value: t.Any, field: str, known: t.Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidConfirmation(field, f"is none of {', '.join(known)}")
    return value


def _kind(value: t.Any) -> str:
    """Name the JSON type of ``value``."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), "of an unknown type")
