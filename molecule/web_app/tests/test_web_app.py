"""A stranger asks the application, scans the hosts after a power cut, and is banned for what it does.

The tests run in their order: the application of the example, a reboot, the next version with HTTPS, the bans.
"""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.hosts.paths import ROOT
from tests.siege import FAMILIES, Host, at_once, play
from tests.web import Client, WebAnswer

HOSTS = ("debian12", "debian13")
EXPOSURE = 2.5
APPLICATION = ROOT / "molecule" / "web_app" / "files" / "application"
# The one that gets HTTPS.
TLS = "debian13"
# Jail: the family and the path of the requests, and the answer that it counts.
ATTACKS = {"nginx-limit-req": ("IPv4", "/", "429"), "nginx-botsearch": ("IPv6", "/wp-login.php", "404")}
GREETING = 'say "it\'s" \\ $HOME %h'


def scheme(name: str) -> str:
    """Return how a host answers after the next version was deployed."""
    return "https" if name == TLS else "http"


each_host = pytest.mark.parametrize("name", HOSTS)
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_family
@each_host
def test_nginx_answers_with_the_application(name: str, family: str, hosts: dict[str, Host], stranger: Client) -> None:
    answer = stranger.get(hosts[name], family)
    mine = stranger.host.address(family)
    assert answer.text == f"It works. You are {mine}, and you asked for http://shop.test/.\n"
    assert answer.status == 200
    assert answer.headers["server"] == "nginx"
    assert answer.headers["x-content-type-options"] == "nosniff"


@each_host
def test_a_client_cannot_choose_its_address(name: str, hosts: dict[str, Host], stranger: Client) -> None:
    forged = [
        "X-Forwarded-For: 192.0.2.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.test",
        "X-Real-IP: 192.0.2.9",
    ]
    words = [word for header in forged for word in ("-H", header)]
    text = stranger.get(hosts[name], "IPv4", "http://shop.test/", *words).text
    assert text == f"It works. You are {stranger.host.address('IPv4')}, and you asked for http://shop.test/.\n"


@each_host
def test_other_names_reach_no_application(name: str, hosts: dict[str, Host], stranger: Client) -> None:
    answer = stranger.get(hosts[name], "IPv4", "http://other.test/")
    assert answer.status == 404
    assert "It works" not in answer.text


@each_host
def test_gunicorn_has_no_port(name: str, hosts: dict[str, Host]) -> None:
    listening = hosts[name].run("ss -Hltnup")
    assert "nginx" in listening
    assert "gunicorn" not in listening
    assert "python" not in re.sub(r"fail2ban\S*", "", listening)
    assert "/run/shop.sock" in hosts[name].run("ss -Hlx")


@each_host
def test_only_nginx_reaches_the_socket(name: str, hosts: dict[str, Host]) -> None:
    ask = "curl -sS -m 5 --unix-socket /run/shop.sock http://shop.test/ 2>&1 || true"
    assert "It works" in hosts[name].run(f"setpriv --reuid www-data --clear-groups {ask}")
    assert "It works" not in hosts[name].run(f"setpriv --reuid deploy --clear-groups {ask}")


@each_host
def test_it_runs_as_its_own_user_without_a_shell(name: str, hosts: dict[str, Host]) -> None:
    members = "/sys/fs/cgroup$(systemctl show -P ControlGroup shop.service)/cgroup.procs"
    users = hosts[name].run(f"for pid in $(cat {members}); do stat -c %U /proc/$pid; done").split()
    # The arbiter and its three workers.
    assert len(users) == 4
    assert set(users) == {"shop"}
    assert hosts[name].run("getent passwd shop").strip().endswith(":/usr/sbin/nologin")


@each_host
def test_the_service_is_hardened(name: str, hosts: dict[str, Host]) -> None:
    printed = hosts[name].run("systemd-analyze --no-pager security shop.service")
    exposure = re.search(r"Overall exposure level for shop\.service: ([\d.]+)", printed)
    assert exposure
    print(f"{name}: systemd-analyze security: {exposure[1]}")
    assert float(exposure[1]) < EXPOSURE, printed


@each_host
def test_the_first_request_after_a_power_cut_is_answered(
    name: str, hosts: dict[str, Host], stranger: Client, rebooted: dict[str, tuple[str, WebAnswer]]
) -> None:
    state, answer = rebooted[name]
    # The request starts it, by its socket.
    assert state == "inactive"
    assert answer.status == 200, answer.text
    assert f"You are {stranger.host.address('IPv4')}," in answer.text
    assert hosts[name].run("systemctl is-active shop.service").strip() == "active"


@pytest.fixture(scope="session")
def scanned(
    hosts: dict[str, Host], stranger: Client, rebooted: dict[str, tuple[str, WebAnswer]]
) -> dict[tuple[str, str], set[int]]:
    """Scan all TCP ports over both families, after the reboot; return the ports that answer."""
    assert rebooted

    def scan(name: str, family: str) -> set[int]:
        option = " -6" if family == "IPv6" else ""
        address = hosts[name].address(family)
        words = f"nmap{option} -n -Pn -sS -p- --open --min-rate 10000 --max-retries 1 -oG - {address}"
        return {int(port) for port in re.findall(r"(\d+)/open/tcp", stranger.host.run(words))}

    found = at_once(lambda name: {family: scan(name, family) for family in FAMILIES}, HOSTS)
    return {(name, family): found[name][family] for name in HOSTS for family in FAMILIES}


