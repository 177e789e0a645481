# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module and controller hand to each other when a change of sshd is confirmed by a login: written and read. Pure.

The host may be hostile: its root decides every byte of the answer. So each field has a type, a length and a pattern,
and an answer with anything else in it is refused by the name of that field. What the controller knows by itself (the
users to log in as, how long to wait) does not come from the host at all.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .._core.answer_fields import (
    InvalidConfirmation,
    invalid_answer,
    list_field,
    mapping_field,
    number_field,
    text_field,
)
from .._core.phase import ArmedRollback, parse_armed_rollback

__all__ = ["Confirmation", "Preflight", "parse_confirmation", "read_ports"]

# The options of the client's login that a change of the host's algorithms can ask for, and no other (ssh_config(5)).
_OPTIONS = ("KexAlgorithms", "Ciphers", "MACs", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms")
_ALGORITHM = r"[A-Za-z0-9@._-]{1,64}"
_HOST_KEY = r"[A-Za-z0-9@._-]{1,64} [0-9]{1,5} (?:[A-Za-z0-9-]{1,16}:[A-Za-z0-9+/:=]{1,128})?"
_MOST_ALGORITHMS, _MOST_HOST_KEYS, _MOST_PORTS, _MOST_USERS = 128, 64, 64, 256
_LONGEST_PATH, _LONGEST_REFUSAL = 1024, 20_000

Json = t.Dict[str, t.Any]


@dataclass(frozen=True)
class Preflight:
    """What the login before a change does without (option -> algorithms), and the host keys that stay or are new."""

    without: t.Mapping[str, tuple[str, ...]]
    keys: tuple[str, ...] = ()
    new_keys: tuple[str, ...] = ()


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


def parse_confirmation(answer: t.Any, *, seconds: int) -> Confirmation:
    """Read ``answer``, the field ``confirmation`` of the module's result; ``seconds``: confirm_timeout of the task."""
    try:
        fields = mapping_field(answer, "confirmation", ("refusal", "server_port", "armed", "preflight", "opened"))
        return Confirmation(
            refusal=text_field(fields["refusal"], "confirmation.refusal", longest=_LONGEST_REFUSAL),
            server_port=number_field(fields["server_port"], "confirmation.server_port", 1, 65535),
            armed=parse_armed_rollback(fields["armed"], topic="sshd", seconds=seconds),
            preflight=_preflight(fields["preflight"], "confirmation.preflight"),
            opened=tuple(
                text_field(user, "confirmation.opened", longest=256)
                for user in list_field(fields["opened"], "confirmation.opened", _MOST_USERS)
            ),
        )
    except InvalidConfirmation as error:
        raise invalid_answer(error) from error


def read_ports(answer: t.Any) -> tuple[int, ...]:
    """Read ``answer``, the field ``ports`` of the module's result."""
    try:
        return tuple(number_field(port, "ports", 1, 65535) for port in list_field(answer, "ports", _MOST_PORTS))
    except InvalidConfirmation as error:
        raise invalid_answer(error) from error


def _preflight(value: t.Any, field: str) -> Preflight | None:
    if value is None:
        return None
    fields = mapping_field(value, field, ("without", "keys", "new_keys"))
    without = mapping_field(fields["without"], f"{field}.without", _OPTIONS, required=False)
    return Preflight(
        without={
            option: tuple(
                text_field(name, f"{field}.without.{option}", longest=64, pattern=_ALGORITHM)
                for name in list_field(names, f"{field}.without.{option}", _MOST_ALGORITHMS)
            )
            for option, names in without.items()
        },
        keys=tuple(
            text_field(key, f"{field}.keys", longest=256, pattern=_HOST_KEY)
            for key in list_field(fields["keys"], f"{field}.keys", _MOST_HOST_KEYS)
        ),
        new_keys=tuple(
            text_field(path, f"{field}.new_keys", longest=_LONGEST_PATH, pattern="/.*")
            for path in list_field(fields["new_keys"], f"{field}.new_keys", _MOST_HOST_KEYS)
        ),
    )
