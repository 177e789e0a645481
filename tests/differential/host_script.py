"""Runs on the host, alone in a mount namespace: answers many questions with one `sshd -T` each, and no other process.

Reads JSON on its input (see oracle.py) and writes a list of [status, what sshd prints, its own words].
"""

import ctypes
import json
import os
import sys
import typing

LIBC = ctypes.CDLL(None, use_errno=True)
BIND, DETACH = 4096, 2


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


def answer(number: int, question: dict[str, typing.Any], out: int, err: int) -> list[typing.Any]:
    here = f"/mnt/{number}"
    os.makedirs(here + "/etc/ssh", exist_ok=True)
    for path, text in question["files"].items():
        write(here + question["root"] + path, text)
    for path in question["keys"]:
        os.link("/mnt/key", here + path)
    mount(here + "/etc/ssh", "/etc/ssh", "", BIND)
    main = (here + question["root"] if question["root"] else "") + question["main"]
    pid = os.posix_spawn(
        "/usr/sbin/sshd",
        ["/usr/sbin/sshd", "-T", "-f", main, "-C", question["specification"]],
        {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C"},
        file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
    )
    status = os.waitpid(pid, 0)[1]
    if LIBC.umount2(b"/etc/ssh", DETACH) != 0:
        raise OSError(ctypes.get_errno(), "umount /etc/ssh")
    return [status, read(out), read(err)]


def main() -> None:
    asked = json.load(sys.stdin)
    mount("tmpfs", "/mnt", "tmpfs", 0)
    write("/mnt/key", asked["key"], 0o600)
    for name, lines in asked["accounts"].items():
        with open("/etc/" + name) as file:
            write("/mnt/" + name, file.read() + lines)
        mount("/mnt/" + name, "/etc/" + name, "", BIND)
    out, err = (os.open("/mnt/" + name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("out", "err"))
    for fd in (out, err):
        os.set_inheritable(fd, False)
    json.dump([answer(*question, out, err) for question in enumerate(asked["questions"])], sys.stdout)


main()
