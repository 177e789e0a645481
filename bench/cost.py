"""What a command costs: its wall time and the CPU time of the controller."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from tests.hosts.paths import ROOT

BIN = Path(sys.executable).parent
# The playbook that the others are compared with.
PING = [{"hosts": "all", "gather_facts": False, "become": True, "tasks": [{"ansible.builtin.ping": None}]}]


class Cost(t.NamedTuple):
    """The wall time and the CPU time of a command, in seconds."""

    wall: float
    cpu: float


def cost(argv: list[str], environment: t.Mapping[str, str] | None = None, *, data: str | None = None) -> Cost:
    """Run ``argv`` from the project's root with ``data`` as its input. A failure raises with what it printed."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        input=data or "",
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - started, cpu)
