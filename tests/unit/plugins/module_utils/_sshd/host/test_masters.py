"""The master processes of sshd, over titles and cgroups of running hosts."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.masters import (
    SshdMaster,
    find_masters,
    main_of,
)
from tests.unit.fake_host import FakeHost

LISTENER = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
UNIT = "0::/system.slice/ssh.service\n"


class Processes(FakeHost):
    """Processes of ``owner``."""

    owner = 0

    def stat(self, path: str) -> os.stat_result | None:
        state = super().stat(path)
        return os.stat_result((*state[:4], self.owner, *state[5:])) if state else None


def masters(
    cmdline: str, cgroup: str = UNIT, *, owner: int = 0, links: dict[str, str] | None = None
) -> list[SshdMaster]:
    host: t.Any = Processes(
        {"/proc/56": "", "/proc/56/cmdline": cmdline, "/proc/56/cgroup": cgroup}, mtimes={"/proc/56": 1}
    )
    host.owner = owner
    host.links.update(links or {})
    return find_masters(host)


@pytest.mark.parametrize(
    ("cmdline", "found"),
    [
        pytest.param(LISTENER, ("/usr/sbin/sshd", ""), id="Debian 13"),
        pytest.param("/usr/sbin/sshd\0-D\0-oCiphers=aes256-ctr\0", ("/usr/sbin/sshd", ""), id="OpenSSH 8.0, no title"),
        pytest.param("/opt/sbin/sshd\0", ("/opt/sbin/sshd", ""), id="in the background"),
        pytest.param(
            "sshd: /usr/sbin/sshd -D -f /etc/ssh/sftp [listener] 0 of 10-100 startups",
            ("/usr/sbin/sshd", "/etc/ssh/sftp"),
            id="of another file",
        ),
        pytest.param("sshd: deploy [priv]", None, id="a session"),
        pytest.param("sshd-session: deploy@pts/0", None, id="a session of OpenSSH 9.8"),
        pytest.param("sshd: /usr/sbin/sshd -i [listener", None, id="a connection of inetd's"),
        pytest.param("/usr/sbin/sshd\0-T\0-f\0/tmp/x\0", None, id="a test of the configuration"),
        pytest.param("/usr/sbin/sshd\0-t\0", None, id="a check of the configuration"),
        pytest.param("/usr/sbin/sshd\0-ddd\0-D\0", ("/usr/sbin/sshd", ""), id="an admin who debugs"),
        pytest.param("sshd [listener]", None, id="without a path"),
        pytest.param("/usr/sbin/cron\0-f\0", None, id="another daemon"),
        pytest.param("", None, id="a thread of the kernel"),
    ],
)
def test_who_is_a_master(cmdline: str, found: tuple[str, str] | None) -> None:
    assert [(one.program, one.main) for one in masters(cmdline)] == ([found] if found else [])


def test_a_users_process_of_that_name_is_none() -> None:
    assert masters(LISTENER, owner=1001) == []


def test_the_sshd_of_a_container_is_not_the_hosts() -> None:
    own, other = "/proc/self/ns/pid:[4026531836]", "/proc/56/ns/pid:[4026532400]"
    assert masters(LISTENER, links={"/proc/self/ns/pid": own, "/proc/56/ns/pid": other}) == []
    same = other.replace("4026532400", "4026531836")
    assert masters(LISTENER, links={"/proc/self/ns/pid": own, "/proc/56/ns/pid": same})


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        pytest.param(UNIT, "ssh.service", id="unified"),
        pytest.param("0::/system.slice/opensshd.service\n", "opensshd.service", id="another name"),
        pytest.param("0::/system.slice/system-sshd.slice/sshd@sftp.service\n", "sshd@sftp.service", id="an instance"),
        pytest.param(
            "12:pids:/system.slice/other.service\n1:name=systemd:/docker/a1/system.slice/ssh.service\n0::/\n",
            "ssh.service",
            id="hybrid, in a container",
        ),
        pytest.param("0::/system.slice/ssh.service/payload\n", "ssh.service", id="a group of its own"),
        pytest.param("0::/user.slice/user-0.slice/session-3.scope\n", "", id="started by hand in a session"),
        pytest.param("0::/system.slice/ssh.service/run-1.scope\n", "", id="in a scope"),
        pytest.param("0::/init.scope\n", "", id="in none"),
        pytest.param("", "", id="no cgroups"),
        pytest.param("odd\n0\n", "", id="odd lines"),
    ],
)
def test_the_unit_of_a_master(cgroup: str, unit: str) -> None:
    assert [one.unit for one in masters(LISTENER, cgroup)] == [unit]


def test_masters_in_the_order_of_their_pids() -> None:
    host: t.Any = Processes(
        {f"/proc/{pid}{name}": LISTENER for pid in ("1000", "99", "x") for name in ("", "/cmdline")}
    )
    assert [one.pid for one in find_masters(host)] == [99, 1000]


def test_the_file_of_a_running_sshd() -> None:
    host: t.Any = FakeHost({"/proc/56/cmdline": LISTENER.replace("-D", "-D -f /x")})
    assert (main_of(host, 56), main_of(host, 57)) == ("/x", "")
