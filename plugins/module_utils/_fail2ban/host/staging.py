# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a candidate for our file in a staged copy of the configuration, by fail2ban itself."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ..._core.errors import UNCHANGED, BaselineError
from .. import log_source
from ..plan import explain_rejection
from ..stream import parse_stream
from .own_files import remove_other_files, write_own_files
from .probe import files_below
from .site import OWN_FILE, names_in

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.remembered import Remembered
    from ..plan import ComposedJails, JailsRequest
    from ..stream import JailStream
    from .site import Site

__all__ = ["Streams", "own_log", "read_streams", "stage"]

Streams = t.Dict[str, "JailStream"]
# An entry of [INCLUDES] that leaves its folder.
_ELSEWHERE = re.compile(r"^\s*(?:before|after)\s*[=:].*/", re.MULTILINE)


def stage(host: Host, site: Site, candidate: ComposedJails) -> str:
    """Return the directory of a copy of the configuration with our files of ``candidate``.

    It is the one of ``site`` itself if these files are there.
    """
    if site.has(candidate):
        return site.directory
    directory = host.scratch() + "/fail2ban"
    host.copy_tree(site.directory, directory)
    write_own_files(host, directory, site.files, candidate.files)
    remove_other_files(host, directory, site.files, candidate.files)
    host.write(directory + OWN_FILE, candidate.text)
    return directory


def read_streams(
    host: Host, site: Site, directory: str | None = None, *, remembered: Remembered | None = None
) -> Streams:
    """Return the jails that the files define, in ``directory`` if it is a copy. A rejection is an error.

    Of the files of ``site`` itself fail2ban is asked only once (``remembered``), unless jails read log files: which of
    these there are is a part of the answer.
    """
    directory = directory or site.directory
    argv = ["fail2ban-client", "-c", directory, "-d", "-t"]
    if remembered and directory == site.directory:
        files = files_below(host, directory)
        ran = remembered.run(argv, files=files, depends_on_more=lambda out: _depends_on_more(host, files, out))
    else:
        ran = host.run(argv)
    if not ran.ok:
        errors, hint = explain_rejection(
            ran.err, filters=names_in(host, site, "filter.d"), actions=names_in(host, site, "action.d")
        )
        if host.platform.is_freebsd and "not found any log file" in errors:
            # newsyslog.conf(5) has the flag C for /var/log/auth.log: a missing file is created at boot.
            hint = "run `service newsyslog onestart`, which creates the logs that syslogd writes"
        problem = errors.replace(directory, site.directory)
        raise BaselineError(f"fail2ban rejects the configuration: {problem}", state=UNCHANGED, hint=hint)
    return parse_stream(ran.out.replace(directory, site.directory))


def _depends_on_more(host: Host, files: t.Iterable[str], out: str) -> bool:
    """Return whether the answer ``out`` depends on more than ``files``: on logs, or on files elsewhere."""
    texts = (host.read(path) or "" for path in files if path.endswith((".conf", ".local")))
    return "addlogpath" in out or any("skip_if_nologs" in text or _ELSEWHERE.search(text) for text in texts)


@contextlib.contextmanager
def own_log(host: Host, request: JailsRequest, site: Site) -> t.Iterator[None]:
    """Create an empty log of fail2ban if a requested jail reads it and no server has created it so far.

    fail2ban ignores a jail whose log does not exist. If an error occurs, an empty log is removed again.
    """
    needed = any(log_source.reads_log(name, request.jails[name], site.others, site.log) for name in request.enabled)
    is_missing = needed and not host.check_mode and site.log.startswith("/") and host.stat(site.log) is None
    if is_missing:
        host.write(site.log, "", mode=0o600)
    try:
        yield
    except BaselineError:
        if is_missing and not host.read(site.log):
            host.remove(site.log)
        raise
