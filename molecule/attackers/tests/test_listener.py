"""A local user takes the port that sshd is to move to: the host is hardened nevertheless, and the run says so."""

from __future__ import annotations

import re
import time
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.attackers import FLEET, Attacked
from tests.hosts import runs

SCENARIO = Path(__file__).parents[1]
NAMES = ("net12", "net13")
TASK = "pyhost.baseline.sshd : Ensure the settings of sshd"
PORT = 2222
# Of its own name, so that a terminal is in danger where the name is not quoted.
PROGRAM = "/home/mallory/\x1b[2Jsshd"
Result = dict[str, t.Any]


def listen(host: Attacked, how: str, address: str, port: int, *, user: str = "mallory") -> None:
    """Start the listener as ``user``; return when it has the port (``wait``: when it runs)."""
    python = "$(readlink -f /usr/bin/python3)"
    host.run(f"[ -e '{PROGRAM}' ] || cp {python} '{PROGRAM}'; install -m 644 /root/listener.py /home/mallory/")
    words = f"exec '{PROGRAM}' /home/mallory/listener.py {how} {address} {port}"
    host.run(f'PYTHONHOME=/usr setsid setpriv --reuid {user} --clear-groups sh -c "{words}" >/tmp/{user}.log 2>&1 &')
    time.sleep(1)
    host.run("pgrep -f listener.py")


def end(host: Attacked) -> None:
    host.run("pkill -f '[l]istener.py' || true; rm -f /tmp/mallory.log")


def harden(port: int, connection: int = 22, **more: t.Any) -> dict[str, Result]:
    variables = {"attacked": ",".join(NAMES), "sshd_port": port, "sshd_more": more, "ansible_port": connection}
    found = runs.play(FLEET, SCENARIO / "harden_sshd.yml", variables, user="root")
    return {name: found[name][TASK] for name in NAMES}


def configure(name: str, **settings: t.Any) -> Result:
    """Run the module alone, on one host."""
    desired = {"PermitRootLogin": "prohibit-password", **settings}
    return runs.ad_hoc(FLEET, "pyhost.baseline.sshd_config", {"settings": desired}, user="root", host=name)


def in_force(host: Attacked) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in host.run("sshd -T").splitlines() if " " in line)


def ports_of_sshd(host: Attacked) -> set[str]:
    rows = [line.split() for line in host.run("ss -Htlnp").splitlines() if '("sshd",pid=' in line]
    return {row[3].rpartition(":")[2] for row in rows}


@pytest.fixture(scope="module")
def hosts(attacked: dict[str, Attacked]) -> Iterator[dict[str, Attacked]]:
    found = {name: attacked[name] for name in NAMES}
    script = (SCENARIO / "files" / "listener.py").read_text()
    for host in found.values():
        host.run(f"id mallory >/dev/null 2>&1 || useradd -m mallory; cat > /root/listener.py <<'END'\n{script}END")
        host.run("rm -f /etc/ssh/sshd_config.d/00-pyhost-baseline.conf; systemctl restart ssh")
    yield found
    for host in found.values():
        end(host)
        host.run("rm -f /etc/ssh/sshd_config.d/00-pyhost-baseline.conf; systemctl restart ssh")


@pytest.fixture(scope="module")
def story(hosts: dict[str, Attacked]) -> dict[str, dict[str, Result]]:
    """Four runs: the port is held, is held still, is free, and back."""
    for host in hosts.values():
        listen(host, "listen", "0.0.0.0", PORT)
    result = {"held": harden(PORT)}
    for name, host in hosts.items():
        result["held"][name].update(sshd=in_force(host), real=ports_of_sshd(host), pid=host.run("pgrep -f listener.py"))
    result["still"] = harden(PORT)
    for host in hosts.values():
        end(host)
    result["free"] = harden(PORT)
    for name, host in hosts.items():
        result["free"][name].update(real=ports_of_sshd(host))
    result["back"] = harden(22, PORT)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_the_host_is_hardened_on_the_port_that_sshd_has(story: dict[str, dict[str, Result]], name: str) -> None:
    held = story["held"][name]
    assert (held.get("msg"), held["changed"], held["ports"], held["real"]) == (None, True, [22], {"22"})
    assert held["sshd"]["passwordauthentication"] == "no"
    assert held["sshd"]["persourcemaxstartups"] == "5"
    assert held["confirmed_by"]["method"] == "login"


