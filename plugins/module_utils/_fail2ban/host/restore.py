# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores our file and the jails that ran before a change which failed."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from .own_files import restore_own_files
from .staging import read_streams

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..own_files import OwnFiles
    from .daemon import Fail2ban, Values
    from .site import Site

__all__ = ["restore"]


def restore(host: Host, fail2ban: Fail2ban, site: Site, before: Values, files: OwnFiles) -> str:
    """Write our files as ``site`` read them, and have the jails run as ``before``; return the state, for the error.

    ``files``: our files beside the jail file that the change has written.

    A reload that fails half-way leaves jails without actions or stops them, and a service that does not start leaves
    the host without any, so all jails are loaded again.
    """
    try:
        host.put(site.path, site.own)
        restore_own_files(host, site.directory, site.files, files)
    except (BaselineError, OSError) as error:
        return f"{site.path} was changed and could not be restored ({error})"
    try:
        streams = read_streams(host, site)
        fail2ban.reconnect()
        fail2ban.bring_into_force(streams, fail2ban.values(streams), changed=list(streams))
        missing = sorted(set(before) - set(fail2ban.values(streams)))
    except BaselineError as error:
        return f"{site.path} was restored, but fail2ban could not be started with it again ({error.sentence})"
    if missing:
        return f"{site.path} was restored, but these jails do not run any more: {', '.join(missing)}"
    return f"{site.path} was restored, and the jails run as before"
