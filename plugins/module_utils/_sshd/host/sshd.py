# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd on the host: its program, its files, a staged copy of them, and its effective configuration (``sshd -T -C``)."""

from __future__ import annotations

import functools
import grp
import ipaddress
import os
import pwd
import re
import stat
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError
from ..._core.host.process import own_ssh_connection
from ..._core.text import is_number
from ..effective import Effective, parse_effective
from ..match import Connection
from ..parse import parse
from ..rejection import locate_errors
from ..releases import Release, read_release
from ..tree import Tree, absolute, staged_files

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host

__all__ = ["Sshd", "connection_as", "find_sshd", "incoming_connection", "read_tree", "stage"]

_MISSING_DIRECTORY = re.compile(r"Missing privilege separation directory: (/\S+)")
# Runs sshd in a mount namespace of its own, so that nothing remains on the host. A new folder that contains $2 replaces
# $1. It is prepared at $3. The staged files below $4 stay where they are.
_WITH_DIRECTORY = """\
set -e
mount -n -t tmpfs tmpfs "$3"
mkdir -m 0755 "$3${2#"$1"}"
case "$4" in "$1"/*)
    mkdir "$3${4#"$1"}"
    mount -n --bind "$4" "$3${4#"$1"}" ;;
esac
mount -n --move "$3" "$1"
shift 4
exec "$@"
"""


@dataclass
class Sshd:
    """The sshd program and how to run it on this host: a fresh host lacks /run/sshd or host keys."""

    host: Host
    program: str
    main: str
    missing_directory: str = ""
    borrowed_key: str = ""
    lacks_invalid_user: bool = False

    def version(self) -> str:
        """Return the version string of the program, such as ``OpenSSH_10.0p2``."""
        return self.release.version.partition(" ")[0]

    @functools.cached_property
    def release(self) -> Release:
        """The release of OpenSSH, by which the model of sshd_config(5) differs."""
        ran = self.host.run([self.program, "-V"])
        return read_release(ran.err + ran.out)

    def is_debians(self) -> bool:
        """Say whether this is a build with Debian's patches (Debian, Ubuntu), which have a keyword of their own."""
        return "debianbanner" in (self.host.read(self.program) or "")

    def effective(
        self,
        connection: Connection,
        *,
        root: str = "",
        options: t.Sequence[str] = (),
    ) -> Effective:
        """Return the effective configuration for ``connection``, of the tree below ``root`` or of the host itself.

        ``options`` are command-line options, which override the files.
        """
        ran = self._ask(connection, root, options)
        if not ran.ok:
            raise BaselineError(f"sshd rejects the configuration: {self._message(ran, root)}")
        return parse_effective(ran.out)

    def unknown_keywords(self, settings: t.Mapping[str, t.Sequence[str]]) -> frozenset[str]:
        """Return the keywords of global ``settings`` that this sshd does not know, in the manual's spelling.

        A rejected value is not an unknown keyword; the check of the whole configuration reports it.
        """
        path = os.path.join(self.host.scratch(), "keywords")
        lines = (f"{name} {value}\n" for name, values in settings.items() for value in values)
        self.host.lay_out({path: "".join(lines)})
        ran = self._run(["-T", "-f", path])
        named = {name.lower() for name in re.findall(r"Bad configuration option: (\S+)", ran.err)} if not ran.ok else ()
        return frozenset(name for name in settings if name.lower() in named)

    def _ask(self, connection: Connection, root: str, options: t.Sequence[str]) -> CommandResult:
        """Run ``sshd -T`` with the connection that this version and this configuration require."""
        specification = connection.specification()
        # Only OpenSSH 9.9 and later have a criterion for users without an account, and its flag.
        more = "" if connection.exists or self.lacks_invalid_user else ",invalid-user"
        ran = self._run(["-T", "-f", root + self.main, "-C", specification + more, *options])
        if not ran.ok and more and "Invalid test mode specification" in ran.err:
            self.lacks_invalid_user = True
            return self._ask(connection, root, options)
        if not ran.ok and "'lport' not in connection test specification" in ran.err and not connection.local_port:
            # A port that no Match LocalPort names: blocks for a port do not apply, as in the model.
            return self._ask(replace(connection, local_port="1"), root, options)
        return ran

    def _message(self, ran: CommandResult, root: str) -> str:
        """Return sshd's message, with the real name of the file and the line."""
        try:
            files = read_tree(self.host, root + self.main).files
        except BaselineError:
            # The model cannot read the files either.
            files = {root + self.main: self.host.read(root + self.main) or ""}
        true = {path[len(root) :]: text for path, text in files.items()}
        return locate_errors(ran.err.replace(root, "") if root else ran.err, true) or ran.message()

    def _run(self, arguments: list[str]) -> CommandResult:
        ran = self.host.run(self._command(arguments))
        missing = _MISSING_DIRECTORY.search(ran.err)
        if not ran.ok and missing and not self.missing_directory:
            self.missing_directory = missing.group(1)
            return self._run(arguments)
        if not ran.ok and "no hostkeys available" in ran.err and not self.borrowed_key:
            self.borrowed_key = self._key()
            return self._run(arguments)
        return ran

    def _command(self, arguments: list[str]) -> list[str]:
        command = [self.program, *arguments]
        if self.borrowed_key:
            command += ["-h", self.borrowed_key]
        if self.missing_directory:
            spare = self.host.scratch()
            places = [os.path.dirname(self.missing_directory), self.missing_directory, spare, os.path.dirname(spare)]
            command = ["unshare", "--mount", "sh", "-c", _WITH_DIRECTORY, "sh", *places, *command]
        return command

    def _key(self) -> str:
        path = os.path.join(self.host.scratch(), "key")
        ran = self.host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path])
        if not ran.ok:
            raise BaselineError(f"the host has no ssh host key, and ssh-keygen cannot make one: {ran.message()}")
        return path


