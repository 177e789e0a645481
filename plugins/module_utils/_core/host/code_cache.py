# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the collection, kept on the host until the next boot: only a host that does not have it gets it sent.

Ansible sends a module with all that it imports, and Python compiles that, in each run. Here the folder
``/run/pyhost.baseline/code/DIGEST``, which only root can write, keeps the sources and what Python compiled of them.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import shutil
import sys
import types
import typing as t
import uuid

from ..code import DIGEST
from .paths import private_folder, runtime_folder

if t.TYPE_CHECKING:
    from ..code import ModuleCode

__all__ = ["load_code"]

_PACKAGE = "pyhost_baseline_code"
# Controllers with different versions of the collection may take turns.
_MOST_VERSIONS = 3


def load_code(code: ModuleCode, *, spare: str) -> str | None:
    """Make ``code`` importable, and return the name of its package; ``None`` if neither side has sent or kept it.

    It goes to the folder ``spare`` where it cannot be kept: by another user than root, or on a full file system.
    """
    if os.geteuid():
        return _load_spare(code, spare)
    folder = private_folder(f"{private_folder(runtime_folder())}/code")
    path = os.path.join(folder, code.digest)
    if not _hold(path):
        if code.archive is None:
            return None
        try:
            _keep(code.archive, path)
            _remove_others(folder, code.digest)
        except OSError:
            return _load_spare(code, spare)
    return _make_importable(path)


def _load_spare(code: ModuleCode, spare: str) -> str | None:
    if code.archive is None:
        return None
    path = os.path.join(spare, code.digest)
    _unpack(code.archive, path)
    return _make_importable(path)


def _hold(path: str) -> bool:
    """Keep others from removing ``path`` while this process runs; return whether it is there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    fcntl.flock(fd, fcntl.LOCK_SH)
    # It may have been removed before the lock.
    if not os.path.isdir(path):
        os.close(fd)
        return False
    # The newest ones stay.
    os.utime(path)
    return True


def _keep(archive: bytes, path: str) -> None:
    """Unpack ``archive`` to ``path``, as a whole or not at all; another run may do the same at once."""
    beside = f"{path}.{uuid.uuid4().hex}"
    try:
        _unpack(archive, beside)
        try:
            os.rename(beside, path)
        except OSError as error:
            # Another run was faster.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        if not _hold(path):
            raise FileNotFoundError(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _unpack(archive: bytes, path: str) -> None:
    # Only here, because the import takes as long as the rest of a run that has the code.
    import zipfile  # noqa: PLC0415

    os.mkdir(path, 0o700)
    _hold(path)
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        file.extractall(path)


def _remove_others(folder: str, digest: str) -> None:
    """Remove the oldest versions that no process uses, and what a killed run left."""
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if entry.name != digest]
    others.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)
    versions = [entry for entry in others if DIGEST.fullmatch(entry.name)]
    for entry in others:
        if entry not in versions[: _MOST_VERSIONS - 1]:
            _remove_unused(entry.path)


def _remove_unused(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


def _make_importable(path: str) -> str:
    # A process that runs several modules (mitogen's) has imported parts of what is elsewhere by now.
    if list(getattr(sys.modules.get(_PACKAGE), "__path__", [path])) != [path]:
        for name in [name for name in sys.modules if name.startswith(f"{_PACKAGE}.")]:
            del sys.modules[name]
    package = types.ModuleType(_PACKAGE)
    package.__path__ = [path]
    sys.modules[_PACKAGE] = package
    # What Python compiles is kept beside the sources, whatever the environment says.
    sys.dont_write_bytecode = False
    return _PACKAGE
