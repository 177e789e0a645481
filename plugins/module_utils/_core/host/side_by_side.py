# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs functions at the same time, each in a process of its own: most of what they do is wait for other programs."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import traceback
import typing as t

from ..errors import BaselineError

__all__ = ["run_side_by_side"]

Json = t.Dict[str, t.Any]


def run_side_by_side(functions: t.Sequence[t.Callable[[], Json]]) -> list[Json]:
    """Return what each of ``functions`` returns (JSON), in their order.

    They start with a copy of this process, and leave nothing but their result. One that ends without a result is a
    ``BaselineError`` with what it printed.
    """
    started = [_start(function) for function in functions]
    # Read one after the other: each child writes its result at its end, and waits until it is read.
    texts = [_read_all(fd) for _pid, fd in started]
    states = [os.waitpid(pid, 0)[1] for pid, _fd in started]
    return [_result(text, state) for text, state in zip(texts, states)]


def _start(function: t.Callable[[], Json]) -> tuple[int, int]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    ending = contextlib.ExitStack()
    try:
        os.close(reading)
        # What the parent registered is the parent's to do at its end; the child ends only what it begins itself. In a
        # process of mitogen's, atexit's own functions would not do that: it keeps folders to remove in a list.
        atexit.register = ending.callback
        with os.fdopen(writing, "wb") as file:
            try:
                text = json.dumps(function())
            except Exception:  # the parent raises it
                text = traceback.format_exc()
            else:
                status = 0
            file.write(text.encode("utf-8", "surrogateescape"))
        ending.close()
    finally:
        os._exit(status)


def _read_all(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _result(text: bytes, state: int) -> Json:
    if state:
        last = text.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BaselineError(f"a process of the module ended without a result: {''.join(last) or f'status {state}'}")
    return t.cast(Json, json.loads(text))
