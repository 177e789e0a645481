# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd on the host: its program, the files it reads, a staged copy of them, and its own answer (``sshd -T -C …``)."""

from __future__ import annotations

import functools
import grp
import os
import pwd
import re
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError
from ..._core.host.process import own_ssh_connection
from ..effective import Effective, parse_effective
from ..match import Connection, connection_for, matches
from ..parse import parse
from ..refusal import placed
from ..releases import Release, read_release
from ..tree import Tree, absolute, staged
from ..wish import Wish

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host

__all__ = ["Sshd", "account", "connections", "controller", "find_sshd", "read_tree", "stage"]

_MISSING_DIRECTORY = re.compile(r"Missing privilege separation directory: (/\S+)")
# In a mount namespace of its own, so that the question leaves nothing behind on the host: a folder in the place of $1,
# in which $2 is. The staged files, below $4, have to stay where they are. The new folder is put together at $3.
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
    """The sshd program and how it can be asked on this host: a fresh one lacks /run/sshd or host keys."""

    host: Host
    program: str
    main: str
    lacking: str = ""
    borrowed_key: str = ""
    lacks_invalid_user: bool = False

    def version(self) -> str:
        """Return the version as the program says it, such as ``OpenSSH_10.0p2``."""
        return self.release.words.partition(" ")[0]

    @functools.cached_property
    def release(self) -> Release:
        """The release of OpenSSH, for what the model of sshd_config(5) has to know about it."""
        ran = self.host.run([self.program, "-V"])
        return read_release(ran.err + ran.out)

    def is_debians(self) -> bool:
        """Say whether this is a build with Debian's patches (Debian, Ubuntu and theirs), by a keyword of its own."""
        return "debianbanner" in (self.host.read(self.program) or "")

    def effective(
        self,
        connection: Connection,
        *,
        root: str = "",
        options: t.Sequence[str] = (),
        unchanged: str = "nothing was changed",
    ) -> Effective:
        """Return what is in force for ``connection``, in the tree below ``root`` or, without one, on the host.

        ``options`` are those of a command line, which override the files.
        """
        ran = self._ask(connection, root, options)
        if not ran.ok:
            raise BaselineError(f"sshd rejects the configuration: {self._words(ran, root)}; {unchanged}")
        return parse_effective(ran.out)

    def unknown_keywords(self, wish: Wish) -> frozenset[str]:
        """Return which keywords of ``wish``'s settings this sshd does not know, in the manual's spelling: it is asked.

        A value that it refuses is no unknown keyword: whoever asks about the whole configuration is told.
        """
        path = os.path.join(self.host.scratch(), "keywords")
        lines = (f"{name} {value}\n" for name, values in wish.settings.items() for value in values)
        self.host.lay_out({path: "".join(lines)})
        ran = self._run(["-T", "-f", path])
        named = {name.lower() for name in re.findall(r"Bad configuration option: (\S+)", ran.err)} if not ran.ok else ()
        return frozenset(name for name in wish.settings if name.lower() in named)

    def _ask(self, connection: Connection, root: str, options: t.Sequence[str]) -> CommandResult:
        """Ask in the words that this version and this configuration want."""
        specification = connection.specification()
        # Only from OpenSSH 9.9 on is there a criterion for users without an account, and the flag that goes with it.
        more = "" if connection.exists or self.lacks_invalid_user else ",invalid-user"
        ran = self._run(["-T", "-f", root + self.main, "-C", specification + more, *options])
        if not ran.ok and more and "Invalid test mode specification" in ran.err:
            self.lacks_invalid_user = True
            return self._ask(connection, root, options)
        if not ran.ok and "'lport' not in connection test specification" in ran.err and not connection.local_port:
            # A port that no Match LocalPort names: blocks for one port stay out, as they do in the model.
            return self._ask(replace(connection, local_port="1"), root, options)
        return ran

    def _words(self, ran: CommandResult, root: str) -> str:
        """Return sshd's own words, with the file's true name and the line that it means."""
        try:
            files = read_tree(self.host, root + self.main).files
        except BaselineError:
            # What the model cannot read either.
            files = {root + self.main: self.host.read(root + self.main) or ""}
        true = {path[len(root) :]: text for path, text in files.items()}
        return placed(ran.err.replace(root, "") if root else ran.err, true) or ran.message()

    def _run(self, arguments: list[str]) -> CommandResult:
        ran = self.host.run(self._command(arguments))
        missing = _MISSING_DIRECTORY.search(ran.err)
        if not ran.ok and missing and not self.lacking:
            self.lacking = missing.group(1)
            return self._run(arguments)
        if not ran.ok and "no hostkeys available" in ran.err and not self.borrowed_key:
            self.borrowed_key = self._key()
            return self._run(arguments)
        return ran

    def _command(self, arguments: list[str]) -> list[str]:
        command = [self.program, *arguments]
        if self.borrowed_key:
            command += ["-h", self.borrowed_key]
        if self.lacking:
            spare = self.host.scratch()
            places = [os.path.dirname(self.lacking), self.lacking, spare, os.path.dirname(spare)]
            command = ["unshare", "--mount", "sh", "-c", _WITH_DIRECTORY, "sh", *places, *command]
        return command

    def _key(self) -> str:
        path = os.path.join(self.host.scratch(), "key")
        ran = self.host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path])
        if not ran.ok:
            raise BaselineError(
                f"the host has no ssh host key and none can be made: {ran.message()}; nothing was changed"
            )
        return path


