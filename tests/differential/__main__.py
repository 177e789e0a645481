"""``make fuzz``: python -m tests.differential [--count N] [--seed N] [SYSTEM …]."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.differential.compare import Disagreement, Speller, Tally, compare
from tests.differential.fuzz import generate
from tests.differential.oracle import Oracle, OracleError
from tests.differential.provenance import prove
from tests.differential.shrink import shrunk
from tests.differential.trees import Case
from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS

SYSTEMS = ("debian12", "debian13", "debian-unstable")
FLEET = "fuzz"
BATCH = 500
# One line in this many configurations is put to the test by changing it.
PROVEN = 5


@dataclass
class Run:
    """One system under test."""

    oracle: Oracle
    tally: Tally = field(default_factory=Tally)
    found: list[Disagreement] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.speller = Speller(self.oracle)

    def play(self, batch: list[Case], seed: int) -> None:
        started = time.monotonic()
        self.found = compare(self.oracle, batch, self.tally, self.speller)
        if not self.found:
            self.found = prove(self.speller, batch[::PROVEN], self.tally, seed=seed)
        else:
            self.found = [shrunk(self.speller, self.found), *self.found]
        self.seconds += time.monotonic() - started

    def __str__(self) -> str:
        return (
            f"{self.oracle.name} ({self.oracle.version}): {self.tally}, {len(self.found)} disagreements; "
            f"sshd was asked {self.oracle.asked} times in {self.seconds:.0f} seconds"
        )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("system", nargs="*", default=SYSTEMS)
    parser.add_argument("--count", type=int, default=20000, help="configurations for each system (default 20000)")
    parser.add_argument("--workers", type=int, default=2, help="how many each host runs at once (default 2)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="play the same ones again")
    words = parser.parse_args(argv)
    print(f"fuzz: {words.count} configurations for each of {', '.join(words.system)}; SEED={words.seed}", flush=True)
    # A fleet of this process: two runs at once do not take each other's hosts away.
    name = f"{FLEET}-{os.getpid()}"
    client = engine.connect()
    try:
        fleet.up(client, name, {system: system for system in words.system})
        ssh = ["ssh", "-F", str(FLEETS / name / "ssh_config")]
        runs = [Run(Oracle(system, [*ssh, f"root@{system}"], words.workers)) for system in words.system]
        return play(runs, words.seed, words.count)
    except (engine.EngineError, OracleError) as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 1
    finally:
        fleet.down(client, name)


def play(runs: list[Run], seed: int, count: int) -> int:
    """Play ``count`` cases in batches, each with the next seed; stop at the first batch with a disagreement."""
    started = time.monotonic()
    sizes = [(seed + done, min(BATCH, count - done)) for done in range(0, count, BATCH)]
    played = 0
    # The next batch is made, in a process of its own, while the hosts are busy with one.
    with ProcessPoolExecutor(max_workers=1) as maker, ThreadPoolExecutor(max_workers=len(runs)) as pool:
        coming = maker.submit(generate, *sizes[0])
        for number, (one, size) in enumerate(sizes, 1):
            batch = coming.result()
            if number < len(sizes):
                coming = maker.submit(generate, *sizes[number])
            for playing in [pool.submit(run.play, batch, one) for run in runs]:
                playing.result()
            played += size
            print(f"fuzz: {played} of {count} after {time.monotonic() - started:.0f} seconds", flush=True)
            failed = [run for run in runs if run.found]
            for run in failed:
                print(f"fuzz: {run}; made small (--seed {one} --count {size}):\n{run.found[0]}", flush=True)
            if failed:
                return 1
    for run in runs:
        print(f"fuzz: {run}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
