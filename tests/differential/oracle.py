"""The real sshd, asked in bulk: one call carries many configurations to a host and brings the answers back.

On the host all happens in a mount namespace of its own, with an /etc/ssh and accounts of the question's: nothing stays.
"""

from __future__ import annotations

import functools
import io
import subprocess
import tarfile
import tempfile
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_effective import Effective, parse_effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_tree import staged
from tests.differential.trees import ACCOUNTS, KEYS, Case

__all__ = ["Answer", "Oracle", "OracleError"]

# Line by line: `BEGIN number`, what sshd prints, `END status`, and where it refuses its own words.
_SCRIPT = r"""
set -eu
mount -t tmpfs tmpfs /mnt
cd /mnt
tar -xf -
for file in passwd group; do
    cat /etc/$file $file >$file.new
    mount --bind $file.new /etc/$file
done
while read -r number root specification; do
    mount --bind "$number/etc/ssh" /etc/ssh
    echo "BEGIN $number"
    status=0
    /usr/sbin/sshd -T -f "${root#-}/etc/ssh/sshd_config" -C "$specification" 2>words || status=$?
    echo "END $status"
    [ $status = 0 ] || cat words
done <questions
"""
_TOGETHER = 250


class OracleError(Exception):
    """The host could not be asked."""


@dataclass(frozen=True)
class Answer:
    """What sshd says is in force or, where it refuses the configuration, why."""

    effective: Effective
    refusal: str = ""


@dataclass
class Oracle:
    """The sshd of one host. ``shell``: the words that start a root shell there, which reads its script's input."""

    name: str
    shell: t.Sequence[str]
    known: dict[Case, Answer] = field(default_factory=dict)
    asked: int = 0

    @functools.cached_property
    def knows_invalid_users(self) -> bool:
        """Whether ``-C`` takes ``invalid-user`` (OpenSSH 9.9 and later)."""
        ran = self._run("/usr/sbin/sshd -T -C user=x,host=x,addr=192.0.2.1,invalid-user", b"")
        return "Invalid test mode specification" not in ran.stderr.decode()

    @functools.cached_property
    def version(self) -> str:
        return self._run("/usr/sbin/sshd -V", b"").stderr.decode().strip().partition(",")[0]

    def answers(self, questions: t.Iterable[Case]) -> list[Answer]:
        """Return what sshd says about each; the same question is asked once."""
        wanted = list(questions)
        unknown = [case for case in dict.fromkeys(wanted) if case not in self.known]
        for start in range(0, len(unknown), _TOGETHER):
            part = unknown[start : start + _TOGETHER]
            self.known.update(zip(part, self._ask(part), strict=True))
        self.asked += len(unknown)
        return [self.known[case] for case in wanted]

    def forget(self, cases: t.Iterable[Case]) -> None:
        for case in cases:
            self.known.pop(case, None)

    def _ask(self, questions: t.Sequence[Case]) -> list[Answer]:
        ran = self._run(f"unshare --mount sh -c '{_SCRIPT}'", _archive(questions, self.knows_invalid_users))
        answers = [_read(part) for part in ran.stdout.decode(errors="replace").split("BEGIN ")[1:]]
        if ran.returncode or len(answers) != len(questions):
            raise OracleError(f"{self.name} gave {len(answers)} of {len(questions)} answers: {ran.stderr.decode()}")
        return answers

    def _run(self, script: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self.shell, script], input=given, capture_output=True, timeout=600, check=False)


def _read(part: str) -> Answer:
    said, end = part.split("\nEND ", 1)
    status, words = end.split("\n", 1)
    if status.strip() != "0":
        return Answer({}, words.strip() or f"status {status}")
    return Answer(parse_effective(said.partition("\n")[2]))


def _archive(questions: t.Sequence[Case], knows_invalid_users: bool) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as tar:
        lines = []
        for number, case in enumerate(questions):
            root = f"/mnt/{number}/staged" if case.staged else ""
            files = staged(case.reached(), root) if case.staged else case.tree.files
            for path, text in files.items():
                _add(tar, path.removeprefix("/mnt/") if root else f"{number}{path}", text)
            for path in KEYS:
                _add(tar, f"{number}{path}", _key(), mode=0o600)
            lines.append(f"{number} -{root} {_specification(case.connection, knows_invalid_users)}\n")
        _add(tar, "questions", "".join(lines))
        for name, text in _accounts().items():
            _add(tar, name, text)
    return memory.getvalue()


def _specification(connection: Connection, knows_invalid_users: bool) -> str:
    """Return the words for ``-C``: sshd wants a port where it meets ``LocalPort``; an unknown one is like no other."""
    port = "" if connection.local_port else ",lport=1"
    flag = ",invalid-user" if knows_invalid_users and not connection.exists else ""
    return connection.specification() + port + flag


def _add(tar: tarfile.TarFile, path: str, text: str, *, mode: int = 0o644) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def _accounts() -> dict[str, str]:
    """Return lines for passwd(5) and group(5); groups that every Debian has are extended by a line of their own."""
    users, groups = "", ""
    for number, (name, members) in enumerate(sorted(ACCOUNTS.items()), 4700):
        if members and name != "root":
            users += f"{name}:x:{number}:{number}::/:/bin/sh\n"
            groups += f"{name}:x:{number}:\n"
    more = sorted({group for its in ACCOUNTS.values() for group in (its or ())[1:]})
    for number, group in enumerate(more, 4800):
        inside = [name for name, its in ACCOUNTS.items() if group in (its or ())[1:]]
        groups += f"{group}:x:{number}:{','.join(inside)}\n"
    return {"passwd": users, "group": groups}


@functools.cache
def _key() -> str:
    """Make a host key for the questions, so that none of the host's own is touched."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
        return path.read_text()
