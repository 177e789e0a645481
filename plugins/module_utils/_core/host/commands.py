# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the commands of a host.

``AnsibleModule.run_command`` forks the whole interpreter for each command, because it has a ``preexec_fn``. That takes
longer than many of the commands.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import typing as t

__all__ = ["run_command"]

# As of a shell, for a program that cannot be started.
_CANNOT_START = 126
# How long a daemon that a command has started, and that has kept its output open, delays the result.
_DAEMON_SECONDS = 1.0


def run_command(
    argv: t.Sequence[str], *, data: str | None = None, env: t.Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run ``argv`` (a path first), and return its exit status, its standard output and its standard error.

    ``env`` is added to the environment of this process. Undecodable bytes survive a round trip.
    """
    try:
        process = subprocess.Popen(
            argv,
            # Without data it is empty: a program would wait for a terminal (ssh may provide one).
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
    except OSError as error:
        return _CANNOT_START, "", f"{argv[0]}: {error.strerror}"
    if process.stdin and data:
        # In a thread: Popen.communicate does not go on with the input after a time limit (Python 3.8 to 3.12).
        threading.Thread(target=_feed, args=(process.stdin, data), daemon=True).start()
        process.stdin = None
    with process:
        out, err = _communicate(process)
    return process.returncode, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape")


def _feed(stream: t.IO[bytes], data: str) -> None:
    # The command may end before it has read all.
    with contextlib.suppress(OSError), stream:
        stream.write(data.encode("utf-8", "surrogateescape"))


def _communicate(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    while True:
        has_ended = process.poll() is not None
        try:
            return process.communicate(timeout=_DAEMON_SECONDS)
        except subprocess.TimeoutExpired as waited:
            if has_ended:
                return waited.output or b"", waited.stderr or b""