@each_family
@each_host
def test_no_other_port_answers(name: str, family: str, scanned: dict[tuple[str, str], set[int]]) -> None:
    assert scanned[name, family] == {22, 80}


@pytest.fixture(scope="session")
def next_version(
    hosts: dict[str, Host], stranger: Client, rebooted: dict[str, tuple[str, WebAnswer]]
) -> dict[str, dict[str, t.Any]]:
    """Deploy another source with another Flask, and HTTPS on one host; return what the new application reports."""
    assert rebooted
    variables = {"web_source": f"{APPLICATION}/", "tls": [TLS], "greeting": GREETING}
    play("web_app", "-e", json.dumps(variables))

    def ask(name: str) -> dict[str, t.Any]:
        answer = stranger.get(hosts[name], "IPv4", f"{scheme(name)}://shop.test/")
        assert answer.status == 200, answer
        report: dict[str, t.Any] = json.loads(answer.text)
        return report

    return at_once(ask, HOSTS)


@each_host
def test_a_new_version_runs_at_once(name: str, next_version: dict[str, dict[str, t.Any]]) -> None:
    assert next_version[name]["flask"] == "3.1.2"


@each_host
def test_it_has_its_environment(name: str, next_version: dict[str, dict[str, t.Any]]) -> None:
    assert next_version[name]["greeting"] == GREETING


@each_host
def test_it_writes_in_its_own_folders_alone(name: str, next_version: dict[str, dict[str, t.Any]]) -> None:
    writes = next_version[name]["writes"]
    # Both of /tmp are its own, which no other process sees.
    assert {folder for folder, outcome in writes.items() if outcome == "done"} == {
        *("/var/lib/shop", "/run/shop", "/tmp", "/var/tmp")
    }


@each_host
def test_its_temporary_files_are_its_own(name: str, hosts: dict[str, Host], next_version: dict[str, object]) -> None:
    assert next_version[name]
    assert "written-by-the-application" not in hosts[name].run("ls -A /tmp /var/tmp")


@each_host
def test_it_reads_nobody_elses_files(name: str, next_version: dict[str, dict[str, t.Any]]) -> None:
    reads = next_version[name]["reads"]
    assert {path for path, outcome in reads.items() if outcome == "done"} == {"/srv/shop/src/app.py"}


@each_host
def test_it_cannot_gain_anything(name: str, hosts: dict[str, Host], next_version: dict[str, dict[str, t.Any]]) -> None:
    report = next_version[name]
    user = int(hosts[name].run("id -u shop"))
    assert report["ids"][:2] == [user, user]
    assert report["users"] == [user]
    assert report["root"] == "EPERM"
    assert report["network"] == "EAFNOSUPPORT"
    # By systemd's filter of system calls, and by the kernel where systemd asks it (PR_SET_MDWE).
    assert report["written code"] in {"EPERM", "EACCES"}
    assert report["namespace"] == "EPERM"


def test_https_with_a_certificate(
    hosts: dict[str, Host], stranger: Client, next_version: dict[str, dict[str, t.Any]]
) -> None:
    assert next_version[TLS]["url"] == "https://shop.test/"
    assert next_version[TLS]["address"] == stranger.host.address("IPv4")
    for family in FAMILIES:
        plain = stranger.get(hosts[TLS], family, "http://shop.test/a?b=c")
        assert (plain.status, plain.headers["location"]) == (301, "https://shop.test/a?b=c")
        answer = stranger.get(hosts[TLS], family, "https://shop.test/")
        assert (answer.status, answer.headers["strict-transport-security"]) == (200, "max-age=86400")
    assert stranger.get(hosts[TLS], "IPv4", "https://other.test/").status == 404
    old = stranger.get(hosts[TLS], "IPv4", "https://shop.test/", "--tls-max", "1.1")
    assert old.status == 0


@pytest.fixture(scope="session")
def banned(hosts: dict[str, Host], stranger: Client, next_version: dict[str, object]) -> dict[str, dict[str, t.Any]]:
    """Flood each host over IPv4, and search it for other people's pages over IPv6, until it refuses."""
    assert next_version

    def attack(name: str) -> dict[str, t.Any]:
        words = f"timeout 100 python3 /root/flood.py {scheme(name)}"
        return {
            jail: json.loads(stranger.host.run(f"{words} {hosts[name].address(family)} {path} 60"))
            for jail, (family, path, _status) in ATTACKS.items()
        }

    return {name: attack(name) for name in HOSTS}


@pytest.mark.parametrize("jail", ATTACKS)
@each_host
def test_who_attacks_is_banned(
    name: str, jail: str, hosts: dict[str, Host], stranger: Client, banned: dict[str, t.Any]
) -> None:
    family, _path, status = ATTACKS[jail]
    seen = banned[name][jail]
    assert seen.get(status, 0) > 0, seen
    assert seen.get("refused"), seen
    # The search is so fast that the other jail counts it too.
    held = hosts[name].banned(jail)
    assert stranger.host.address(family) in held
    assert set(held) <= {stranger.host.address(each) for each in FAMILIES}
    assert stranger.get(hosts[name], family, f"{scheme(name)}://shop.test/").status == 0


@each_family
@each_host
def test_others_are_not(name: str, family: str, hosts: dict[str, Host], banned: dict[str, t.Any]) -> None:
    assert banned[name]
    other = Client(hosts[HOSTS[HOSTS.index(name) - 1]])
    assert other.get(hosts[name], family, f"{scheme(name)}://shop.test/").status == 200
