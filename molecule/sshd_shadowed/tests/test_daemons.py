"""An sshd that no stock unit runs, or whose pid file names another one: what is written is in force, and only once."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.runs import ad_hoc

FLEET = "molecule-sshd_shadowed"
HOSTS = ("debian12", "debian13")
# What a daemon that has read its files says to everybody who connects.
BANNER = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; head -n 1 <&3'"
CLEAN = "set +e\nrm -rf /etc/ssh/sshd_config.d/*\n"
UNIT = """\
unit() {
    sed '/^Alias/d' /usr/lib/systemd/system/ssh.service | sed "$1" >/etc/systemd/system/opensshd.service
    systemctl daemon-reload
    systemctl disable --now ssh.service 2>/dev/null
    systemctl enable --now opensshd 2>/dev/null
}
"""
SECOND = """\
printf 'Port 2022\\nUsePAM yes\\n' >/etc/ssh/sshd_sftp
systemd-run --quiet --unit=second /usr/sbin/sshd -D -f /etc/ssh/sshd_sftp
for n in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(cat /run/sshd.pid)" != "$(systemctl show --value -p MainPID second)" ] || break
    sleep 0.5
done
"""
# The file of a key that OpenSSH 10 does not know any more.
DSA = """\
rm -f /tmp/dsa /etc/ssh/ssh_host_dsa_key
openssl dsaparam -out /tmp/dsa 1024 2>/dev/null
(umask 077; openssl genpkey -paramfile /tmp/dsa 2>/dev/null | openssl dsa -out /etc/ssh/ssh_host_dsa_key 2>/dev/null)
printf 'HostKey /etc/ssh/ssh_host_%s_key\\n' dsa rsa ed25519 >/etc/ssh/sshd_config.d/50.conf
systemctl restart ssh
"""
BACK = """\
set +e
systemctl stop second 2>/dev/null
systemctl disable --now opensshd 2>/dev/null
rm -rf /etc/ssh/sshd_config.d/* /etc/ssh/sshd_sftp /etc/systemd/system/opensshd.service /etc/ssh/ssh_host_dsa_key
chmod 600 /etc/ssh/ssh_host_rsa_key
systemctl daemon-reload; systemctl reset-failed; systemctl enable ssh.service 2>/dev/null; systemctl restart ssh.service
"""


@dataclass(frozen=True)
class Daemon:
    """``unit`` is what the module reports; ``between`` is run before the second change."""

    make: str
    unit: str = "ssh.service"
    between: str = "true"


DAEMONS = {
    "a unit of another name": Daemon(f"{UNIT} unit ''", "opensshd.service"),
    "without ExecReload": Daemon(f"{UNIT} unit '/^ExecReload/d'", "opensshd.service"),
    "PidFile none": Daemon("echo 'PidFile none' >/etc/ssh/sshd_config.d/50.conf; systemctl restart ssh"),
    "a pid file that cannot be written": Daemon(
        "echo 'PidFile /run/no/sshd.pid' >/etc/ssh/sshd_config.d/50.conf; systemctl restart ssh"
    ),
    "two daemons with one pid file": Daemon(SECOND, between="systemctl stop second; " + SECOND),
    "a folder for a file": Daemon("mkdir /etc/ssh/sshd_config.d/50.conf"),
    "a leftover DSA host key": Daemon(DSA),
}


def inside(client: docker.DockerClient, name: str, script: str) -> str:
    _status, words = fleet.execute(fleet.find(client, FLEET, name), script)
    return words


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture
def host(request: pytest.FixtureRequest, client: docker.DockerClient) -> t.Iterator[str]:
    inside(client, request.param, "systemctl restart ssh.service")
    try:
        yield request.param
    finally:
        inside(client, request.param, BACK)


def change(name: str, addendum: str) -> dict[str, t.Any]:
    settings = {"VersionAddendum": addendum}
    return ad_hoc(
        FLEET,
        "pyhost.baseline.sshd_config",
        {"settings": settings, "guard_users": ["deploy"]},
        user="deploy",
        host=name,
    )


@pytest.mark.parametrize("host", HOSTS, indirect=True)
@pytest.mark.parametrize("daemon", DAEMONS.values(), ids=[name.replace(" ", "-") for name in DAEMONS])
def test_a_change_is_in_force_and_made_once(client: docker.DockerClient, host: str, daemon: Daemon) -> None:
    inside(client, host, CLEAN + daemon.make)
    for addendum in ("one", "two"):
        first = change(host, addendum)
        assert first.get("changed") and first.get("reloaded"), first
        assert first["confirmed_by"]["method"] == "login", first
        assert addendum in inside(client, host, BANNER)
        inside(client, host, f"set +e\n{daemon.between}")
        assert change(host, addendum)["changed"] is False
    info = ad_hoc(FLEET, "pyhost.baseline.sshd_info", {}, user="deploy", host=host)
    assert (info["unit"], info["running"], info["stale"]) == (daemon.unit, True, False), info


@pytest.mark.parametrize("host", HOSTS, indirect=True)
def test_a_link_that_leads_nowhere_is_refused_before_the_change(client: docker.DockerClient, host: str) -> None:
    inside(client, host, CLEAN + "ln -s /nowhere /etc/ssh/sshd_config.d/50.conf")
    done = change(host, "never")
    assert done["failed"] and done["where"] == "/etc/ssh/sshd_config.d/50.conf", done
    assert "would end at its next reload: it includes this link" in done["msg"], done
    assert "never" not in inside(client, host, BANNER)


OPEN_KEY = "chmod 644 /etc/ssh/ssh_host_rsa_key; systemctl restart ssh"


@pytest.mark.parametrize(
    ("host", "make", "kind", "loads"),
    [
        ("debian12", DSA, "dsa", True),
        ("debian13", DSA, "dsa", False),
        ("debian12", OPEN_KEY, "rsa", False),
        ("debian13", OPEN_KEY, "rsa", False),
    ],
    indirect=["host"],
)
def test_a_host_key_that_sshd_only_logs_is_a_warning(
    client: docker.DockerClient, host: str, make: str, kind: str, loads: bool
) -> None:
    inside(client, host, CLEAN + make)
    request = {"settings": {"VersionAddendum": "three"}, "guard_users": ["deploy"], "crypto": "hardened"}
    done = ad_hoc(FLEET, "pyhost.baseline.sshd_config", request, user="deploy", host=host)
    assert done.get("changed") and done["confirmed_by"]["method"] == "login", done
    said = f"sshd does not load the host key /etc/ssh/ssh_host_{kind}_key" in " ".join(done.get("warnings", []))
    assert said is not loads, done
