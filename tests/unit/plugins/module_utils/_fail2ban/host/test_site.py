"""The files of fail2ban on the host, and the candidate for our file."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.remembered import Remembered
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest
from tests.unit.fake_fail2ban import FILES, OWN, ROOT
from tests.unit.fake_host import Expected, FakeHost, FreeBsdHost


def host_of(files: dict[str, str], **options: t.Any) -> t.Any:
    return FakeHost(files, **options)


def test_where_the_files_are() -> None:
    freebsd: t.Any = FreeBsdHost()
    assert site.own_path(host_of({})) == OWN
    assert site.own_path(freebsd) == "/usr/local/etc/fail2ban/jail.d/zz-pyhost-baseline.local"
    freebsd.files["/etc/fail2ban/jail.conf"] = ""
    assert site.own_path(freebsd) == OWN, "where they are goes before where they usually are"


def test_installed() -> None:
    assert site.is_installed(host_of(FILES))
    assert not site.is_installed(host_of(FILES, programs=[]))
    assert not site.is_installed(host_of({}))


def test_the_files_in_their_order() -> None:
    found = site.read_site(
        host_of(
            {
                f"{ROOT}/jail.conf": "[INCLUDES]\nbefore = paths.conf\n[DEFAULT]\nbantime = 1\n[sshd]\nport = 1\n",
                f"{ROOT}/paths.conf": "[DEFAULT]\nbantime = 2\nsshd_log = /var/log/auth.log\n",
                f"{ROOT}/jail.d/a.conf": "[sshd]\n  port : 3 ; comment\n",
                f"{ROOT}/jail.d/a.conf.bak": "[sshd]\nport = 9\n",
                OWN: "[sshd]\nport = 4\n",
                f"{ROOT}/jail.d/zzz.local": "[INCLUDES]\nafter = zzzz.inc\n[sshd]\nmaxretry = 5\n",
                f"{ROOT}/jail.d/zzzz.inc": "[sshd]\nmaxretry = 6\n",
                f"{ROOT}/fail2ban.conf": "[Definition]\nsocket = /run/a.sock\nlogtarget = /var/log/a.log\n",
                f"{ROOT}/fail2ban.local": "[DEFAULT]\nlogtarget = SYSOUT ; here\n[Definition]\nsocket: /run/b\n",
            }
        )
    )
    assert found.others["DEFAULT"] == {"bantime": "1", "sshd_log": "/var/log/auth.log"}
    assert found.others["sshd"] == {"port": "3", "maxretry": "6"}
    assert [path.rpartition("/")[2] for path, _text in found.later] == ["zzz.local", "zzzz.inc"]
    assert (found.own, found.path) == ("[sshd]\nport = 4\n", OWN)
    assert (found.socket, found.log) == ("/run/b", "/var/log/a.log")


def test_the_defaults_of_the_server() -> None:
    found = site.read_site(host_of({f"{ROOT}/jail.conf": ""}))
    assert (found.socket, found.log) == ("/var/run/fail2ban/fail2ban.sock", "/var/log/fail2ban.log")
    assert (found.own, found.later) == (None, ())


ASKED = ["fail2ban-regex", "--config", ROOT, "--usedns=no", "--out", "ip", "/scratch/sshd.log"]
ASKED += [f"{ROOT}/filter.d/sshd.conf[mode=aggressive]"]


@pytest.mark.parametrize(
    ("options", "passwords", "asks"),
    [
        pytest.param({}, False, True, id="the end of a connection counts"),
        pytest.param({}, True, False, id="wrong passwords count"),
        pytest.param({"mode": "ddos"}, True, True, id="the mode of the jail"),
        pytest.param({"filter": "other"}, False, False, id="another filter"),
        pytest.param({"enabled": False}, False, False, id="not enabled"),
    ],
)
def test_when_the_filter_is_tried(options: dict[str, t.Any], passwords: bool, asks: bool) -> None:
    commands = [Expected(ASKED, out="192.0.2.1\n192.0.2.2\n")] if asks else []
    host = host_of({**FILES, f"{ROOT}/filter.d/other.local": "[Definition]\n"}, commands=commands)
    probes = HostProbes(passwords=passwords, packet_filter="nftables")
    composed = site.compose_for(
        Remembered(host, "fail2ban"), JailsRequest(jails={"sshd": options}), probes, site.read_site(host)
    )
    assert "[sshd]" in composed.text
    host.done()


def test_a_missing_filter() -> None:
    host = host_of(FILES)
    read = site.read_site(host)
    with pytest.raises(BaselineError) as failed:
        site.compose_for(Remembered(host, "fail2ban"), JailsRequest(jails={"ssd": {}}), HostProbes(), read)
    assert str(failed.value) == (
        "[ssd]: unknown filter 'ssd'; did you mean 'sshd'?; this task changed nothing; a filter is a file "
        "/etc/fail2ban/filter.d/ssd.conf"
    )
    # A jail that does not run needs none.
    site.compose_for(Remembered(host, "fail2ban"), JailsRequest(jails={"ssd": {"enabled": False}}), HostProbes(), read)
