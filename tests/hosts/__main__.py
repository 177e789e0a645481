"""Command line of the test hosts: ``python -m tests.hosts --help``."""

from __future__ import annotations

import argparse
import sys

from tests.hosts import engine, fleet, images
from tests.hosts.paths import CACHE, FLEETS

_ONE_HOST = {
    "stop": "shut one host down; its disk stays",
    "kill": "pull the plug of one host; its disk stays",
    "start": "switch one host on again and write its address into the inventory",
    "cut": "take the network of one host away",
    "join": "give it back",
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hosts", description="Disposable systemd hosts over real SSH."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("systems", help="list the systems that a host can be")
    build = verbs.add_parser("build", help="build the images of SYSTEM … (all without one)")
    build.add_argument("system", nargs="*")
    start = verbs.add_parser("up", help="start a fleet and print its inventory's path")
    start.add_argument("fleet")
    start.add_argument("host", nargs="+", metavar="NAME=SYSTEM", help="a host's name and system; NAME alone is both")
    down = verbs.add_parser("down", help="remove a fleet (every fleet of this clone without a name)")
    down.add_argument("fleet", nargs="*")
    shown = verbs.add_parser("inventory", help="print a fleet's inventory")
    shown.add_argument("fleet")
    for verb, words_of_help in _ONE_HOST.items():
        one = verbs.add_parser(verb, help=words_of_help)
        one.add_argument("fleet")
        one.add_argument("host")
    verbs.add_parser("list", help="list the running hosts, one JSON object a line")
    words = parser.parse_args(argv)
    CACHE.mkdir(exist_ok=True)
    FLEETS.mkdir(parents=True, exist_ok=True)
    try:
        return _do(words)
    except engine.EngineError as error:
        print(f"tests/hosts: {error}", file=sys.stderr)
        return 1


def _do(words: argparse.Namespace) -> int:
    if words.verb == "systems":
        print("\n".join(images.names()))
        return 0
    if words.verb == "inventory":
        inventory = FLEETS / words.fleet / "inventory.yml"
        if not inventory.is_file():
            known = ", ".join(fleet.fleets()) or "none"
            raise engine.EngineError(f"no fleet {words.fleet!r} of this clone runs; running are: {known}")
        print(inventory.read_text(), end="")
        return 0
    client = engine.connect()
    if words.verb == "build":
        for name in words.system or images.names():
            print(images.ensure(client, name))
    elif words.verb == "up":
        wanted = dict((host.partition("=")[0], host.partition("=")[2] or host) for host in words.host)
        print(fleet.up(client, words.fleet, wanted))
    elif words.verb == "down":
        for name in words.fleet or fleet.fleets():
            fleet.down(client, name)
    elif words.verb in ("stop", "kill"):
        fleet.stop(client, words.fleet, words.host, pull_plug=words.verb == "kill")
    elif words.verb == "start":
        print(fleet.start(client, words.fleet, words.host))
    elif words.verb == "cut":
        fleet.cut(client, words.fleet, words.host)
    elif words.verb == "join":
        fleet.join(client, words.fleet, words.host)
    elif words.verb == "list":
        print(fleet.as_json(client))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
