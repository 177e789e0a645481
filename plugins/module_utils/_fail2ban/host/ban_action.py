# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of our ban action: whether it is needed, its text, and which jails run an older one."""

from __future__ import annotations

import hashlib
import typing as t

from ..config import HEADER
from ..own_files import OwnFile
from ..packet_filters import ACTION_FILE, OWN_ACTION, OWN_BANACTION
from . import nftables_action

if t.TYPE_CHECKING:
    from ..own_files import OwnFiles
    from ..stream import JailStream
    from .server import Asks

__all__ = ["ban_action_files", "older_action"]


def ban_action_files(texts: t.Iterable[str]) -> dict[str, OwnFile]:
    """Return the file of our ban action if one of ``texts``, which are jail files or values in them, names it."""
    if not any(OWN_BANACTION in text for text in texts):
        return {}
    # A module that Ansible sends is read from an archive.
    source = str(t.cast("t.Any", nftables_action.__loader__).get_source(nftables_action.__name__))
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    return {ACTION_FILE: OwnFile(f"{HEADER}\n" + source.replace('_DIGEST = ""', f'_DIGEST = "{digest}"', 1))}


def older_action(server: Asks, jail: JailStream, files: OwnFiles) -> list[str]:
    """Return a finding if ``jail`` runs a version of our ban action other than the one in ``files``."""
    if OWN_ACTION not in jail.actions or ACTION_FILE not in files:
        return []
    running = str(server.ask("get", jail.name, "action", OWN_ACTION, "digest"))
    is_current = f'_DIGEST = "{running}"\n' in files[ACTION_FILE].text
    return [] if is_current else [f"another version of {OWN_BANACTION} runs"]
