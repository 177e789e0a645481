# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a new login to root: the command, and the meaning of sudo's answer. Pure; sudo(8), sudoers(5), doas(1), su(1).

The become method is the play's own. doas asks for a password only at a terminal, and su always asks for one; another
method (pbrun, machinectl) is not tried.

A shell must report that it runs as root. An exit status is not enough, because sudo may have run as another user.
"""

from __future__ import annotations

import re
import shlex

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

from .client import Reply, SshTarget, reply_message

__all__ = ["as_root", "is_root", "needs_password", "rejects_password", "sudo_error", "without_sudo"]

_ROOT = "pyhost.baseline: root"
_WITHOUT_SUDO = "pyhost.baseline: root without sudo"
_OTHER_USER = "pyhost.baseline: not root but uid"
_NOT_TRIED = "pyhost.baseline: not tried: "
_PASSWORD_WANTED = r"password is required|interactive authentication is required|Auth\w+ required|a tty is required"
# Warnings after which sudo continues: a host without its own name in /etc/hosts, the limits of a container.
_HARMLESS = r"unable to resolve host|setrlimit\(|rlimit"
_NO_POWER = r"setuid bit|effective uid is not 0|must be owned by uid 0|no new privileges"


def as_root(script: str, *, password: str | None = None, become: str = "sudo") -> tuple[str, str | None]:
    """Return the command of a login, and its standard input, so that ``script`` runs as root and as no other user."""
    uid = f'{{ echo "{_OTHER_USER} $(id -u)"; exit 1; }}'
    proven = f"[ \"$(id -u)\" = 0 ] || {uid}; echo '{_ROOT}'; {script}"
    way = _way_to_root(become, f"sh -c {shlex.quote(proven)}", has_password=bool(password))
    whole = f"if [ \"$(id -u)\" = 0 ]; then echo '{_WITHOUT_SUDO}'; {proven}; else {way}; fi"
    return whole, f"{password}\n" if password else None


def _way_to_root(become: str, command: str, *, has_password: bool) -> str:
    """Return what runs ``command`` as root without a terminal, by the method ``become``."""
    if become == "sudo":
        return f"sudo {'-S -k -p {}'.format(shlex.quote('')) if has_password else '-n'} -u root {command}"
    if become == "doas":
        return f"doas -n -u root {command}"
    if become == "su" and has_password:
        return f"su root -c {shlex.quote(f'exec {command}')}"
    return f"echo {shlex.quote(_NOT_TRIED + become)}; exit 1"


def is_root(reply: Reply) -> bool:
    """Return whether the script of :func:`as_root` ran."""
    return _ROOT in reply.out.splitlines()


def without_sudo(reply: Reply) -> bool:
    """Return whether root itself logged in."""
    return _WITHOUT_SUDO in reply.out.splitlines()


def needs_password(reply: Reply) -> bool:
    """Return whether sudo only lacks a password (sudo and sudo-rs print the same message).

    sudo also prints that it needs a password where none would help, for example after "account validation failure".
    """
    if _NOT_TRIED in reply.out:
        return True
    lines = [line for line in reply.err.splitlines() if re.match(r"\s*(?:sudo(?:-rs)?|doas): ", line)]
    wanted = [line for line in lines if re.search(_PASSWORD_WANTED, line)]
    return bool(wanted) and all(re.search(_HARMLESS, line) for line in lines if line not in wanted)


def rejects_password(reply: Reply) -> bool:
    """Return whether sudo asked for a password and rejected the given one."""
    failed = (
        r"incorrect (?:password|authentication) attempt|no password was provided|Sorry, try again"
        r"|su: Authentication failure"
    )
    return bool(re.search(rf"{failed}|Authentication failed, try again", reply.err))


def sudo_error(target: SshTarget, reply: Reply, *, tried: str) -> BaselineError | None:
    """Return why root was not reached after a successful login; ``tried`` is ``nopasswd`` or ``password``."""
    become = target.become
    if is_root(reply):
        return None
    if _NOT_TRIED in reply.out:
        return BaselineError(
            f"a new login as {target} works, but {become} cannot be tried there without a terminal",
            state="",
            hint="give root's password (--ask-become-pass)" if become == "su" else "",
        )
    other = re.search(rf"^{_OTHER_USER} (\d{{1,10}})$", reply.out, re.MULTILINE)
    if other:
        return BaselineError(
            f"a new login as {target} works, but {become} there leads to the user with uid {other[1]} and not to root",
            state="",
            hint="look for a rule or a runas_default in /etc/sudoers and /etc/sudoers.d" if become == "sudo" else "",
        )
    if tried == "password" and rejects_password(reply):
        hint = "correct the become password, which was not accepted, or allow the user to use sudo"
    elif tried == "nopasswd" and needs_password(reply):
        hint = "give the become password (--ask-become-pass), or set sudo to false to prove the login alone"
    elif become != "sudo":
        hint = f"let {become} make the user root, or set another become method"
    elif re.search(_NO_POWER, reply.err):
        hint = "sudo must belong to root with the mode 4755, on a file system that is not mounted with nosuid"
    elif re.search(r"not found", reply.err):
        hint = "install sudo"
    else:
        hint = "give the user a rule in /etc/sudoers.d that allows every command as root"
    problem = f"a new login as {target} works, but {become} there does not: {reply_message(reply)}"
    return BaselineError(problem, state="", hint=hint)