def find_sshd(host: Host, main: str) -> Sshd | None:
    """Return sshd, ``None`` where it is not installed."""
    program = _freebsds(host, main) if host.platform.is_freebsd else host.find("sshd")
    return Sshd(host, program, main) if program else None


def _freebsds(host: Host, main: str) -> str | None:
    """Return the sshd that reads ``main``: the base system's or that of the port openssh-portable."""
    program = "/usr/local/sbin/sshd" if main.startswith("/usr/local/") else "/usr/sbin/sshd"
    return program if host.stat(program) else None


def read_tree(host: Host, main: str) -> Tree:
    """Read the main file and all that it includes; a missing main file gives an empty tree."""
    files: dict[str, str] = {}
    waiting = [main]
    while waiting:
        path = waiting.pop()
        text = host.read(path)
        if path in files or text is None:
            continue
        files[path] = text
        for line in parse(text, path=path):
            if line.keyword == "include":
                waiting += [file for pattern in line.arguments for file in host.glob(absolute(pattern, main))]
    return Tree(main, files)


def stage(host: Host, tree: Tree, *, without: t.Collection[tuple[str, int]] = ()) -> str:
    """Lay the tree out in a scratch directory and return its root."""
    root = host.scratch()
    host.lay_out(staged(tree, root, without=without))
    return root


def account(base: Connection, user: str) -> Connection:
    """Return ``base`` as ``user``, with the groups that the account has on the host."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return replace(base, user=user, groups=(), exists=False)
    groups = tuple(_group_names(os.getgrouplist(user, entry.pw_gid)))
    return replace(base, user=user, groups=groups, exists=True)


def controller(host: Host, base_user: str = "root") -> Connection:
    """Return the connection over which this run came in, as sshd would see it; the loopback where it did not."""
    said = own_ssh_connection(host).split()
    if len(said) == 4:
        return account(Connection("", address=said[0], local_address=said[2], local_port=said[3]), base_user)
    return account(Connection("", address="127.0.0.1"), base_user)


def connections(wish: Wish, base: Connection, users: t.Iterable[str]) -> tuple[list[Connection], list[str]]:
    """Return whom sshd is asked about: ``base``, ``users``, one for each block; and the blocks that nobody fits."""
    found = [base, *(account(base, user) for user in users)]
    silent = []
    for block in wish.blocks:
        example = connection_for(block.criteria, _member(block.criteria.pairs, base))
        example = account(example, example.user) if example else None
        if example and matches(block.criteria, example):
            found.append(example)
        else:
            silent.append(str(block.criteria))
    return list(dict.fromkeys(found)), silent


def _member(pairs: t.Iterable[tuple[str, str]], base: Connection) -> Connection:
    """Return ``base`` as an account that is in the group the criteria name, where there is one."""
    wanted = dict(pairs).get("group")
    if not wanted:
        return base
    for name in wanted.split(","):
        try:
            group = grp.getgrnam(name)
        except KeyError:
            continue
        members = [*group.gr_mem, *(entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group.gr_gid)]
        if members:
            return account(base, members[0])
    return base


def _group_names(ids: t.Iterable[int]) -> t.Iterator[str]:
    for number in ids:
        try:
            yield grp.getgrgid(number).gr_name
        except KeyError:
            continue
