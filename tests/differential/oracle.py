"""The real sshd, asked in bulk: one call carries many configurations to a host and brings the answers back.

On the host all happens in a mount namespace of its own, with an /etc/ssh and accounts of the question's: nothing stays.
"""

from __future__ import annotations

import functools
import json
import shlex
import subprocess
import tempfile
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective, parse_effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import Release, read_release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import staged_files
from tests.differential.trees import ACCOUNTS, KEYS, MAIN, Case

__all__ = ["Answer", "Oracle", "OracleError"]

_SCRIPT = Path(__file__).with_name("host_script.py")
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
    """The sshd of one host. ``shell``: the words that start a root shell there; ``workers``: how many it may run."""

    name: str
    shell: t.Sequence[str]
    workers: int = 1
    asked: int = 0

    @functools.cached_property
    def knows_invalid_users(self) -> bool:
        """Whether ``-C`` takes ``invalid-user`` (OpenSSH 9.9 and later)."""
        ran = self._run("/usr/sbin/sshd -T -C user=x,host=x,addr=192.0.2.1,invalid-user", b"")
        return "Invalid test mode specification" not in ran.stderr.decode()

    @functools.cached_property
    def version(self) -> str:
        return self._run("/usr/sbin/sshd -V", b"").stderr.decode().strip().partition(",")[0]

    @property
    def release(self) -> Release:
        return read_release(self.version)

    def answers(self, questions: t.Iterable[Case]) -> list[Answer]:
        """Return what sshd says about each; the same question is asked once."""
        wanted = list(questions)
        different = list(dict.fromkeys(wanted))
        size = min(_TOGETHER, -(-len(different) // self.workers)) or 1
        parts = [different[start : start + size] for start in range(0, len(different), size)]
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            said = [answer for answers in pool.map(self._ask, parts) for answer in answers]
        known = dict(zip(different, said, strict=True))
        self.asked += len(different)
        return [known[case] for case in wanted]

    def _ask(self, questions: t.Sequence[Case]) -> list[Answer]:
        given = {
            "key": _key(),
            "accounts": _accounts(),
            "questions": [_question(number, case, self.knows_invalid_users) for number, case in enumerate(questions)],
        }
        script = f"unshare --mount python3 -c {shlex.quote(_SCRIPT.read_text())}"
        ran = self._run(script, json.dumps(given).encode())
        if ran.returncode:
            raise OracleError(f"{self.name} gave no answers: {ran.stderr.decode()}")
        return [_read(*said) for said in json.loads(ran.stdout)]

    def _run(self, script: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self.shell, script], input=given, capture_output=True, timeout=600, check=False)


def _read(status: int, said: str, words: str) -> Answer:
    return Answer({}, words.strip() or f"status {status}") if status else Answer(parse_effective(said))


def _question(number: int, case: Case, knows_invalid_users: bool) -> dict[str, t.Any]:
    root = f"/mnt/{number}/staged"
    files = dict(case.tree.files)
    if case.staged:
        files = {path.removeprefix(root): text for path, text in staged_files(case.reached(), root).items()}
    return {
        "files": files,
        "keys": KEYS,
        "root": "/staged" if case.staged else "",
        "main": MAIN,
        "specification": _specification(case.connection, knows_invalid_users),
    }


def _specification(connection: Connection, knows_invalid_users: bool) -> str:
    """Return the words for ``-C``: sshd wants a port where it meets ``LocalPort``; an unknown one is like no other."""
    port = "" if connection.local_port else ",lport=1"
    flag = ",invalid-user" if knows_invalid_users and not connection.exists else ""
    return connection.specification() + port + flag


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
