"""Run Molecule's scenarios, one more side by side than there are cores: ``python -m tools.scenarios [NAME …]``.

Without a name they are those of ``make test``; with ``--faults`` those of ``make faults``, which provoke long tables of
faults and attacks.

Each has a log of its own in .cache/molecule/. One line is printed for each scenario, the log of a failed one, and at
the end a table of the seconds of all, longest first. They are kept in .cache/molecule/seconds.json, so that the next
run starts the longest scenario first. One named scenario runs in the foreground. ``MOLECULE_DESTROY=never`` keeps its
hosts for a look.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts import engine, fleet, images, outside, snapshots
from tests.hosts.paths import CACHE, ROOT

LOGS = CACHE / "molecule"
SECONDS = LOGS / "seconds.json"
BIN = Path(sys.executable).parent
# They provoke attacks, faults and foreign configurations case by case, as long as all the others together.
FAULTS = (
    "attackers",
    "bad_input",
    "connections",
    "fail2ban_actions",
    "fail2ban_alternative_el",
    "fail2ban_faults",
    "fail2ban_findings",
    "firewall_lockout",
    "interrupted",
    "sshd_lockout",
    "sshd_shadowed",
    "updates_findings",
)
# The start order where no earlier run is known.
LONGEST = (
    "attackers",
    "fail2ban_faults",
    "fail2ban_findings",
    "sshd_lockout",
    "sshd_commit_confirm",
    "default",
    "ubuntu",
    "python_stack_alternative",
    "fail2ban_alternative",
    "redhat",
    "web_app",
    "sshd_port_move",
    "fail2ban_attack",
    "sshd_shadowed",
    "bad_input",
)
# What Molecule prints when it starts a step: "INFO     [sshd > converge] Executing".
STEP = re.compile(rb"\[\w+ > (\w+)\] Executing\s*$", re.MULTILINE)
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Run:
    """How one scenario ended, and how long it and each of its steps took."""

    name: str
    status: int
    seconds: float
    log: Path
    steps: t.Mapping[str, float] = field(default_factory=dict)


def known() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


def usual() -> list[str]:
    """Return the scenarios that run without a name."""
    return [name for name in known() if name not in FAULTS]


def absent(name: str) -> str:
    """Return the variable that would have to name the scenario's machine, empty where it does, or needs none."""
    variables = outside.needed(ROOT / "molecule" / name / "molecule.yml").values()
    return next((variable for variable in variables if not os.environ.get(variable)), "")


def needs_engine(name: str) -> bool:
    return not outside.needed(ROOT / "molecule" / name / "molecule.yml")


def command(name: str) -> tuple[list[str], dict[str, str]]:
    """Return the argument list and the environment of one scenario's run, with Molecule's state of it forgotten.

    Molecule would keep its state in the home directory under the clone's *base name*: another clone of that name, or
    hosts that ended with the machine's last boot, would pass for "instances already created".
    """
    state = LOGS / name
    shutil.rmtree(state, ignore_errors=True)
    destroy = os.environ.get("MOLECULE_DESTROY", "always")
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(state),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    return [str(BIN / "molecule"), "test", "--scenario-name", name, "--destroy", destroy], environment


def run_logged(name: str) -> Run:
    argv, environment = command(name)
    log = LOGS / f"{name}.log"
    started = time.monotonic()
    begun: dict[str, float] = {}
    with log.open("wb") as output:
        molecule = subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        # The log is polled: a pipe would stay open as long as ssh keeps its shared connections.
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                molecule.wait(POLL_SECONDS)
            for step in begun_steps(log.read_bytes()):
                begun.setdefault(step, time.monotonic())
            if molecule.returncode is not None:
                break
    # Molecule calls a scenario without tests a success; here it is a defect.
    untested = b"no tests found" in log.read_bytes()
    ended = time.monotonic()
    return Run(name, molecule.returncode or int(untested), ended - started, log, durations(begun, ended))


