"""What the server watches, by fdinfo of a process."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import watching
from tests.unit.fake_host import Clock, FakeHost

FOLDER = "/var/log/journal/abc"
INODES = {FOLDER: 0x10, "/var/log": 0x20, "/var/log/auth.log": 0x21, "/var/log/mail.log": 0x22, "/srv/x.log": 0x31}
REFUSED = ["OSError(24, 'Too many open files')"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    return clock


class Host(FakeHost):
    """A host on which the instances of process 812 watch the paths in ``watches``."""

    def __init__(self, *watches: list[str], limit: str | None = "128\n") -> None:
        texts = ["".join(f"inotify wd:1 ino:{INODES[one]:x} sdev:8 mask:2\n" for one in paths) for paths in watches]
        links = {f"/proc/812/fd/{number}": "/proc/812/fd/anon_inode:inotify" for number, _text in enumerate(texts)}
        infos = {f"/proc/812/fdinfo/{number}": text for number, text in enumerate(texts)}
        rest = {"/proc/812/fd/9": "", "/proc/812/fdinfo/9": "pos: 0\n", "/proc/813/fd/1": ""}
        limits = {"/proc/sys/fs/inotify/max_user_instances": limit} if limit else {}
        super().__init__({**dict.fromkeys([*links, *INODES], ""), **infos, **rest, **limits})
        self.links.update({**links, "/proc/812/fd/9": "socket:[1]", "/proc/813/fd/1": "anon_inode:inotify"})

    def stat(self, path: str) -> os.stat_result | None:
        found = super().stat(path)
        return found and os.stat_result((0o100644, INODES.get(path, 1), 0, 1, 0, 0, 0, 0, 0, 0))


def is_watched(host: FakeHost, *, readers: int = 1, log: t.Sequence[str] = ()) -> bool:
    return watching.journal_is_watched(t.cast(t.Any, host), 812, FOLDER, readers=readers, log=lambda: list(log))


@pytest.mark.parametrize(
    ("watches", "readers", "watched"),
    [
        pytest.param([[FOLDER]], 1, True, id="it is"),
        pytest.param([["/var/log", FOLDER], [FOLDER]], 2, True, id="by both"),
        pytest.param([[FOLDER]], 2, False, id="by one of two"),
        pytest.param([], 1, False, id="no instance"),
        pytest.param([["/var/log"]], 1, True, id="inotify has other numbers than stat"),
        pytest.param([["/var/log"]], 2, False, id="too few for that"),
    ],
)
@pytest.mark.parametrize("log", [[], REFUSED])
def test_a_journal_that_is_watched(
    watches: list[list[str]], readers: int, watched: bool, log: list[str], clock: Clock
) -> None:
    started = clock.monotonic()
    assert is_watched(Host(*watches), readers=readers, log=log) is watched
    # A server that reads old entries is waited for, unless its log has the reason.
    assert (clock.monotonic() - started >= 15) is not (watched or bool(log))


def test_a_process_of_which_nothing_is_shown() -> None:
    assert is_watched(FakeHost())


LOGS = {"sshd": ["/var/log/auth.log"], "mail": ["/var/log/mail.log", "/srv/x.log"]}


@pytest.mark.parametrize(
    ("watches", "logs", "unwatched"),
    [
        pytest.param([["/var/log", "/var/log/auth.log"]], {"sshd": ["/var/log/auth.log"]}, {}, id="it is watched"),
        pytest.param([["/var/log"]], {"sshd": ["/var/log/auth.log"]}, {"sshd": "/var/log/auth.log"}, id="replaced"),
        pytest.param([], {"sshd": ["/var/log/auth.log"]}, {}, id="it is polled"),
        pytest.param([["/var/log", "/var/log/auth.log"]], LOGS, {}, id="one of two is polled"),
        pytest.param(
            [["/var/log", "/var/log/auth.log"], ["/var/log"]], LOGS, {"mail": "/var/log/mail.log"}, id="one of two"
        ),
        pytest.param([["/var/log"]], {"sshd": ["/var/log/none.log"]}, {}, id="no such file"),
        pytest.param([["/var/log"]], {"sshd": ["/none/auth.log"]}, {}, id="no such folder"),
        pytest.param([["/var/log"]], {}, {}, id="no jail reads files"),
        pytest.param(
            [["/var/log", "/var/log/auth.log"], ["/var/log"]],
            {"sshd": ["/var/log/auth.log"], "slow": ["/var/log/auth.log"]},
            {"sshd": "/var/log/auth.log", "slow": "/var/log/auth.log"},
            id="by one of two, and not known which",
        ),
    ],
)
def test_logs_that_are_not_watched(
    watches: list[list[str]], logs: dict[str, list[str]], unwatched: dict[str, str]
) -> None:
    assert watching.unwatched_logs(t.cast(t.Any, Host(*watches)), 812, logs) == unwatched
    assert watching.unwatched_logs(t.cast(t.Any, Host(*watches)), 0, logs) == {}


def test_a_rotated_log_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["/var/log"])

    def sleep(seconds: float) -> None:
        clock.now += seconds
        host.files["/proc/812/fdinfo/0"] += "inotify wd:2 ino:21 sdev:8\n"

    monkeypatch.setattr(clock, "sleep", sleep)
    assert watching.unwatched_logs(t.cast(t.Any, host), 812, {"sshd": ["/var/log/auth.log"]}) == {}


@pytest.mark.parametrize(("limit", "shown", "more"), [("128\n", "128", 256), (None, "unknown", 1024)])
def test_the_reason(limit: str | None, shown: str, more: int) -> None:
    host = t.cast(t.Any, Host(limit=limit))
    assert watching.why_unwatched(host, ["nothing of the kind"]) == ("", "")
    why, hint = watching.why_unwatched(host, REFUSED)
    assert why == (
        f"the kernel refuses it an inotify instance (Too many open files; fs.inotify.max_user_instances is {shown})"
    )
    assert hint.startswith(f"raise the limit (`sysctl -w fs.inotify.max_user_instances={more}`")
