"""The next version of the application: it reports what its service lets it do."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import typing as t
from importlib.metadata import version
from pathlib import Path

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
WRITES = (
    *("/srv/shop/src", "/srv/shop/venv", "/srv/shop", "/etc", "/run", "/var/log", "/home/deploy", "/root"),
    *("/var/lib", "/var/lib/shop", "/run/shop", "/tmp", "/var/tmp"),
)
READS = ("/root", "/home/deploy", "/etc/shadow", "/etc/shop.env", "/etc/ssl/shop", "/srv/shop/src/app.py")


def write(folder: str) -> None:
    (Path(folder) / "written-by-the-application").write_text("")


def read(path: str) -> None:
    if Path(path).is_dir():
        os.listdir(path)
    else:
        Path(path).read_bytes()


def connect() -> None:
    socket.socket(socket.AF_INET).close()


def run_written_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def make_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")


def outcome(what: t.Callable[..., None], *arguments: str) -> str:
    try:
        what(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


@app.get("/")
def index() -> dict[str, t.Any]:
    return {
        "address": request.remote_addr,
        "url": request.url,
        "flask": version("flask"),
        "greeting": os.environ.get("GREETING"),
        "ids": [os.getuid(), os.geteuid(), *os.getgroups()],
        "writes": {folder: outcome(write, folder) for folder in WRITES},
        "reads": {path: outcome(read, path) for path in READS},
        "root": outcome(lambda: os.setuid(0)),
        "network": outcome(connect),
        "written code": outcome(run_written_code),
        "namespace": outcome(make_namespace),
        # Processes of others are not to be seen.
        "users": sorted({path.stat().st_uid for path in Path("/proc").iterdir() if path.name.isdigit()}),
    }
