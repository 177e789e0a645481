"""Command line of the test hosts: ``python -m tests.hosts --help``."""

from __future__ import annotations

import argparse
import sys
import typing as t

import docker

from tests.hosts import engine, fleet, images, snapshots
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
    start.add_argument(
        "host",
        nargs="+",
        metavar="NAME=SYSTEM",
        help="a host's name and system; NAME alone is both; SYSTEM+ROLE is one that site.yml has run that role on",
    )
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
    elif words.verb == "inventory":
        _print_inventory(words.fleet)
    else:
        _VERBS[words.verb](engine.connect(), words)
    return 0


def _print_inventory(name: str) -> None:
    inventory = FLEETS / name / "inventory.yml"
    if not inventory.is_file():
        known = ", ".join(fleet.fleets()) or "none"
        raise engine.EngineError(f"no fleet {name!r} of this clone runs; running are: {known}")
    print(inventory.read_text(), end="")


def _build(client: docker.DockerClient, words: argparse.Namespace) -> None:
    print("\n".join(snapshots.ensure(client, words.system or images.names()).values()))


def _up(client: docker.DockerClient, words: argparse.Namespace) -> None:
    wanted = dict((host.partition("=")[0], host.partition("=")[2] or host) for host in words.host)
    print(snapshots.up(client, words.fleet, wanted))


def _down(client: docker.DockerClient, words: argparse.Namespace) -> None:
    for name in words.fleet or fleet.fleets():
        fleet.down(client, name)


_VERBS: dict[str, t.Callable[[docker.DockerClient, argparse.Namespace], None]] = {
    "build": _build,
    "up": _up,
    "down": _down,
    "stop": lambda client, words: fleet.stop(client, words.fleet, words.host),
    "kill": lambda client, words: fleet.stop(client, words.fleet, words.host, pull_plug=True),
    "start": lambda client, words: print(fleet.start(client, words.fleet, words.host)),
    "cut": lambda client, words: fleet.cut(client, words.fleet, words.host),
    "join": lambda client, words: fleet.join(client, words.fleet, words.host),
    "list": lambda client, _words: print(fleet.as_json(client)),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
