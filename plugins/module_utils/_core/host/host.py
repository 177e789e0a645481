# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as the modules see it: opens, runs, locks and writes for all families.

Everything here is a primitive that any module may need. Code for one daemon is in the folder ``host/`` of its family.

An error of these primitives has no ``state``: the caller knows what was changed before (``state_of_errors``). The file
that it names was left as it was.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import glob
import os
import shutil
import stat
import tempfile
import time
import typing as t
import uuid
from dataclasses import dataclass

from ..errors import BaselineError
from ..text import one_line
from ..upcoming import ANYTHING, NOTHING, Upcoming
from . import paths
from .commands import run_command
from .platform import detect_platform

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["CommandResult", "Host"]

_SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin"]
# No file that a module reads as a whole is longer; the longest are package indexes.
_MOST = 256 << 20
_PART = 1 << 16


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: its argument list, exit status (``rc``), standard output and standard error."""

    argv: tuple[str, ...]
    rc: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.rc == 0

    def message(self) -> str:
        """The command's output for people, on one line: standard error, else standard output."""
        text = one_line(self.err) or one_line(self.out) or "no output"
        return text + ("" if self.ok else f" (rc={self.rc})")


@contextlib.contextmanager
def _os_errors(path: str, action: str, *, hint: str = "") -> t.Iterator[None]:
    """Turn what the system refuses (a full disk, a read-only file system) into a ``BaselineError``."""
    try:
        yield
    except OSError as error:
        raise BaselineError(f"{path} cannot be {action}: {error.strerror or error}", hint=hint) from error


def _copy(source: str, target: str) -> None:
    """Copy one file. A file that has become a link or a pipe meanwhile is an error."""
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BaselineError(f"{source} cannot be copied: it is not a regular file")
        with open(target, "xb") as copy:
            shutil.copyfileobj(file, copy)


