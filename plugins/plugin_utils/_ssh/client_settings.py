# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the OpenSSH client itself would use for a host: the answer of ``ssh -G``; ssh(1), ssh_config(5).

``Port`` may be in ssh_config, in ``ansible_ssh_common_args`` or nowhere: only the client knows which applies.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import typing as t
from dataclasses import dataclass

__all__ = ["ClientSettings", "ask_client", "forced_port", "parse_settings"]

_SECONDS = 10
# The name of ssh_config(5) -> what ``ssh -G`` prints for it.
_STRICT = {"true": "yes", "false": "no", "off": "no"}


@dataclass(frozen=True)
class ClientSettings:
    """The client's own settings for a host. ``port`` is ``None`` where the client could not be asked.

    ``host`` is the name after ``HostName`` and ``alias`` the ``HostKeyAlias``: by them ssh looks for the host's key.
    ``strict`` is ``StrictHostKeyChecking``. ``asks_others``: keys also come from elsewhere than ``known_hosts``.
    ``is_forced``: no variable of Ansible can set another port. ``is_proxied``: it leads through another host.
    """

    host: str = ""
    port: int | None = None
    alias: str = ""
    strict: str = ""
    known_hosts: tuple[str, ...] = ()
    asks_others: bool = False
    is_forced: bool = False
    is_proxied: bool = False


def parse_settings(text: str) -> ClientSettings:
    """Read the output of ``ssh -G``: a keyword in lower case and its value on each line."""
    values = dict(line.split(" ", 1) for line in reversed(text.splitlines()) if " " in line)
    port, strict = values.get("port", ""), values.get("stricthostkeychecking", "")
    others = (values.get("knownhostscommand", "none"), values.get("verifyhostkeydns", "false"))
    files = f"{values.get('userknownhostsfile', '')} {values.get('globalknownhostsfile', '')}".split()
    return ClientSettings(
        host=values.get("hostname", ""),
        port=int(port) if re.fullmatch(r"[0-9]{1,5}", port) else None,
        alias=values.get("hostkeyalias", ""),
        strict=_STRICT.get(strict, strict),
        known_hosts=tuple(os.path.expanduser(file) for file in files if file != "none"),
        asks_others=others not in (("none", "false"), ("none", "no")),
        is_proxied=any(values.get(name, "none") != "none" for name in ("proxyjump", "proxycommand")),
    )


def ask_client(program: str, arguments: t.Sequence[str], host: str, *, user: str | None = None) -> ClientSettings:
    """Return the settings of the client ``program`` with the user's ``arguments`` for ``host``.

    A client that does not answer (a wrapper, an old one) has no settings that are known.
    """
    login = ["-o", f'User="{user}"'] if user else []
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        ran = subprocess.run(
            [program, "-G", *arguments, *login, "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        if ran.returncode == 0:
            return parse_settings(ran.stdout.decode(errors="replace"))
    return ClientSettings()


def forced_port(program: str, arguments: t.Sequence[str], host: str) -> int | None:
    """Return the port that ``arguments`` (``ansible_ssh_args``) set, ``None`` if they set none.

    Ansible puts them before its own ``-o Port``, and ssh uses the first: neither ``ansible_port`` nor a fact counts
    then.
    """
    if not any(re.search(r"^-p|port", word, re.IGNORECASE) for word in arguments):
        return None
    found = {ask_client(program, [*arguments, "-o", f"Port={port}"], host).port for port in (1, 2)}
    return found.pop() if len(found) == 1 else None
