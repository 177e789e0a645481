"""What a process watches, by its fdinfo as Linux 6.1 shows it."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.inotify import (
    is_inotify,
    used_up,
    watched_inodes,
)

FDINFO = """\
pos:\t0
flags:\t02004000
mnt_id:\t15
ino:\t1057
inotify wd:2 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:7e9e0000640d1b6d
inotify wd:1 ino:a111 sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:11a1000020542153
"""


def test_the_inodes() -> None:
    assert watched_inodes(FDINFO) == {0x9E7E, 0xA111}
    assert watched_inodes("pos:\t0\nino:\t1057\n") == frozenset()


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("anon_inode:inotify", True),
        ("/proc/812/fd/anon_inode:inotify", True),
        ("inotify", True),
        ("anon_inode:[eventpoll]", False),
        ("/var/log/inotify.log", False),
    ],
)
def test_an_instance(target: str, found: bool) -> None:
    assert is_inotify(target) is found


def test_a_refused_instance() -> None:
    line = "ERROR   Caught unhandled exception in main cycle: OSError(24, 'Too many open files')"
    assert used_up(["x", line])
    assert not used_up(["ERROR   Caught unhandled exception in main cycle: OSError(5, 'Input/output error')"])
    assert not used_up([])
