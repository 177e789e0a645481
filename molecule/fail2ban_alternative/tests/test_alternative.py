"""The options off their defaults, asked of the running server and the packet filter."""

from __future__ import annotations

import pytest
from testinfra.host import Host

# What the scenario's last play bans.
BY_HAND = ["192.0.2.21", "192.0.2.22", "2001:db8::21", "198.51.100.0/24"]


def get(host: Host, *words: str) -> str:
    return host.check_output("fail2ban-client get " + " ".join(words))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("sshd", "maxretry"), "2"),
        (("sshd", "bantime"), "5400"),
        (("sshd", "findtime"), "1200"),
        (("shop", "maxretry"), "3"),
        (("sshd", "bantime.increment"), "True"),
        (("sshd", "bantime.maxtime"), "604800"),
        (("sshd", "action", "iptables-multiport", "port"), "22,2222"),
        (("shop", "action", "iptables-multiport", "port"), "80,443"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_the_server_has_the_value(host: Host, words: tuple[str, ...], value: str) -> None:
    assert get(host, *words) == value


def test_the_custom_jail_reads_its_log(host: Host) -> None:
    assert "/var/log/shop/error.log" in get(host, "shop", "logpath")


def test_the_jail_of_somebody_else_still_runs(host: Host) -> None:
    assert "gate" in host.check_output("fail2ban-client status")
    assert "198.51.100.9" in get(host, "gate", "ignoreip")


def test_a_jails_own_ignoreip_also_holds_the_controller(host: Host) -> None:
    controller = host.run("echo $SSH_CONNECTION").stdout.split()[0]
    ignored = get(host, "shop", "ignoreip")
    assert "203.0.113.0/24" in ignored
    assert controller in ignored


def test_nothing_of_the_proof_stays_in_the_history(host: Host) -> None:
    count = "import sqlite3; db = sqlite3.connect('/var/lib/fail2ban/fail2ban.sqlite3'); "
    count += "print({ip for name in ('bans', 'bips') for (ip,) in db.execute('select ip from ' + name)} - set(%s))"
    assert host.check_output("python3 -c %s", count % repr(BY_HAND)) == "set()"


def test_bans_by_hand_are_in_the_packet_filter_of_their_jails(host: Host) -> None:
    """What the scenario's last play has left: a network and an address in the jail shop, an address in sshd."""
    shop, sshd = (host.check_output(f"iptables -S f2b-{jail}") for jail in ("shop", "sshd"))
    assert "-s 198.51.100.0/24 " in shop
    assert "-s 192.0.2.21/32 " in shop
    assert "-s 192.0.2.22/32 " in sshd
    assert "192.0.2.21" not in sshd
    assert "2001:db8::21" in host.check_output("ip6tables -S f2b-shop")
