"""Runs on the host, alone in a mount namespace: answers many questions with one `sshd -T` each, and no other process.

Reads JSON on its input (see oracle.py) and writes a list of [status, what sshd prints, its own words].
"""

import ctypes
import json
import os
import shutil
import sys
import typing

LIBC = ctypes.CDLL(None, use_errno=True)
BIND = 4096


def mount(source: str, target: str, kind: str, flags: int) -> None:
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, None) != 0:
        raise OSError(ctypes.get_errno(), "mount " + target)


def write(path: str, text: str, mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text.encode())
    os.chmod(path, mode)


def read(fd: int) -> str:
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    return data.decode(errors="replace")


def answer(number: int, question: dict[str, typing.Any], key: str, out: int, err: int) -> list[typing.Any]:
    # No mount for each question: to end one can take longer than sshd does.
    for entry in os.scandir("/etc/ssh"):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
    root = f"/mnt/{number}{question['root']}" if question["root"] else ""
    for path, text in question["files"].items():
        write(root + path, text)
    for path in question["keys"]:
        write(path, key, 0o600)
    pid = os.posix_spawn(
        "/usr/sbin/sshd",
        ["/usr/sbin/sshd", "-T", "-f", root + question["main"], "-C", question["specification"]],
        {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C"},
        file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
    )
    status = os.waitpid(pid, 0)[1]
    return [status, read(out), read(err)]


def main() -> None:
    asked = json.load(sys.stdin)
    mount("tmpfs", "/mnt", "tmpfs", 0)
    mount("tmpfs", "/etc/ssh", "tmpfs", 0)
    for name, lines in asked["accounts"].items():
        with open("/etc/" + name) as file:
            write("/mnt/" + name, file.read() + lines)
        mount("/mnt/" + name, "/etc/" + name, "", BIND)
    out, err = (os.open("/mnt/" + name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("out", "err"))
    for fd in (out, err):
        os.set_inheritable(fd, False)
    json.dump([answer(*question, asked["key"], out, err) for question in enumerate(asked["questions"])], sys.stdout)


main()
