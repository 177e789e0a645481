# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller itself knows of a task of sshd_config: whom to log in as, on which ports, how long to wait. Pure.

The module on the host reads the same arguments; what it answers about them would only be the word of the host.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible.module_utils.common.validation import check_type_dict, check_type_int, check_type_list

from ansible_collections.pyhost.baseline.plugins.module_utils._core.confirm_timeout import check_seconds
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import listen_addresses
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings

__all__ = ["LIMITS", "LoginLimits", "ProofRequest", "confirm_seconds", "proof_request"]

_SECONDS, _PORT = 45, 22
# A connection that is not made within it is not made: on a host that is not slow, where confirm_timeout is not long.
_LEAST_CONNECT = 10
# As long is a host looked for after its time is over: its clock and ours do not start together.
_LEAST_PATIENCE, _LOST_PATIENCE = 30, 90


@dataclass(frozen=True)
class LoginLimits:
    """How long the controller waits, in seconds: for a connection, and past ``confirm_timeout`` for the host's record.

    They grow with ``confirm_timeout``, by which the task says how slow a host may be.
    """

    connect: int = _LEAST_CONNECT
    patience: int = _LEAST_PATIENCE

    @property
    def after_lost_answer(self) -> LoginLimits:
        """The limits for a host that was there and then fell silent: its network may come back."""
        return replace(self, patience=max(_LOST_PATIENCE, self.patience))


LIMITS = LoginLimits()


@dataclass(frozen=True)
class ProofRequest:
    """``ports`` are those that the settings name; sshd's own is one of them where they name none."""

    users: tuple[str, ...]
    seconds: int
    ports: frozenset[int]

    @property
    def limits(self) -> LoginLimits:
        """The limits of this task's logins: two of them fit into the half of the time that is theirs."""
        connect = max(_LEAST_CONNECT, self.seconds // 5)
        return LoginLimits(connect, max(_LEAST_PATIENCE, 2 * connect))


def confirm_seconds(arguments: t.Mapping[str, t.Any]) -> int:
    """Read ``confirm_timeout`` of the ``arguments`` of the task, in seconds."""
    given = arguments.get("confirm_timeout")
    try:
        seconds = _SECONDS if given is None else int(check_type_int(given))
    except TypeError as error:
        raise BaselineError(f"an argument of the task cannot be read: {error}") from error
    check_seconds(seconds)
    return seconds


def proof_request(arguments: t.Mapping[str, t.Any]) -> ProofRequest:
    """Read the ``arguments`` of the task, as AnsibleModule reads them on the host."""
    try:
        users = tuple(str(user) for user in check_type_list(arguments.get("guard_users") or []))
        settings, defaults = (check_type_dict(arguments.get(name) or {}) for name in ("settings", "defaults"))
    except TypeError as error:
        raise BaselineError(f"an argument of the task cannot be read: {error}") from error
    return ProofRequest(users, confirm_seconds(arguments), _ports(settings, defaults))


def _ports(settings: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any]) -> frozenset[int]:
    desired = build_settings(settings, defaults=defaults).settings
    named = {int(value) for value in desired.get("Port", ()) if value.isdigit()}
    addresses = [value for value in desired.get("ListenAddress", ()) if _has_port(value)]
    named |= {port for _address, port in listen_addresses({"listenaddress": tuple(addresses)})}
    return frozenset(named or {_PORT})


def _has_port(address: str) -> bool:
    host, _colon, port = address.split(" ")[0].rpartition(":")
    # An IPv6 address without brackets has colons of its own and no port.
    return port.isdigit() and (":" not in host or host.endswith("]"))
