"""``make fuzz-jails``: python -m tests.jail_trees [--count N] [--seed N] [SYSTEM …].

Each system's own fail2ban reads generated trees of jail files, and so does the collection: the sections, options and
values that both find have to be the same. A tree that fail2ban rejects is left out: no run gets past its own check.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jail_files import (
    merge_sections,
    read_order,
    read_with_includes,
)
from tests.hosts import engine, fleet
from tests.hosts.paths import ROOT
from tests.jail_trees.generate import DIRECTORY, generate

FLEET = "fuzz-jails"
SYSTEMS = ("debian12", "debian13")
BATCH = 2000
PLACE = "/root/host_script.py"
Sections = dict[str, dict[str, str]]


def ours(tree: dict[str, str]) -> Sections:
    """Return the sections that the collection reads from ``tree``."""
    paths = read_order(tree, DIRECTORY, "jail")

    def read(path: str) -> str | None:
        return tree.get(os.path.normpath(path))

    known: dict[tuple[str, ...], list[str]] = {}
    return merge_sections(text for path in paths for _path, text in read_with_includes(path, read, known))


def compared(sections: Sections) -> Sections:
    """Return what is compared: fail2ban also keeps earlier values, and an empty section is like none."""
    return {
        name: options
        for name, options in sections.items()
        if options and name != "INCLUDES" and not name.startswith("KNOWN/")
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.jail_trees", description=__doc__)
    parser.add_argument("system", nargs="*", default=SYSTEMS)
    parser.add_argument("--count", type=int, default=100000, help="trees for each system (default 100000)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first tree (default 0)")
    options = parser.parse_args(argv)
    client = engine.connect()
    fleet.up(client, FLEET, {system: system for system in options.system})
    try:
        disagreements = [disagree(client, system, options.seed, options.count) for system in options.system]
    finally:
        fleet.down(client, FLEET)
    return 1 if any(disagreements) else 0


def disagree(client: engine.docker.DockerClient, system: str, seed: int, count: int) -> int:
    """Compare ``count`` trees on one system, print the first disagreement, and return how many there are."""
    container = fleet.find(client, FLEET, system)
    install = "apt-get -qq update && apt-get -qq install -y --no-install-recommends fail2ban >/dev/null 2>&1"
    script = (ROOT / "tests" / "jail_trees" / "host_script.py").read_text()
    status, output = fleet.execute(container, f"{install} && cat >{PLACE} <<'END'\n{script}\nEND")
    assert status == 0, output
    version = fleet.execute(container, "fail2ban-server --version")[1].strip()
    started, rejected, wrong = time.monotonic(), 0, 0
    for first in range(seed, seed + count, BATCH):
        seeds = range(first, min(first + BATCH, seed + count))
        for number, answer in zip(seeds, asked(str(container.id), [generate(one) for one in seeds]), strict=True):
            if "error" in answer:
                rejected += 1
                continue
            tree = generate(number)
            theirs = compared(answer["sections"])
            try:
                mine = compared(ours(tree))
            except BaselineError as error:
                mine = {"error": {"": str(error)}}
            if theirs != mine:
                wrong += 1
                if wrong == 1:
                    print(f"seed {number}: {json.dumps(tree, indent=1)}\nfail2ban: {theirs}\nthe collection: {mine}")
    print(
        f"{system} ({version}): {count - rejected} of {count} trees compared, {wrong} disagreements, "
        f"{rejected} rejected by fail2ban, in {time.monotonic() - started:.0f} seconds",
        flush=True,
    )
    return wrong


def asked(container: str, trees: list[dict[str, str]]) -> list[dict[str, Sections]]:
    lines = "".join(json.dumps(tree) + "\n" for tree in trees)
    done = subprocess.run(
        ["docker", "exec", "-i", container, "python3", PLACE], input=lines, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
