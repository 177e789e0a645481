"""Run Molecule's scenarios, one more side by side than there are cores: ``python -m tools.scenarios [NAME …]``.

Each has a log of its own in .cache/molecule/; what is printed is one line a scenario, and the log of a failed one.
One named scenario runs in the foreground. ``MOLECULE_DESTROY=never`` keeps its hosts for a look.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.hosts import engine, fleet, images, outside
from tests.hosts.paths import CACHE, ROOT

LOGS = CACHE / "molecule"
BIN = Path(sys.executable).parent
LONGEST = (
    "attackers",
    "sshd_lockout",
    "sshd_commit_confirm",
    "sshd_shadowed",
    "default",
    "fail2ban_attack",
    "sshd_port_move",
    "ubuntu",
    "redhat",
)


def known() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


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


def run_logged(name: str) -> tuple[str, int, float, Path]:
    argv, environment = command(name)
    log = LOGS / f"{name}.log"
    started = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    # Molecule calls a scenario without tests a success; here it is a defect.
    untested = b"no tests found" in log.read_bytes()
    return name, done.returncode or int(untested), time.monotonic() - started, log


def main(names: list[str]) -> int:
    unknown = set(names) - set(known())
    if unknown:
        print(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(known())}", file=sys.stderr)
        return 2
    wanted = names or known()
    out = {name: variable for name, variable in ((name, absent(name)) for name in wanted) if variable}
    for name, variable in out.items():
        print(f"molecule: {name}: left out, for {variable} names no machine (tests/hosts/README.md)", flush=True)
    if names and out:
        # Who asks for it by name is not to take it for passed.
        return 2
    wanted = [name for name in wanted if name not in out]
    try:
        if any(map(needs_engine, wanted)):
            client = engine.connect()
            for system in images.names():
                images.ensure(client, system)
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
    failed = []
    # One more than there are cores: a scenario waits for time-outs, boots and bans as long as it computes.
    with ThreadPoolExecutor(max_workers=1 + (os.cpu_count() or 1)) as pool:
        # The longest first, so that no core waits for it at the end.
        order = sorted(names, key=lambda name: name not in LONGEST)
        for future in as_completed([pool.submit(run_logged, name) for name in order]):
            name, status, seconds, log = future.result()
            print(f"molecule: {name}: {'passed' if status == 0 else 'FAILED'} in {seconds:.0f} seconds", flush=True)
            if status:
                failed.append(name)
                print(log.read_text(errors="replace")[-20000:], flush=True)
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed, {left_out} left out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
