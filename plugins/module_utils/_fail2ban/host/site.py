# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of fail2ban on the host, and the candidate for our file."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import UNCHANGED, BaselineError, unknown
from .. import config as fail2ban
from .. import plan as fail2ban_plan
from ..jail_files import merge_sections, read_order, read_with_includes
from ..own_files import changed_files
from .ban_action import ban_action_files
from .notify import notify_files_for
from .own_files import check_filter_names, read_own_files
from .probe import find_missed_expressions

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.remembered import Remembered
    from ..own_files import OwnFiles
    from ..plan import ComposedJails, HostProbes, JailsRequest

__all__ = ["DIRECTORIES", "OWN_FILE", "Site", "compose_for", "is_installed", "names_in", "own_path", "read_site"]

# The directories of Linux and of the ports of FreeBSD.
DIRECTORIES = ("/etc/fail2ban", "/usr/local/etc/fail2ban")
# fail2ban reads jail.d/*.local after all other files (jail.conf(5)), in the order of their names.
OWN_FILE = "/jail.d/zz-pyhost-baseline.local"
_LOG = "/var/log/fail2ban.log"
_SOCKET = "/var/run/fail2ban/fail2ban.sock"


@dataclass(frozen=True)
class Site:
    """The files of fail2ban: merged sections of ``others``, files read ``later`` than ours, and our own text.

    ``later`` has paths and texts in reading order. ``socket``, ``log`` and ``database`` are settings of the server.
    """

    others: dict[str, dict[str, str]]
    later: tuple[tuple[str, str], ...]
    own: str | None
    socket: str
    log: str
    directory: str = DIRECTORIES[0]
    database: str = ""
    # Our files beside the jail file.
    files: OwnFiles = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of our file."""
        return self.directory + OWN_FILE

    def has(self, composed: ComposedJails) -> bool:
        """Return whether our files are as ``composed``."""
        return self.own == composed.text and not changed_files(self.files, composed.files)


def _directory(host: Host) -> str:
    """Return the directory of the files of fail2ban, or the usual one if it is not installed."""
    found = [directory for directory in DIRECTORIES if host.stat(f"{directory}/jail.conf") is not None]
    return (found or [DIRECTORIES[1] if host.platform.is_freebsd else DIRECTORIES[0]])[0]


def own_path(host: Host) -> str:
    """Return the path of our file."""
    return _directory(host) + OWN_FILE


def is_installed(host: Host) -> bool:
    return host.find("fail2ban-client") is not None and host.stat(f"{_directory(host)}/jail.conf") is not None


def read_site(host: Host) -> Site:
    """Read the jail files and the settings of fail2ban."""
    directory = _directory(host)
    own_file = directory + OWN_FILE
    paths = read_order({*_paths(host, directory, "jail"), own_file}, directory, "jail")
    position = paths.index(own_file)
    earlier, later = _read(host, paths[:position]), _read(host, paths[position + 1 :])
    sections = merge_sections(text for _path, text in _read(host, _paths(host, directory, "fail2ban")))
    settings = {**sections.get("DEFAULT", {}), **sections.get("Definition", {})}
    return Site(
        others=merge_sections(text for _path, text in [*earlier, *later]),
        later=tuple(later),
        own=host.read(own_file),
        socket=settings.get("socket", _SOCKET),
        log=settings.get("logtarget", _LOG),
        directory=directory,
        database=settings.get("dbfile", ""),
        files=read_own_files(host, directory),
    )


def _paths(host: Host, directory: str, name: str) -> list[str]:
    paths = host.glob(f"{directory}/{name}.*") + host.glob(f"{directory}/{name}.d/*")
    return read_order(paths, directory, name)


def _read(host: Host, paths: t.Iterable[str]) -> list[tuple[str, str]]:
    known: dict[tuple[str, ...], list[str]] = {}
    return [found for path in paths for found in read_with_includes(path, host.read, known)]


def names_in(host: Host, site: Site, folder: str) -> list[str]:
    """Return the names of the filters (``filter.d``) or actions (``action.d``) of the host."""
    return [os.path.splitext(os.path.basename(path))[0] for path in host.glob(f"{site.directory}/{folder}/*.conf")]


def compose_for(remembered: Remembered, request: JailsRequest, probes: HostProbes, site: Site) -> ComposedJails:
    """Return the candidate for our file. A missing filter of a jail is an error."""
    host = remembered.host
    fail2ban.check_names(request.defaults, request.jails)
    check_filter_names(host, site.directory, request.filters, site.files)
    filters = {name: _filter_text(host, request, site, name) for name in request.jails}
    if any(_needs_expressions(request, probes, site, name) for name in request.enabled):
        probes = replace(probes, missed=find_missed_expressions(remembered, site.directory))
    composed = fail2ban_plan.compose(request, probes, site.others, filters)
    reports = notify_files_for(host, request.notify, site.directory, site.socket)
    used = [composed.text, *(value for options in site.others.values() for value in options.values())]
    return replace(composed, files={**composed.files, **reports, **ban_action_files(used)})


def _filter_text(host: Host, request: JailsRequest, site: Site, name: str) -> str:
    filter_name = fail2ban.filter_name(name, request.jails[name], site.others)
    if filter_name in request.filters:
        return request.filters[filter_name].text
    base = f"{site.directory}/filter.d/{filter_name}"
    parts = [host.read(f"{base}.{kind}") for kind in ("conf", "local")]
    if parts == [None, None] and name in request.enabled:
        raise BaselineError(
            unknown("filter", filter_name, [*names_in(host, site, "filter.d"), *request.filters]),
            where=f"[{name}]",
            state=UNCHANGED,
            hint=f"a filter is a file {base}.conf",
        )
    return "\n".join(part for part in parts if part)


def _needs_expressions(request: JailsRequest, probes: HostProbes, site: Site, name: str) -> bool:
    """Return whether the jail uses the filter sshd and may count the end of a connection."""
    if fail2ban.filter_name(name, request.jails[name], site.others) != "sshd":
        return False
    return not probes.passwords or "mode" in {**site.others.get(name, {}), **request.jails[name]}
