# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host keys that this controller knows, by ``ssh-keygen -F``, which reads hashed names too; sshd(8), ssh(1).

ssh looks a host on port 22 up by its name alone. On another port it looks for ``[name]:port``, and for the name alone
if there is no such line, but never for another port.
"""

from __future__ import annotations

import subprocess
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

from .client_settings import ClientSettings

__all__ = ["KnownKey", "known_keys", "move_error", "parse_lines"]

_SSH_PORT, _SECONDS = 22, 10


@dataclass(frozen=True)
class KnownKey:
    """A key of known_hosts: its type and its body in base64. ``is_authority``: a key that signs those of hosts."""

    kind: str
    key: str
    is_authority: bool = False


def parse_lines(text: str) -> list[KnownKey]:
    """Read the lines that ``ssh-keygen -F`` found; revoked keys are left out."""
    found = []
    for words in map(str.split, text.splitlines()):
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) >= 3 and not words[0].startswith("#") and marker != "@revoked":
            found.append(KnownKey(words[1], words[2], is_authority=bool(marker)))
    return found


def known_keys(settings: ClientSettings, port: int) -> list[KnownKey]:
    """Return the keys by which ssh would know the host on ``port``."""
    own = _find(settings, _name(settings, port))
    return own or ([] if settings.alias else _find(settings, settings.host))


def move_error(settings: ClientSettings, *, old: int, new: int) -> BaselineError | None:
    """Return the error if ssh knows the host on port ``old`` and would not know it on port ``new`` after a move.

    ``None`` too where ssh accepts keys that it does not know, or asks something else than files.
    """
    if settings.alias or settings.asks_others or settings.strict not in ("yes", "ask"):
        return None
    keys = [one for one in known_keys(settings, old) if not one.is_authority]
    if not keys or known_keys(settings, new):
        return None
    old_name, name = _name(settings, old), _name(settings, new)
    lines = " and ".join(f"'{name} {one.kind} {one.key}'" for one in keys)
    files = next(iter(settings.known_hosts), "known_hosts")
    return BaselineError(
        f"this controller knows the host's key for {old_name} only, and ssh would refuse the host on port {new} after "
        "the move",
        where=name,
        hint=f"it is the same key: add {'these lines' if keys[1:] else 'this line'} to {files} and run again: {lines}",
    )


def _name(settings: ClientSettings, port: int) -> str:
    if settings.alias:
        return settings.alias
    return settings.host if port == _SSH_PORT else f"[{settings.host}]:{port}"


def _find(settings: ClientSettings, name: str) -> list[KnownKey]:
    found: dict[KnownKey, None] = {}
    for file in settings.known_hosts:
        found.update(dict.fromkeys(parse_lines(_run(["ssh-keygen", "-F", name, "-f", file]))))
    return list(found)


def _run(argv: t.Sequence[str]) -> str:
    """Return the output of ssh-keygen, nothing where it found nothing or cannot be run."""
    try:
        ran = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.decode(errors="replace")
