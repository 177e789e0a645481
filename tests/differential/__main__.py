"""``make fuzz``: python -m tests.differential [--count N] [--seed N] [SYSTEM …]."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.differential.compare import Disagreement, Tally, compare
from tests.differential.fuzz import generate, shrunk
from tests.differential.oracle import Oracle, OracleError
from tests.differential.trees import Case
from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS

SYSTEMS = ("debian12", "debian13", "debian-unstable")
FLEET = "fuzz"
BATCH = 500


@dataclass
class Run:
    """One system under test."""

    oracle: Oracle
    tally: Tally = field(default_factory=Tally)
    found: list[Disagreement] = field(default_factory=list)

    def play(self, batch: list[Case]) -> None:
        self.found = compare(self.oracle, batch, self.tally)

    def __str__(self) -> str:
        return f"{self.oracle.name} ({self.oracle.version}): {self.tally}, {len(self.found)} disagreements"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("system", nargs="*", default=SYSTEMS)
    parser.add_argument("--count", type=int, default=20000, help="configurations for each system (default 20000)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="play the same ones again")
    words = parser.parse_args(argv)
    print(f"fuzz: {words.count} configurations for each of {', '.join(words.system)}; SEED={words.seed}", flush=True)
    # A fleet of this process: two runs at once do not take each other's hosts away.
    name = f"{FLEET}-{os.getpid()}"
    client = engine.connect()
    try:
        fleet.up(client, name, {system: system for system in words.system})
        ssh = ["ssh", "-F", str(FLEETS / name / "ssh_config")]
        return play([Run(Oracle(system, [*ssh, f"root@{system}"])) for system in words.system], words.seed, words.count)
    except (engine.EngineError, OracleError) as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 1
    finally:
        fleet.down(client, name)


def play(runs: list[Run], seed: int, count: int) -> int:
    """Play ``count`` cases in batches, each with the next seed; stop at the first batch with a disagreement."""
    started = time.monotonic()
    sizes = {seed + done: min(BATCH, count - done) for done in range(0, count, BATCH)}
    played = 0
    with ThreadPoolExecutor(max_workers=len(runs)) as pool:
        batches = (generate(*one) for one in sizes.items())
        batch = next(batches, [])
        for number, size in sizes.items():
            playing = [pool.submit(run.play, batch) for run in runs]
            # While the hosts are busy the next batch is made.
            batch = next(batches, [])
            for one in playing:
                one.result()
            played += size
            print(f"fuzz: {played} of {count} after {time.monotonic() - started:.0f} seconds", flush=True)
            failed = [run for run in runs if run.found]
            for run in failed:
                print(f"fuzz: {run}; the first:\n{run.found[0]}\nfuzz: shrinking it (minutes)", flush=True)
                print(shrunk(run.oracle, number, size, run.found), flush=True)
            if failed:
                return 1
    for run in runs:
        print(f"fuzz: {run}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
