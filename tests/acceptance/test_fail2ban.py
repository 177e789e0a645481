"""fail2ban according to the running server and the packet filter: the jail sshd has entries, bans and unbans."""

from __future__ import annotations

import random
import re
import shlex
import time
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

FILTERS = (
    *("nft list ruleset", "iptables-save", "ip6tables-save", "ipset list", "firewall-cmd --list-rich-rules"),
    "pfctl -a f2b/sshd -t f2b-sshd -T show",
)
TOOLS = {
    **{"pyhost-nftables": "nft", "nftables": "nft", "iptables": "iptables"},
    **{"firewallcmd": "firewall-cmd", "ufw": "ufw", "pf": "pfctl"},
}


def shown(host: Host) -> str:
    """What the packet filters of ``host`` show, those that it has."""
    return "\n".join(host.run(command).stdout for command in FILTERS)


def names(text: str, address: str) -> bool:
    return re.search(rf"(?<![\w.:]){re.escape(address)}(?![\w.:])", text) is not None


@pytest.fixture(scope="module")
def status(host: Host) -> str:
    return host.check_output("fail2ban-client status sshd")


def test_the_service_runs_and_starts_at_boot(host: Host) -> None:
    service = host.service("fail2ban")
    assert service.is_running, host.run("journalctl --no-pager --unit fail2ban --lines 20").stdout
    assert service.is_enabled


def test_the_jail_has_a_source_with_entries(host: Host, status: str) -> None:
    journal = re.search(r"Journal matches:\s*(\S.*)", status)
    if journal:
        words = [word for part in journal.group(1).split(" + ") for word in ("+", *part.split())][1:]
        assert host.check_output(f"journalctl --quiet --lines 1 {shlex.join(words)}")
        return
    files = re.search(r"File list:\s*(\S.*)", status)
    assert files, status
    assert any(host.file(path).size for path in files.group(1).split())


def test_the_ban_actions_tool_is_there(host: Host) -> None:
    """The ban action's tool is there."""
    actions = host.check_output("fail2ban-client get sshd actions").splitlines()[-1].replace(",", " ").split()
    wanted = {tool for action in actions for name, tool in TOOLS.items() if action.startswith(name)}
    assert wanted, actions
    assert all(host.exists(tool) for tool in wanted)


def within_seconds(what: Callable[[], bool], seconds: float = 10) -> bool:
    """Return whether it comes true: the action of the collection collects bans, and a thread makes them."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


@pytest.fixture(params=["192.0.2.{}", "2001:db8::{}"], ids=["IPv4", "IPv6"])
def address(request: pytest.FixtureRequest, host: Host) -> Iterator[str]:
    banned = shown(host)
    free = [one for one in (str(request.param).format(last) for last in range(10, 100)) if not names(banned, one)]
    chosen = random.choice(free)
    yield chosen
    host.run("fail2ban-client set sshd unbanip %s", chosen)


def test_a_ban_reaches_the_packet_filter_and_ends(host: Host, address: str) -> None:
    host.check_output("fail2ban-client set sshd banip %s", address)
    assert within_seconds(lambda: names(shown(host), address))
    host.check_output("fail2ban-client set sshd unbanip %s", address)
    assert within_seconds(lambda: not names(shown(host), address))


def test_the_controller_is_never_banned(host: Host) -> None:
    client = host.run("echo $SSH_CONNECTION").stdout.split()
    if client:
        assert client[0] in host.check_output("fail2ban-client get sshd ignoreip")


@pytest.mark.family("freebsd")
def test_pf_asks_fail2ban(host: Host) -> None:
    """Pf is on and asks fail2ban's anchor."""
    assert "Status: Enabled" in host.check_output("pfctl -s info")
    assert 'anchor "f2b/*" all' in host.check_output("pfctl -s rules")
