# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller itself knows of a task of sshd_config: whom to log in as, on which ports, how long to wait. Pure.

The module on the host reads the same arguments; what it answers about them would only be the word of the host.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible.module_utils.common.validation import check_type_dict, check_type_int, check_type_list

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import check_seconds
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import listen_addresses
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings

__all__ = ["ProofRequest", "proof_request"]

_SECONDS, _PORT = 45, 22


@dataclass(frozen=True)
class ProofRequest:
    """``ports`` are those that the settings name; sshd's own is one of them where they name none."""

    users: tuple[str, ...]
    seconds: int
    ports: frozenset[int]


def proof_request(arguments: t.Mapping[str, t.Any]) -> ProofRequest:
    """Read the ``arguments`` of the task, as AnsibleModule reads them on the host."""
    try:
        users = tuple(str(user) for user in check_type_list(arguments.get("guard_users") or []))
        given = arguments.get("confirm_timeout")
        seconds = _SECONDS if given is None else int(check_type_int(given))
        settings, defaults = (check_type_dict(arguments.get(name) or {}) for name in ("settings", "defaults"))
    except TypeError as error:
        raise BaselineError(f"an argument of the task cannot be read: {error}") from error
    check_seconds(seconds)
    return ProofRequest(users, seconds, _ports(settings, defaults))


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