@pytest.mark.parametrize("name", NAMES)
def test_the_process_is_named_in_quotes(story: dict[str, dict[str, Result]], name: str) -> None:
    held = story["held"][name]
    (holder,) = held["port_held_by"]
    assert (holder["port"], holder["address"], holder["user"]) == (PORT, "0.0.0.0", "mallory")
    assert str(holder["pid"]) in held["pid"].split()
    assert holder["program"] == "/home/mallory/\\x1b[2Jsshd"
    warning = " ".join(held["warnings"])
    assert f"port 2222 is held by process {holder['pid']} (/home/mallory/\\x1b[2Jsshd) of mallory (uid" in warning
    assert "sshd was not moved and stays on port 22" in warning
    assert "\x1b" not in str(held)


@pytest.mark.parametrize("name", NAMES)
def test_every_run_says_so_and_changes_nothing_more(story: dict[str, dict[str, Result]], name: str) -> None:
    still = story["still"][name]
    assert (still["changed"], still["ports"], len(still["port_held_by"])) == (False, [22], 1)
    assert any("is held by process" in text for text in still["warnings"])


@pytest.mark.parametrize("name", NAMES)
def test_the_next_run_moves_sshd_when_the_port_is_free(story: dict[str, dict[str, Result]], name: str) -> None:
    free = story["free"][name]
    assert (free.get("msg"), free["changed"], free["ports"], free["real"]) == (None, True, [PORT], {str(PORT)})
    assert free["port_held_by"] == []
    assert free["confirmed_by"]["port"] == PORT
    assert (story["back"][name].get("msg"), story["back"][name]["ports"]) == (None, [22])


VARIANTS = {
    # A bound socket that does not listen is in no table of the kernel, so nobody can be named.
    "bound without listening": ("bind", "0.0.0.0"),
    "IPv6 alone": ("listen", "::"),
}


def variants(host: Attacked) -> dict[str, Result]:
    result = {}
    configure(host.name, Port=22)
    for number, (title, (how, address)) in enumerate(VARIANTS.items()):
        listen(host, how, address, 2300 + number)
        result[title] = configure(host.name, Port=2300 + number)
        end(host)
    listen(host, "listen", "0.0.0.0", 2310, user="root")
    result["root's"] = configure(host.name, Port=2310, MaxAuthTries=5)
    result["root's"].update(sshd=in_force(host))
    end(host)
    listen(host, "wait", "0.0.0.0", 2320)
    result["taken meanwhile"] = configure(host.name, Port=2320, MaxAuthTries=4)
    result["taken meanwhile"].update(sshd=in_force(host), real=ports_of_sshd(host))
    end(host)
    return result


@pytest.fixture(scope="module")
def ways(hosts: dict[str, Attacked], story: dict[str, t.Any]) -> dict[str, dict[str, Result]]:
    assert story
    with ThreadPoolExecutor() as pool:
        return dict(zip(NAMES, pool.map(variants, hosts.values()), strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("title", VARIANTS)
def test_every_way_to_hold_a_port_is_seen(ways: dict[str, dict[str, Result]], name: str, title: str) -> None:
    result = ways[name][title]
    assert (result.get("msg"), result["changed"], result["ports"]) == (None, False, [22])
    (holder,) = result["port_held_by"]
    if VARIANTS[title][0] == "listen":
        assert (holder["user"], holder["address"]) == ("mallory", VARIANTS[title][1])
    assert any("sshd was not moved" in text for text in result["warnings"])


@pytest.mark.parametrize("name", NAMES)
def test_a_service_of_root_is_the_operators_mistake(ways: dict[str, dict[str, Result]], name: str) -> None:
    result = ways[name]["root's"]
    assert result["failed"] and not result["changed"]
    assert re.search(
        r"port 2310 is held by process \d+ \(.*\) of root \(uid 0\) on 0\.0\.0\.0; this task changed nothing",
        result["msg"],
    )
    assert result["sshd"]["maxauthtries"] == "6"


@pytest.mark.parametrize("name", NAMES)
def test_who_takes_the_port_in_the_middle_of_a_run_gains_nothing(ways: dict[str, dict[str, Result]], name: str) -> None:
    result = ways[name]["taken meanwhile"]
    assert (result.get("msg"), result["changed"], result["ports"], result["real"]) == (None, True, [22], {"22"})
    assert result["sshd"]["maxauthtries"] == "4"
    assert [one["user"] for one in result["port_held_by"]] == ["mallory"]
