"""Ways to shut oneself out: each ends with the host reachable and unchanged, and a message that names the cause."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from tests.hosts.paths import FLEETS
from tests.hosts.runs import play
from tests.lockout.ways import ROLLED_BACK, WAYS

FLEET = "molecule-sshd_lockout"
HOSTS = ("debian12", "debian13")
PLAY = Path(__file__).parents[1] / "ways.yml"
# The files byte for byte, what sshd makes of them, where it listens, and what a rollback would leave behind.
SNAPSHOT = """
find /etc/ssh -printf '%p %m %u:%g %l\\n' | sort | sha256sum
find /etc/ssh -type f -exec sha256sum {} + | sort | sha256sum
/usr/sbin/sshd -T -C user=deploy,host=x,addr=192.0.2.1 | sha256sum
ss -ltnH | grep -v :2222 | awk '{print $4}' | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
"""
Results = dict[str, dict[str, dict[str, t.Any]]]


@pytest.fixture(scope="module")
def results() -> Results:
    hosts = yaml.safe_load((FLEETS / FLEET / "inventory.yml").read_text())["all"]["hosts"]
    said: Results = {}
    ways = [asdict(way) for way in (*WAYS, *ROLLED_BACK)]
    here = hosts["debian12"]["ansible_host"].rpartition(".")[0] + ".1"
    ssh = [
        "timeout",
        "20",
        "ssh",
        "-F",
        str(FLEETS / FLEET / "ssh_config"),
        "-o",
        "ControlPath=none",
        "-o",
        "BatchMode=yes",
    ]
    variables = {"ways": json.loads(json.dumps(ways).replace("@from", here)), "snapshot": SNAPSHOT, "ssh": ssh}
    for host, tasks in play(FLEET, PLAY, variables, user="deploy").items():
        to = hosts[host]["ansible_host"]
        said[host] = json.loads(json.dumps(tasks).replace(to, "@to"))
    return said


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("way", [*WAYS, *ROLLED_BACK], ids=lambda way: re.sub(r"\W+", "-", way.name))
def test_the_way_is_barred(results: Results, host: str, way: t.Any) -> None:
    before = results[host]["Look at what none of them may change"]
    tried, after = (results[host][f"{part}: {way.name}"] for part in ("Try", "After"))
    assert way.says in tried.get("msg", ""), tried
    assert "Traceback" not in json.dumps(tried)
    # A new login, past the connection of the play, finds what was there before.
    assert after["rc"] == 0, after
    assert after["stdout"].splitlines() == before["stdout"].splitlines()
    if way in ROLLED_BACK:
        assert tried["rolled_back"] is True, tried
    else:
        assert "rolled_back" not in tried
