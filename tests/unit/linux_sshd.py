"""A Linux host whose sshd is run by systemd, as a transcript: the commands of a run, in the order in which it asks."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import apply, change, daemon, port_holders
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.change import SshdRequest, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.confirm import ConfirmRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from tests.unit.disk_host import DiskHost, OnDisk
from tests.unit.fake_host import Expected

PROGRAM = "/usr/bin/sshd"
PID_FILE = "/run/sshd.pid"
WHO = "user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=22"
NAMES = ("ssh.service", "sshd.service", "ssh.socket", "sshd.socket")
PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NeedDaemonReload,"
    "Accept,ActiveEnterTimestampMonotonic,BindIPv6Only,DropInPaths,FragmentPath,Listen"
)
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\nMainPID=0\n"
SERVICE = "LoadState=loaded\nActiveState={active}\nUnitFileState={file}\nMainPID={pid}\nNeedDaemonReload=no\n"
SOCKET_FILE = "/usr/lib/systemd/system/ssh.socket"
SOCKET = (
    "Id=ssh.socket\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=0\nNeedDaemonReload=no\n"
    "Accept=no\nActiveEnterTimestampMonotonic=9000000000000000\nBindIPv6Only=both\nDropInPaths=\n"
    f"FragmentPath={SOCKET_FILE}\nListen=[::]:22 (Stream)\n"
)
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
CLOSED = {"PasswordAuthentication": False}


def sshd_t(port: int = 22, *, password: str = "no", ciphers: str = "aes256-ctr") -> str:
    """Return what ``sshd -T`` prints."""
    return (
        f"port {port}\nlistenaddress 0.0.0.0:{port}\nlistenaddress [::]:{port}\npidfile {PID_FILE}\n"
        f"passwordauthentication {password}\nciphers {ciphers}\nkexalgorithms sntrup761x25519-sha512@openssh.com\n"
        "macs hmac-sha2-256\nhostkeyalgorithms ssh-ed25519\nhostkey /etc/ssh/ssh_host_ed25519_key\n"
    )


def tcp(port: int, *, inode: int = 100, uid: int = 0, wide: bool = False) -> str:
    """Return a row of /proc/net/tcp, or of tcp6 where ``wide``, for a socket that listens."""
    zeros = "0" * (32 if wide else 8)
    return f"   0: {zeros}:{port:04X} {zeros}:0000 0A 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0\n"


def tables(*rows: str, wide: t.Sequence[str] = ()) -> dict[str, str]:
    return {"/proc/net/tcp": HEADER + "".join(rows), "/proc/net/tcp6": HEADER + "".join(wide)}


def listens(port: int, *, inode: int = 100) -> dict[str, str]:
    """Return the kernel's tables for an sshd that listens on ``port`` with the socket ``inode``."""
    return tables(tcp(port, inode=inode), wide=[tcp(port, inode=inode, wide=True)])