def begun_steps(log: bytes) -> list[str]:
    """Return the steps that the log of a scenario shows as started, in their order."""
    return [step.decode() for step in STEP.findall(log)]


def durations(begun: t.Mapping[str, float], ended: float) -> dict[str, float]:
    """Return the seconds of each step, given when each began and when the last one ended."""
    spans = itertools.pairwise([*begun.values(), ended])
    return {step: round(end - start, 1) for step, (start, end) in zip(begun, spans, strict=True)}


def main(words: list[str]) -> int:
    names = [name for name in words if name != "--faults"]
    unknown = set(names) - set(known())
    if unknown:
        print(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(known())}", file=sys.stderr)
        return 2
    wanted = names or (list(FAULTS) if "--faults" in words else usual())
    out = {name: variable for name, variable in ((name, absent(name)) for name in wanted) if variable}
    for name, variable in out.items():
        print(f"molecule: {name}: left out, for {variable} names no machine (tests/hosts/README.md)", flush=True)
    if names and out:
        # Who asks for it by name is not to take it for passed.
        return 2
    wanted = [name for name in wanted if name not in out]
    try:
        if any(map(needs_engine, wanted)):
            snapshots.ensure(engine.connect(), images.names())
        fleet.key()
    except engine.EngineError as error:
        print(f"tests/hosts: {error}", file=sys.stderr)
        return 1
    if len(names) == 1:
        argv, environment = command(names[0])
        return subprocess.run(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    return side_by_side(wanted, left_out=len(out))


def side_by_side(names: list[str], *, left_out: int = 0) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    runs = []
    started = time.monotonic()
    # One more than there are cores: a scenario waits for time-outs, boots and bans as long as it computes.
    with ThreadPoolExecutor(max_workers=1 + (os.cpu_count() or 1)) as pool:
        for future in as_completed(
            [pool.submit(run_logged, name) for name in start_order(names, last_seconds(SECONDS))]
        ):
            run = future.result()
            runs.append(run)
            print(
                f"molecule: {run.name}: {'passed' if not run.status else 'FAILED'} in {run.seconds:.0f} seconds",
                flush=True,
            )
            if run.status:
                print(run.log.read_text(errors="replace")[-20000:], flush=True)
    failed = [run for run in runs if run.status]
    if runs:
        remember(runs, SECONDS)
        print(table(runs, time.monotonic() - started), flush=True)
    print(f"{len(runs) - len(failed)} passed, {len(failed)} failed, {left_out} left out")
    return 1 if failed else 0


def last_seconds(path: Path) -> dict[str, float]:
    """Return how long each scenario took when it last ran, empty where no run is known."""
    try:
        return {name: float(entry["seconds"]) for name, entry in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def start_order(names: t.Sequence[str], seconds: t.Mapping[str, float]) -> list[str]:
    """Return ``names`` with the longest first, so that no core waits for it at the end.

    A scenario that has not run before comes first where it is one of LONGEST, and last otherwise.
    """
    fallback = {name: float("inf") for name in LONGEST}
    return sorted(names, key=lambda name: -seconds.get(name, fallback.get(name, 0)))


def remember(runs: t.Sequence[Run], path: Path) -> None:
    """Keep the seconds of the scenarios that passed; a failed one says nothing about its length."""
    try:
        kept = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        kept = {}
    kept |= {run.name: {"seconds": round(run.seconds, 1), "steps": run.steps} for run in runs if not run.status}
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def table(runs: t.Sequence[Run], wall: float) -> str:
    """Return the seconds of each scenario and of its steps, longest first, and the totals."""
    rows = [
        f"{run.seconds:6.0f}  {run.name:<{max(len(one.name) for one in runs)}}  "
        + " ".join(f"{step} {seconds:.0f}" for step, seconds in run.steps.items())
        for run in sorted(runs, key=lambda run: -run.seconds)
    ]
    total = sum(run.seconds for run in runs)
    lines = [
        "seconds  scenario",
        *rows,
        f"{total:6.0f}  sum of {len(runs)} scenarios, in {wall:.0f} seconds of wall time",
    ]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
