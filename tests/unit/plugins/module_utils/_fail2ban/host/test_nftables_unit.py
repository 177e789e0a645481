"""The drop-in of nftables.service: which hosts need it, its text, and when systemd reads it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX,
    LINUX_WITHOUT_SYSTEMD,
    Platform,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import nftables_unit
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import DAEMON_RELOAD, DROP_IN, DROP_IN_TEXT, JAIL, NFTABLES_UNIT
from tests.unit.fake_host import FakeHost


def jail(*actions: str) -> JailStream:
    return JailStream("shop", "auto", tuple(("set", "shop", "addaction", action) for action in actions))


def requested(host: FakeHost, *jails: JailStream) -> str | None:
    found = nftables_unit.requested_drop_in(t.cast(t.Any, host), jails)
    assert host.written == []
    host.done()
    return found


HEADER = DROP_IN_TEXT[: DROP_IN_TEXT.index("Exec")]
RESTART = "systemctl --no-block try-restart fail2ban.service"
CHECK = "fail2ban-client set {} action pyhost-nftables consistencyCheck"


def text(*commands: str) -> str:
    """Return the drop-in. systemd.service(5): "-" ignores the exit status, "+" runs with full privileges."""
    return HEADER + "".join(f"{one}=-+{line}\n" for one in ("ExecStartPost", "ExecReload") for line in commands)


@pytest.mark.parametrize(
    ("jails", "commands"),
    [
        pytest.param([JAIL], [CHECK.format("sshd")], id="our action"),
        pytest.param(
            [JAIL, jail("iptables-multiport", "pyhost-nftables")],
            [CHECK.format("sshd"), CHECK.format("shop")],
            id="two jails with our action",
        ),
        pytest.param([JAIL, jail("nftables")], [RESTART], id="one with the stock action"),
    ],
)
def test_the_commands_after_the_rules_were_loaded(jails: list[JailStream], commands: list[str]) -> None:
    """The stock action does not notice that its rules are gone. A stopped service is not started."""
    assert requested(FakeHost({NFTABLES_UNIT: ""}), *jails) == text(*commands)


@pytest.mark.parametrize(
    ("jails", "is_needed"),
    [
        pytest.param([jail("nftables")], True, id="nftables"),
        pytest.param([jail("nftables[type=allports]")], True, id="with a parameter"),
        pytest.param([jail("nftables-multiport")], True, id="an older name"),
        pytest.param([jail("mail-whois", "nftables")], True, id="one of two actions"),
        pytest.param([jail("iptables-multiport"), jail("nftables")], True, id="one of two jails"),
        pytest.param([jail("iptables-multiport")], False, id="iptables"),
        pytest.param([jail("iptables-ipset-proto6"), jail("firewallcmd-rich-rules"), jail("ufw")], False, id="others"),
        pytest.param([jail("mail-whois")], False, id="no packet filter"),
        pytest.param([jail()], False, id="no action"),
        pytest.param([], False, id="no jail"),
    ],
)
def test_jails_that_need_the_drop_in(jails: list[JailStream], is_needed: bool) -> None:
    host = FakeHost({NFTABLES_UNIT: ""})
    assert requested(host, *jails) == (text(RESTART) if is_needed else None)


@pytest.mark.parametrize(
    ("path", "is_needed"),
    [
        pytest.param("/etc/systemd/system/nftables.service", True, id="of the administrator"),
        pytest.param("/run/systemd/system/nftables.service", True, id="of this boot"),
        pytest.param("/usr/lib/systemd/system/nftables.service", True, id="of the package"),
        pytest.param("/lib/systemd/system/nftables.service", True, id="of the package, without a merged /usr"),
        pytest.param("/usr/lib/systemd/system/nftables.socket", False, id="another unit"),
        pytest.param(DROP_IN, False, id="only the drop-in"),
        pytest.param("/etc/nftables.conf", False, id="only its rules"),
    ],
)
def test_units_that_need_the_drop_in(path: str, is_needed: bool) -> None:
    assert requested(FakeHost({path: ""}), JAIL) == (DROP_IN_TEXT if is_needed else None)


@pytest.mark.parametrize(
    ("platform", "is_needed"),
    [
        pytest.param(LINUX, True, id="Linux"),
        pytest.param(LINUX_WITHOUT_SYSTEMD, False, id="another init"),
        pytest.param(FREEBSD, False, id="FreeBSD"),
    ],
)
def test_hosts_that_need_the_drop_in(platform: Platform, is_needed: bool) -> None:
    host = FakeHost({NFTABLES_UNIT: ""}, platform=platform)
    assert requested(host, JAIL) == (DROP_IN_TEXT if is_needed else None)


def test_the_drop_in_does_not_depend_on_who_logs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH of root's login and of sudo differ: the path of a program would make a second run a change."""
    host = FakeHost({NFTABLES_UNIT: ""})
    monkeypatch.setattr(host, "find", {"systemctl": "/bin/systemctl"}.get)
    assert requested(host, JAIL) == DROP_IN_TEXT


@pytest.mark.parametrize(
    ("files", "text"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({DROP_IN: DROP_IN_TEXT}, DROP_IN_TEXT, id="ours"),
        pytest.param({DROP_IN: ""}, "", id="an empty one"),
        pytest.param({DROP_IN.replace("pyhost-baseline-fail2ban", "local"): "[Service]\n"}, None, id="of another"),
    ],
)
def test_the_drop_in_on_the_host(files: dict[str, str], text: str | None) -> None:
    assert nftables_unit.drop_in(t.cast(t.Any, FakeHost(files))) == text


@pytest.mark.parametrize("text", [DROP_IN_TEXT, None], ids=["written", "removed"])
@pytest.mark.parametrize("files", [{}, {DROP_IN: "[Service]\n"}], ids=["none before", "one before"])
def test_systemd_reads_the_drop_in(files: dict[str, str], text: str | None) -> None:
    host = FakeHost(files, [DAEMON_RELOAD])
    nftables_unit.load_drop_in(t.cast(t.Any, host), text)
    host.done()
    assert host.written == [DROP_IN]
    assert host.files.get(DROP_IN) == text
    assert text is None or host.modes[DROP_IN] == 0o644
