# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, writes and restores our files below the directory of fail2ban."""

from __future__ import annotations

import os
import stat
import typing as t

from ..filters import check_foreign, check_included, filter_path
from ..notify import NOTIFY_FILES
from ..own_files import OwnFile, changed_files, is_own_text
from ..packet_filters import ACTION_FILE

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..filters import UserFilter
    from ..own_files import OwnFiles

__all__ = [
    "check_filter_names",
    "read_own_files",
    "remove_other_files",
    "restore_own_files",
    "write_own_files",
]

# Where files of ours are: filters of the user, the action that reports bans, and the one that makes them.
_PLACES = ("/filter.d/*.local", *NOTIFY_FILES, ACTION_FILE)


def read_own_files(host: Host, directory: str) -> dict[str, OwnFile]:
    """Return the files that this collection has written, but for its jail file."""
    found = {}
    for path in (path for place in _PLACES for path in host.glob(directory + place)):
        text = host.read(path)
        if text is not None and is_own_text(text):
            found[path[len(directory) :]] = OwnFile(text, private=_is_private(host, path))
    return found


def _is_private(host: Host, path: str) -> bool:
    state = host.stat(path)
    return state is not None and not stat.S_IMODE(state.st_mode) & 0o077


def check_filter_names(host: Host, directory: str, filters: t.Mapping[str, UserFilter], present: OwnFiles) -> None:
    """Refuse a filter whose include is missing, or for whose name somebody else has files: fail2ban reads both."""
    files = [os.path.basename(path) for path in host.glob(f"{directory}/filter.d/*")]
    files += [os.path.basename(filter_path(name)) for name in filters]
    for name, one in filters.items():
        check_included(name, one, files)
        base = f"{directory}/filter.d/{name}"
        paths = [path for path in (f"{base}.conf", f"{base}.local") if host.stat(path) is not None]
        paths += [*host.glob(f"{base}.d/*.conf"), *host.glob(f"{base}.d/*.local")]
        own = directory + filter_path(name) if filter_path(name) in present else None
        check_foreign(name, (path for path in paths if path != own))


def write_own_files(host: Host, directory: str, present: OwnFiles, requested: OwnFiles) -> None:
    """Write the files that differ. Files that are not requested any more stay until :func:`remove_other_files`."""
    for path in changed_files(present, requested):
        if path in requested:
            _write(host, directory + path, requested[path], present.get(path))


def remove_other_files(host: Host, directory: str, present: OwnFiles, requested: OwnFiles) -> None:
    """Remove the files that are not requested any more."""
    for path in present:
        if path not in requested:
            host.remove(directory + path)


def restore_own_files(host: Host, directory: str, present: OwnFiles, requested: OwnFiles) -> None:
    """Write the files as they were ``present`` before a change to ``requested``, and remove those that were not."""
    for path in changed_files(present, requested):
        if path in present:
            _write(host, directory + path, present[path], requested.get(path))
        else:
            host.remove(directory + path)


def _write(host: Host, path: str, file: OwnFile, present: OwnFile | None) -> None:
    if file.private and present is not None and not present.private:
        # A file that is replaced keeps its mode.
        host.remove(path)
    host.write(path, file.text, mode=0o600 if file.private else 0o644)
