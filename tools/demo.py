"""The demo: one disposable host, the main job over real SSH, twice, then the acceptance suite's word on it.

``python -m tools.demo up [SYSTEM]`` (default debian13), ``python -m tools.demo down``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS, ROOT

FLEET = "demo"
HOST = "demo"
ADMIN = "deploy"
BIN = Path(sys.executable).parent


class Proofs:
    """Prints each test of the acceptance suite as the sentence that it proves, once all its cases have been asked."""

    def __init__(self) -> None:
        self.sentences: dict[str, str] = {}
        self.left: Counter[str] = Counter()
        self.failed: dict[str, str] = {}

    # After the suite has left out what is about other families.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            name = getattr(item, "originalname", item.name)
            sentence = (item.obj.__doc__ if isinstance(item, pytest.Function) else None) or name.removeprefix("test_")
            self.sentences[item.nodeid] = sentence.strip().splitlines()[0].rstrip(".").replace("_", " ")
            self.left[self.sentences[item.nodeid]] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        sentence = self.sentences[report.nodeid]
        if report.failed:
            self.failed[sentence] = report.longreprtext
        if report.when == "teardown":
            self.left[sentence] -= 1
            if not self.left[sentence]:
                words = self.failed.get(sentence)
                print(f"  {'proven' if words is None else 'NOT SO'}: {sentence}", flush=True)
                if words:
                    print(words, flush=True)


def up(system: str = "debian13") -> int:
    try:
        inventory = fleet.up(engine.connect(), FLEET, {HOST: system})
    except engine.EngineError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    folder = FLEETS / FLEET
    variables = folder / "vars.yml"
    variables.write_text("---\n" + yaml.safe_dump({"admin_user_authorized_keys": [fleet.key().strip()]}, width=1000))
    play = [
        str(BIN / "ansible-playbook"),
        *("-i", str(inventory)),
        *("-u", "root"),
        "playbooks/site.yml",
        *("-e", f"admin_user_name={ADMIN}"),
        *("-e", f"@{variables}"),
    ]
    print(f"\ndemo: a bare {system} host runs; the main job takes it from a root login to a hardened host:\n")
    for title in ("the first run", "the same command again"):
        shown = [str(Path(word).relative_to(ROOT)) if word.startswith(str(ROOT)) else word for word in play]
        shown[-1] = "@" + str(variables.relative_to(ROOT))
        print(f"demo: {title}:\n$ {' '.join(shown)}", flush=True)
        started = time.monotonic()
        if subprocess.run(play, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
            print(f"demo: the play failed; the host still runs: ssh -F {_shown(folder)}/ssh_config root@{HOST}")
            return 1
        print(f"demo: {title} took {time.monotonic() - started:.1f} seconds\n", flush=True)
    print("demo: what the running host says (tests/acceptance):", flush=True)
    status = prove(folder)
    print(f"\nLog in:   ssh -F {_shown(folder)}/ssh_config {ADMIN}@{HOST}\nClean up: make demo-down", flush=True)
    return status


def prove(folder: Path) -> int:
    """Run the acceptance suite against the demo's host as the admin; return pytest's exit status."""
    words = [str(ROOT / "tests" / "acceptance"), f"--hosts=ssh://{ADMIN}@{HOST}", f"--ssh-config={folder}/ssh_config"]
    quiet = ["--sudo", "-o", "addopts=--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider"]
    return int(pytest.main([*words, *quiet], plugins=[Proofs()]))


def down() -> int:
    try:
        fleet.down(engine.connect(), FLEET)
    except engine.EngineError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("demo: the host is gone")
    return 0


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(down() if sys.argv[1:2] == ["down"] else up(*sys.argv[2:]))
