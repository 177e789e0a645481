# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reports of bans need on the host: an interpreter, a folder for the queue, and a program that sends mail."""

from __future__ import annotations

import os
import typing as t

from ..._core.host.python_scripts import interpreter
from ..notify import notify_files
from .loading import SERVER

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..notify import Notify
    from ..own_files import OwnFile

__all__ = ["no_sendmail", "notify_files_for"]

_USUAL = ["/usr/bin/python3"]


def notify_files_for(host: Host, notify: Notify | None, directory: str, socket: str) -> dict[str, OwnFile]:
    """Return the files that report bans. ``socket``: that of the server, in whose folder the queue is."""
    folder = os.path.dirname(socket)
    # Another user could create the files of the queue in /tmp.
    runtime = folder if folder.startswith(("/run/", "/var/run/")) else "/run"
    return notify_files(notify, interpreter(host, SERVER) or _USUAL, directory, runtime)


def no_sendmail(host: Host, notify: Notify | None) -> str | None:
    """Return that the host has no program that sends mail, if reports are to be sent by mail, else ``None``."""
    if notify is None or not notify.mail or host.find("sendmail"):
        return None
    return "notify: reports by mail need the program sendmail; install a mail server such as postfix, dma or msmtp-mta"
