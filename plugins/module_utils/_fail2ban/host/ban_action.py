# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of our ban action: whether a jail needs it, its text, and which jails run an older one."""

from __future__ import annotations

import hashlib
import typing as t

from ..packet_filters import OWN_ACTION, OWN_BANACTION
from . import nftables_action

if t.TYPE_CHECKING:
    from ..stream import JailStream
    from .server import Asks

__all__ = ["action_path", "older_action", "requested_action"]

_HEADER = "# Managed by the module pyhost.baseline.fail2ban_jails.\n"


def action_path(directory: str) -> str:
    """Return the path of our ban action below ``directory`` (``/etc/fail2ban``)."""
    return f"{directory}/action.d/{OWN_BANACTION}"


def requested_action(banaction: str, jails: t.Iterable[JailStream]) -> str | None:
    """Return the text of our ban action, ``None`` if neither ``banaction`` of [DEFAULT] nor a jail uses it."""
    is_used = banaction.startswith(OWN_BANACTION) or any(OWN_ACTION in jail.actions for jail in jails)
    return _HEADER + _source() if is_used else None


def _source() -> str:
    # A module that Ansible sends is read from an archive.
    loader = t.cast("t.Any", nftables_action.__loader__)
    return str(loader.get_source(nftables_action.__name__))


def older_action(server: Asks, jail: JailStream, text: str | None) -> list[str]:
    """Return a finding if ``jail`` runs a version of our ban action other than ``text``."""
    if text is None or OWN_ACTION not in jail.actions:
        return []
    digest = str(server.ask("get", jail.name, "action", OWN_ACTION, "digest"))
    return [] if digest == _digest(text) else [f"another version of {OWN_BANACTION} runs"]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