class Host:
    """Files and commands of the managed host. ``module`` is the running ``AnsibleModule``."""

    def __init__(self, module: AnsibleModule, *, upcoming: Upcoming | None = None) -> None:
        """With ``upcoming`` the host is only planned for, as in check mode, knowing what other tasks will change."""
        self._module = module
        self.check_mode: bool = module.check_mode or upcoming is not None
        self.upcoming = upcoming or (ANYTHING if self.check_mode else NOTHING)
        # What cannot be known before the upcoming is there, and the commands and files that were asked, each once.
        self.known_after_apply: list[str] = []
        self.evidence: dict[str, None] = {}
        self.platform = detect_platform()

    # commands

    def find(self, program: str) -> str | None:
        """Return the absolute path of ``program`` (PATH, then the sbin directories), ``None`` where it is absent."""
        return t.cast("str | None", self._module.get_bin_path(program, required=False, opt_dirs=_SBIN))

    def run(
        self,
        argv: t.Sequence[str],
        *,
        data: str | None = None,
        env: t.Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Run ``argv`` (``argv[0]`` a name or a path) with ``LC_ALL=C``; ``data`` goes to its standard input as it is.

        Without ``data`` the standard input is empty. A command that is absent returns ``rc`` 127, as a shell does. No
        exit status raises.
        """
        program = argv[0] if "/" in argv[0] else self.find(argv[0])
        self.evidence[" ".join([os.path.basename(argv[0]), *argv[1:]])] = None
        if program is None:
            return CommandResult(tuple(argv), 127, "", f"{argv[0]}: command not found")
        environment = {"LC_ALL": "C", "LANGUAGE": "C"}
        environment.update(env or {})
        rc, out, err = run_command([program, *argv[1:]], data=data, env=environment)
        return CommandResult(tuple(argv), rc, out, err)

    def hide(self, secrets: t.Iterable[str]) -> None:
        """Replace ``secrets`` wherever the module would print them, as Ansible does with options of ``no_log``."""
        self._module.no_log_values.update(secrets)

    # files

    def read(self, path: str, *, last: int | None = None) -> str | None:
        """Return the text of ``path``, ``None`` if there is no such file. Undecodable bytes survive a round trip.

        ``last`` limits the text to that many bytes at the end. A file that is not regular is an error: reading it could
        block or never end.
        """
        self.evidence[path] = None
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise BaselineError(f"{path} cannot be read: {error.strerror}") from error
        try:
            data = self._content(path, fd, last)
        except OSError as error:
            raise BaselineError(f"{path} cannot be read: {error.strerror}") from error
        finally:
            os.close(fd)
        if len(data) > _MOST:
            raise BaselineError(f"{path} cannot be read: it is longer than {_MOST} bytes")
        return data.decode("utf-8", "surrogateescape")

    @staticmethod
    def _content(path: str, fd: int, last: int | None) -> bytes:
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode):
            # A link to /dev/null, which disables a vendor's file, counts as an empty file.
            if stat.S_ISCHR(state.st_mode) and state.st_rdev == os.stat(os.devnull).st_rdev:
                return b""
            raise BaselineError(f"{path} cannot be read: it is not a regular file")
        with open(fd, "rb", closefd=False) as file:
            if last is not None:
                file.seek(max(0, state.st_size - last))
            # In parts, because the kernel refuses a large read of a value below /proc/sys.
            data = bytearray()
            while len(data) <= _MOST:
                part = file.read(_PART)
                if not part:
                    break
                data += part
            return bytes(data)

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match ``pattern``, sorted in the C locale as daemons do."""
        return sorted(glob.glob(pattern), key=os.fsencode)

    def stat(self, path: str) -> os.stat_result | None:
        """Return ``os.stat`` of ``path`` (symlinks followed), ``None`` if it is absent."""
        try:
            return os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def target(self, path: str) -> str:
        """Return ``path`` with all symlinks resolved; an absent path resolves to itself."""
        return os.path.realpath(path)

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Replace ``path`` by ``text`` atomically: write beside it, flush to the disk, rename.

        An existing file keeps owner, mode and SELinux context. A new one belongs to the caller and gets ``mode``.
        A link is followed if root alone decides where it leads. A path that other users can redirect is refused.
        """
        with _os_errors(path, "written"), paths.place(path) as place:
            self._replace(place, text, mode)

    def _replace(self, place: paths.Place, text: str, mode: int) -> None:
        beside = f".{place.name}.{uuid.uuid4().hex}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(beside, flags, 0o600, dir_fd=place.folder)
        try:
            with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
                file.flush()
                before = place.stat()
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) if before else mode)
                if before:
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fsync(file.fileno())
            self._keep_context(os.path.join(os.path.dirname(place.path), beside), place.path)
            os.rename(beside, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=place.folder)
            raise
        place.sync()

    def remove(self, path: str) -> None:
        """Remove the file (or the link) ``path`` if it exists."""
        above, name = os.path.split(path)
        with _os_errors(path, "removed"), contextlib.suppress(FileNotFoundError), paths.place_in(above, name) as place:
            os.unlink(place.name, dir_fd=place.folder)
            place.sync()

    def put(self, path: str, text: str | None) -> None:
        """Write ``text`` to ``path`` and create its folder if it is missing; ``None`` removes the file."""
        if text is None:
            self.remove(path)
        else:
            self.make_directory(os.path.dirname(path))
            self.write(path, text)

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        """Create ``path`` and its missing parents (0755), whatever the umask is; an existing one keeps its mode."""
        with _os_errors(path, "created"):
            paths.make_folders(path, mode)

    def sync(self, *names: str) -> None:
        """Flush files and folders that others have written to the disk; an absent one is left out."""
        for path in names:
            with _os_errors(path, "flushed to the disk"), contextlib.suppress(FileNotFoundError):
                fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def runtime(self) -> str:
        """Return the folder for files that last until the next boot. It is for root alone, and created if missing."""
        path = paths.runtime_folder()
        with _os_errors(path, "created", hint="become root (become: true)"):
            return paths.private_folder(path)

    def scratch(self) -> str:
        """Return a new directory that only the caller can enter. It is removed when the module ends.

        Not the module's own directory, which may belong to the login user or be in a folder that others can rename.
        """
        path = tempfile.mkdtemp(dir=self._module.tmpdir if os.geteuid() else self.runtime())
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        return path

    def keep(self, name: str, text: str) -> None:
        """Keep ``text`` until the next boot as the file ``name`` of :meth:`runtime`, in check mode too."""
        self.write(f"{self.runtime()}/{name}", text, mode=0o600)

    def lay_out(self, files: t.Mapping[str, str]) -> None:
        """Write ``files`` (path -> text) with their folders below a :meth:`scratch` directory, in check mode too."""
        for path, text in files.items():
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)

    def copy_tree(self, source: str, target: str) -> None:
        """Copy the directory ``source`` to ``target`` (must not exist); symlinks are kept, sockets are left out."""

        def special(directory: str, names: list[str]) -> list[str]:
            modes = ((name, os.lstat(os.path.join(directory, name)).st_mode) for name in names)
            return [
                name for name, mode in modes if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))
            ]

        shutil.copytree(source, target, symlinks=True, ignore=special, copy_function=_copy)

    @contextlib.contextmanager
    def lock(self, name: str, *, seconds: float = 30.0) -> t.Iterator[None]:
        """Hold the collection's lock ``name``, so that two plays do not interleave; wait up to ``seconds`` for it."""
        path = os.path.join(self.runtime(), f"{name}.lock")
        with _os_errors(path, "locked", hint="become root (become: true), or remove the file"):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            deadline = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.EACCES):
                        raise
                    if time.monotonic() >= deadline:
                        raise BaselineError(
                            f"another run of pyhost.baseline has held {path} for {seconds:.0f} seconds",
                            hint="run again when the other run has ended",
                        ) from error
                    time.sleep(0.2)
            yield
        finally:
            os.close(fd)

    def _keep_context(self, beside: str, target: str) -> None:
        if self._module.selinux_enabled():
            context = (
                self._module.selinux_context(target)
                if os.path.exists(target)
                else self._module.selinux_default_context(target)
            )
            self._module.set_context_if_different(beside, context, False)

    def label(self, path: str) -> str | None:
        """Return the SELinux context that the policy gives to a new ``path``, ``None`` if SELinux is off."""
        context = self._module.selinux_default_context(path) if self._module.selinux_enabled() else []
        return ":".join(context) if context and all(context) else None