@dataclass
class Linux:
    """One host and what is asked of it; ``answers`` says which addresses sshd does not answer on, in turn."""

    root: Path
    monkeypatch: pytest.MonkeyPatch
    settings: dict[str, t.Any] = field(default_factory=lambda: dict(CLOSED))
    has_socket: bool = False
    unanswered: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = self.root / "etc" / "ssh" / "sshd_config.d"
        folder.mkdir(parents=True)
        Path(self.main).write_text(self.stock)
        for name in ("units", "state"):
            (self.root / name).mkdir()
        memory = {PID_FILE: "56\n", "/proc/56/cmdline": "sshd: /usr/sbin/sshd [listener]", "/proc/56/fd/3": ""}
        if self.has_socket:
            memory[SOCKET_FILE] = "[Socket]\nListenStream=22\n"
        self.host = DiskHost(self.root, {**memory, **listens(22)})
        self.host.programs = ["sshd"]
        self.host.links["/proc/56/fd/3"] = "socket:[100]"
        self.host.mtimes.update({PID_FILE: 2000, "/proc/56": 1500})
        self.settle()
        self.monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
        self.monkeypatch.setattr(change.os, "geteuid", lambda: 0)
        self.monkeypatch.setattr(port_holders, "_can_bind", lambda _address, _port: True)
        for module in (apply, daemon):
            self.monkeypatch.setattr(module, "unanswered", self._unanswered)

    def _unanswered(self, addresses: t.Iterable[tuple[str, int]], **_options: float) -> list[str]:
        self.host.journal.append(f"ask for the banner of {sorted({port for _address, port in addresses})}")
        return self.unanswered.pop(0) if self.unanswered else []

    @property
    def main(self) -> str:
        return f"{self.root}/etc/ssh/sshd_config"

    @property
    def dropin(self) -> str:
        return f"{self.root}/etc/ssh/sshd_config.d/00-pyhost-baseline.conf"

    @property
    def stock(self) -> str:
        return f"Include {self.root}/etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"

    @property
    def paths(self) -> RollbackPaths:
        return RollbackPaths("sshd", base=f"{self.root}/state/base", units=f"{self.root}/units")

    def request(self, phase: str = "apply", **changes: t.Any) -> SshdRequest:
        confirm = ConfirmRequest(self.paths, phase)
        request = SshdRequest(build_settings(self.settings), self.main, "00-pyhost-baseline.conf", confirm=confirm)
        return replace(request, **changes)

    def play(self, *commands: Expected, request: SshdRequest | None = None) -> dict[str, t.Any]:
        """Run the module over ``commands`` and return its result."""
        self.host.commands = list(commands)
        self.host.journal.clear()
        self.host.written.clear()
        done = ensure(self.host, request or self.request())  # type: ignore[arg-type]  # a stand-in
        self.host.done()
        return done

    def fail(self, *commands: Expected, request: SshdRequest | None = None) -> BaselineError:
        """Run the module over ``commands`` and return the error with which it ends."""
        with pytest.raises(BaselineError) as caught:
            self.play(*commands, request=request)
        self.host.done()
        return caught.value

    def is_unchanged(self) -> bool:
        """Say whether the configuration is as the distribution has it and no rollback is left."""
        files = sorted(path for path, _folders, names in os.walk(self.root / "etc") for path in names)
        no_rollback = not Path(self.paths.folder).exists() and not Path(self.paths.boot_unit).exists()
        return files == ["sshd_config"] and Path(self.main).read_text() == self.stock and no_rollback

    def settle(self) -> None:
        """Date all files before the start of the daemon, as in a run some time later."""
        for path in (self.main, self.dropin, os.path.dirname(self.dropin)):
            self.host.mtimes[path] = 1000

    def _remove_rollback(self) -> None:
        shutil.rmtree(self.paths.folder)
        os.unlink(self.paths.boot_unit)
        os.unlink(self.paths.boot_link)

    # the commands

    def version(self) -> Expected:
        return Expected([PROGRAM, "-V"], rc=1, err="OpenSSH_10.0p2, OpenSSL 3.5.1\n")

    def staged(self, out: str) -> Expected:
        return self.asked(out, root=self.host.scratch())

    def asked(self, out: str, *, root: str = "", rc: int = 0, err: str = "") -> Expected:
        return Expected([PROGRAM, "-T", "-f", f"{root}{self.main}", "-C", WHO], out=out, rc=rc, err=err)

    def units(self, *, active: str = "active", file: str = "enabled", pid: int = 56) -> Expected:
        service = "Id=ssh.service\n" + SERVICE.format(active=active, file=file, pid=pid)
        blocks = [service, ABSENT, SOCKET if self.has_socket else ABSENT, ABSENT]
        return Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES], out="\n".join(blocks))

    def sockets(self, port: int) -> Expected:
        """The socket unit after its restart."""
        blocks = [SOCKET.replace(":22 (", f":{port} ("), ABSENT]
        return Expected(["systemctl", "show", "--property", PROPERTIES, "--", *NAMES[2:]], out="\n".join(blocks))

    def start(self) -> Expected:
        asked = ["systemctl", "show", "--property", "ExecStart,Environment,EnvironmentFiles", "ssh.service"]
        return Expected(asked, out="ExecStart={ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D $SSHD_OPTS ; }\n")

    def armed(self, *, rc: int = 0, effect: t.Callable[[], None] | None = None) -> Expected:
        """The rollback's clock; its exact words are in test_rollback_arm.py."""
        return OnDisk(["systemd-run"], rc=rc, err="Access denied" if rc else "", effect=effect, is_prefix=True)

    def discarded(self) -> Expected:
        return OnDisk(["/bin/sh", self.paths.script, "discard"], effect=self._remove_rollback)

    def reloaded(self, **answer: t.Any) -> Expected:
        return OnDisk(["systemctl", "reload", "--", "ssh.service"], **{"touches": {PID_FILE: 3000}, **answer})


def acts(*words: str, **answer: t.Any) -> Expected:
    return Expected(["systemctl", *words], **answer)
