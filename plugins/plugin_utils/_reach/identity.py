# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the machine that answered is the one of the inventory. Pure.

ssh checks the host key. That is not enough where a forwarded port and the gateway have one address: the gateway's key
is known too, and clones of one image have the same key.
"""

from __future__ import annotations

import hashlib
import json
import os.path
import re
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

from .answer import ProbeAnswer

__all__ = ["Machine", "SeenMachine", "as_text", "from_text", "identity_error", "machine_of", "wrong_key_error"]

_DIGEST = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class Machine:
    """What distinguishes a machine: its machine-id and the SHA-256 of each of its host keys."""

    machine_id: str
    keys: tuple[str, ...]

    def shares_key(self, other: Machine) -> bool:
        return bool(set(self.keys) & set(other.keys))


@dataclass(frozen=True)
class SeenMachine:
    """A machine that an earlier run reached: its name in the inventory and its address."""

    name: str
    address: str
    machine: Machine


def machine_of(answer: ProbeAnswer) -> Machine | None:
    """Return the machine that answered, ``None`` if it cannot be distinguished from others."""
    if not answer.machine_id or not answer.host_keys:
        return None
    digests = {hashlib.sha256(key.encode()).hexdigest() for key in answer.host_keys}
    return Machine(answer.machine_id, tuple(sorted(digests)))


def identity_error(
    now: SeenMachine, earlier: SeenMachine | None, others: t.Iterable[SeenMachine], *, path: str
) -> BaselineError | None:
    """Return why the machine is another one than the inventory's, ``None`` if nothing says so.

    ``earlier`` is what an earlier run reached by the same name and address, noted in ``path``. With other host keys,
    the host was installed anew: ssh has checked that. ``others`` is what earlier runs reached by other names; they
    count only where the inventory's own port does not answer.
    """
    if earlier and earlier.machine.machine_id != now.machine.machine_id and earlier.machine.shares_key(now.machine):
        return BaselineError(
            "another machine answers than in an earlier run: its machine-id differs, and its host key is the same, so "
            "that ssh does not notice",
            where=now.address,
            state=UNCHANGED,
            hint=f"correct the address and port; if the machine has a new machine-id, remove {path}",
        )
    for other in others:
        same = other.machine.machine_id == now.machine.machine_id and other.machine.shares_key(now.machine)
        if same and other.name != now.name:
            return BaselineError(
                f"the machine that answers is '{printable(other.name)}' ({printable(other.address)}) of an earlier run",
                where=now.address,
                state=UNCHANGED,
                hint="correct the address and port, or leave sshd_port out so that only the port of the inventory is "
                f"tried; if the host has a new name in the inventory, remove the notes in {os.path.dirname(path)}",
            )
    return None


def wrong_key_error(
    answer: ProbeAnswer, known: t.Collection[str], *, given: int, port: int | None
) -> BaselineError | None:
    """Return the error if the machine on ``port`` has none of the keys that are ``known`` for the ``given`` port."""
    if not known or not answer.host_keys or set(known) & set(answer.host_keys):
        return None
    return BaselineError(
        f"another machine answers on port {port}: it has none of the host keys that this controller knows for port "
        f"{given}",
        state=UNCHANGED,
        hint=f"the inventory's port {given} may be forwarded to a host that is down: start that host, and leave "
        f"sshd_port out so that only port {given} is tried; if the host was installed anew, remove its old key with "
        "'ssh-keygen -R'",
    )


def as_text(seen: SeenMachine) -> str:
    """Return ``seen`` as the text of a file."""
    return json.dumps(asdict(seen), indent=1) + "\n"


def from_text(text: str) -> SeenMachine | None:
    """Read what :func:`as_text` has written, ``None`` for anything else."""
    try:
        fields = json.loads(text)
        machine = fields["machine"]
        keys = tuple(key for key in machine["keys"] if re.fullmatch(_DIGEST, key))
        return SeenMachine(str(fields["name"]), str(fields["address"]), Machine(str(machine["machine_id"]), keys))
    except (ValueError, TypeError, KeyError):
        return None
