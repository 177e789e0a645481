# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On from a new login to root: what is run there, and what sudo's answer means. Pure; sudo(8), sudoers(5).

What counts is that a shell says that it is root's. An exit status says less: sudo may have run as somebody else.
"""

from __future__ import annotations

import re
import shlex

from .client import Reply, Target, words

__all__ = ["as_root", "is_root", "needs_password", "rejects_password", "sudo_complaint", "without_sudo"]

_ROOT = "pyhost.baseline: root"
_WITHOUT_SUDO = "pyhost.baseline: root without sudo"
_OTHER_USER = "pyhost.baseline: not root but uid"
_PASSWORD_WANTED = r"password is required|interactive authentication is required"
# What sudo warns of and goes on: a host without its own name in /etc/hosts, a container's limits.
_HARMLESS = r"unable to resolve host|setrlimit\(|rlimit"
_NO_POWER = r"setuid bit|effective uid is not 0|must be owned by uid 0|no new privileges"


def as_root(script: str, *, password: str | None = None) -> tuple[str, str | None]:
    """Return what a login runs, and its standard input, so that ``script`` runs as root, and as nobody else."""
    uid = f'{{ echo "{_OTHER_USER} $(id -u)"; exit 1; }}'
    proven = f"[ \"$(id -u)\" = 0 ] || {uid}; echo '{_ROOT}'; {script}"
    how = "-S -k -p ''" if password else "-n"
    sudo = f"sudo {how} -u root sh -c {shlex.quote(proven)}"
    whole = f"if [ \"$(id -u)\" = 0 ]; then echo '{_WITHOUT_SUDO}'; {proven}; else {sudo}; fi"
    return whole, f"{password}\n" if password else None


def is_root(reply: Reply) -> bool:
    """Say whether the script of :func:`as_root` was run."""
    return _ROOT in reply.out.splitlines()


def without_sudo(reply: Reply) -> bool:
    """Say whether it was root who logged in."""
    return _WITHOUT_SUDO in reply.out.splitlines()


def needs_password(reply: Reply) -> bool:
    """Say whether sudo would have asked for a password, and nothing else is wrong (sudo and sudo-rs word it alike).

    sudo says that it needs a password also where none would help: after "account validation failure", for one.
    """
    said = [line for line in reply.err.splitlines() if re.match(r"\s*sudo(?:-rs)?: ", line)]
    wanted = [line for line in said if re.search(_PASSWORD_WANTED, line)]
    return bool(wanted) and all(re.search(_HARMLESS, line) for line in said if line not in wanted)


def rejects_password(reply: Reply) -> bool:
    """Say whether sudo asked for a password and the one that it got is not that of the user."""
    failed = r"incorrect (?:password|authentication) attempt|no password was provided|Sorry, try again"
    return bool(re.search(rf"{failed}|Authentication failed, try again", reply.err))


def sudo_complaint(target: Target, reply: Reply, *, tried: str) -> str | None:
    """Say why root was not reached after a login that worked; ``tried`` is ``nopasswd`` or ``password``."""
    if is_root(reply):
        return None
    other = re.search(rf"^{_OTHER_USER} (\d{{1,10}})$", reply.out, re.MULTILINE)
    if other:
        return (
            f"a new login as {target} works, but sudo there leads to the user with uid {other[1]} and not to root; "
            "look for a rule or a runas_default in /etc/sudoers and /etc/sudoers.d"
        )
    if tried == "password" and rejects_password(reply):
        hint = "the become password was not accepted, or the user may not use sudo"
    elif tried == "nopasswd" and needs_password(reply):
        hint = "give the become password (--ask-become-pass), or set sudo to false to prove the login alone"
    elif re.search(_NO_POWER, reply.err):
        hint = "sudo must belong to root with the mode 4755, on a file system that is not mounted with nosuid"
    elif re.search(r"not found", reply.err):
        hint = "install sudo"
    else:
        hint = "give the user a rule in /etc/sudoers.d by which every command may be run as root"
    return f"a new login as {target} works, but sudo there does not: {words(reply)}; {hint}"
