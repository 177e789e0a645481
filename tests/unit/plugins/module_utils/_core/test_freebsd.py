"""FreeBSD's sockstat, ps and master.passwd (see tests/unit/fixtures/freebsd/README.md for where the words are from)."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import (
    PROCESSES,
    MasterPasswd,
    closed,
    parse_master_passwd,
    parse_sockstat,
    sockstat_listeners,
    ssh_connection,
)

SOCKSTAT = """\
USER     COMMAND    PID   FD  PROTO  LOCAL ADDRESS         FOREIGN ADDRESS
root     sshd        1718 6   tcp6   *:22                  *:*
root     sshd        1718 7   tcp4   *:22                  *:*
root     sendmail     903 3   tcp4   127.0.0.1:25          *:*
www      nginx        950 8   tcp46  [2001:db8::1]:8443    *:*
deploy   sshd        2101 4   tcp4   192.0.2.1:2222        192.0.2.7:50000
ntpd     ntpd         800 20  udp4   *:123                 *:*
?        ?              ? ?   tcp4   *:*                   *:*
"""
# A login as deploy, who becomes root: sudo drops the variable, and its own environment still has it.
PS = """\
    0     0 [kernel]
    1     0 PATH=/sbin:/bin /sbin/init
 1718     1 sshd: /usr/sbin/sshd [listener] 0 of 10-100 startups
 2099  1718 sshd: deploy [priv]
 2101  2099 sshd: deploy@notty
 2102  2101 HOME=/home/deploy SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22 SSH_CLIENT=192.0.2.7 50000 22 sh -c sudo
 2103  2102 SSH_CONNECTION=192.0.2.9 1 192.0.2.1 22 USER=deploy sudo -n /bin/sh -c python
 2104  2103 SUDO_USER=deploy /bin/sh -c python
 2105  2104 /usr/local/bin/python3.11 AnsiballZ_sshd_config.py
 3000     1 SSH_CONNECTION=fe80::1%em0 50001 fe80::2%em0 22 tmux
"""
MASTER = """\
# $FreeBSD$
root:$6$salt$hash:0:0::0:0:Charlie &:/root:/bin/sh
deploy:*:1001:1001::0:0:deploy:/home/deploy:/bin/sh
gone:*LOCKED*$6$salt$hash:1002:1002::0:0:gone:/home/gone:/bin/tcsh
old:*:1003:1003:staff:0:1700000000:old:/home/old:/bin/sh
stale:$6$salt$hash:1004:1004::1700000000:0:stale:/home/stale:/bin/sh
torn:*:1005
"""


def test_listening_ports() -> None:
    assert parse_sockstat(SOCKSTAT) == {22, 25, 8443}
    assert parse_sockstat("") == set()


def test_sockstat_names_the_process() -> None:
    rows = sockstat_listeners(SOCKSTAT + "mallory  my sshd     2202 6   tcp4   *:2222                *:*\n")
    assert rows[0] == ("root", "sshd", 1718, "::", 22)
    assert rows[1] == ("root", "sshd", 1718, "0.0.0.0", 22)
    assert rows[3] == ("www", "nginx", 950, "2001:db8::1", 8443)
    assert rows[-1] == ("mallory", "my sshd", 2202, "0.0.0.0", 2222)


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        pytest.param(2105, "192.0.2.9 1 192.0.2.1 22", id="of sudo, two processes above"),
        pytest.param(2102, "192.0.2.7 50000 192.0.2.1 22", id="its own"),
        pytest.param(1718, "", id="the daemon has none"),
        pytest.param(3000, "fe80::1%em0 50001 fe80::2%em0 22", id="link-local"),
        pytest.param(4000, "", id="no such process"),
    ],
)
def test_the_connection_is_that_of_the_nearest_ancestor(pid: int, expected: str) -> None:
    assert ssh_connection(PS, pid) == expected


def test_each_column_of_ps_has_an_option_of_its_own() -> None:
    # Behind the sign of = stands the headline, and a comma belongs to it.
    assert [word for word in PROCESSES if "=" in word] == ["pid=", "ppid=", "command="]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param("deploy", MasterPasswd("*"), id="no password"),
        pytest.param("old", MasterPasswd("*", 0, 1_700_000_000), id="expires"),
        pytest.param("torn", None, id="cut short"),
        pytest.param("nobody-such", None, id="of NIS"),
    ],
)
def test_an_entry_is_read(user: str, expected: MasterPasswd | None) -> None:
    assert parse_master_passwd(MASTER, user) == expected


@pytest.mark.parametrize(
    ("user", "now", "expected"),
    [
        pytest.param("deploy", 1_800_000_000, [], id="open"),
        pytest.param("gone", 1_800_000_000, ["the account gone is locked; `pw unlock gone` lifts that"], id="locked"),
        pytest.param(
            "old", 1_700_000_000, ["the account old has expired; `pw usermod old -e 0` lifts that"], id="expired"
        ),
        pytest.param("old", 1_699_999_999, [], id="not yet expired"),
        pytest.param(
            "stale",
            1_700_000_001,
            ["stale must change the password at the next login; `pw usermod stale -p 0` lifts that"],
            id="the password has to be changed",
        ),
    ],
)
def test_what_closes_an_account(user: str, now: float, expected: list[str]) -> None:
    entry = parse_master_passwd(MASTER, user)
    assert entry
    assert list(closed(user, entry, now)) == expected