def find_sshd(host: Host, main: str) -> Sshd | None:
    """Return sshd, or ``None`` where it is not installed."""
    program = _find_on_freebsd(host, main) if host.platform.is_freebsd else host.find("sshd")
    return Sshd(host, program, main) if program else None


def _find_on_freebsd(host: Host, main: str) -> str | None:
    """Return the sshd that reads ``main``: the base system's or that of the port openssh-portable."""
    program = "/usr/local/sbin/sshd" if main.startswith("/usr/local/") else "/usr/sbin/sshd"
    return program if host.stat(program) else None


def read_tree(host: Host, main: str) -> Tree:
    """Read the main file and all files that it includes; without a main file the tree is empty."""
    files: dict[str, str] = {}
    waiting = [main]
    while waiting:
        path = waiting.pop()
        text = _read_included(host, path) if path != main else host.read(path)
        if path in files or text is None:
            continue
        files[path] = text
        for line in parse(text, path=path):
            if line.keyword == "include":
                waiting += [file for pattern in line.arguments for file in host.glob(absolute(pattern, main))]
    return Tree(main, files)


def _read_included(host: Host, path: str) -> str:
    """Return the text of a file that a pattern of ``Include`` matches. sshd takes a folder there for an empty file.

    A link that leads nowhere ends sshd: the running one at its next reload, every other one at once.
    """
    entry = host.stat(path)
    if entry is not None and stat.S_ISDIR(entry.st_mode):
        return ""
    text = host.read(path)
    if text is None:
        raise BaselineError(
            "sshd cannot start, and would end at its next reload: it includes this link, which leads nowhere",
            where=path,
            hint=f"remove it (`rm {path}`), or create the file that it leads to",
        )
    return text


def stage(host: Host, tree: Tree, *, without: t.Collection[tuple[str, int]] = ()) -> str:
    """Write the tree to a scratch directory and return its root."""
    root = host.scratch()
    host.lay_out(staged_files(tree, root, without=without))
    return root


def connection_as(base: Connection, user: str) -> Connection:
    """Return ``base`` with ``user`` and the groups of that account on the host."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return replace(base, user=user, groups=(), exists=False)
    groups = tuple(_group_names(os.getgrouplist(user, entry.pw_gid)))
    return replace(base, user=user, groups=groups, exists=True)


def incoming_connection(host: Host, base_user: str = "root") -> Connection:
    """Return the SSH connection of this run as sshd sees it; one from the loopback address without SSH."""
    parts = own_ssh_connection(host).split()
    # sshd writes UNKNOWN for a socket without addresses (vsock), and an ancestor may have anything in its environment.
    if len(parts) == 4 and _is_address(parts[0]) and _is_address(parts[2]) and is_number(parts[3]):
        return connection_as(Connection("", address=parts[0], local_address=parts[2], local_port=parts[3]), base_user)
    return connection_as(Connection("", address="127.0.0.1"), base_user)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return False
    return True


def _group_names(ids: t.Iterable[int]) -> t.Iterator[str]:
    for number in ids:
        try:
            yield grp.getgrgid(number).gr_name
        except KeyError:
            continue
