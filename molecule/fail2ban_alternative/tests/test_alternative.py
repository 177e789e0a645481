"""The options off their defaults, asked of the running server and the packet filter."""

from __future__ import annotations

import pytest
from testinfra.host import Host


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


def test_failures_in_its_log_are_counted_and_banned(host: Host) -> None:
    failure = ': *1 user "x" was not found in "/h", client: 192.0.2.9, server: s, request: "GET / HTTP/1.1", host: "s"'
    now = host.check_output("date '+%Y/%m/%d %H:%M:%S'")
    host.check_output("printf '%%s\\n' %s %s %s >>/var/log/shop/error.log", *[f"{now} [error] 7#7{failure}"] * 3)
    seen = "for i in $(seq 100); do iptables -S f2b-shop | grep -q 192.0.2.9 && exit 0; sleep 0.2; done; exit 1"
    try:
        assert host.run(seen).rc == 0, host.check_output("fail2ban-client status shop")
    finally:
        host.run("fail2ban-client set shop unbanip 192.0.2.9")


def test_the_jail_of_somebody_else_still_runs(host: Host) -> None:
    assert "pam-generic" in host.check_output("fail2ban-client status")
    assert "198.51.100.9" in get(host, "pam-generic", "ignoreip")


def test_a_jails_own_ignoreip_also_holds_the_controller(host: Host) -> None:
    controller = host.run("echo $SSH_CONNECTION").stdout.split()[0]
    ignored = get(host, "shop", "ignoreip")
    assert "203.0.113.0/24" in ignored
    assert controller in ignored


def test_nothing_of_the_proof_stays_in_the_history(host: Host) -> None:
    count = "import sqlite3; db = sqlite3.connect('/var/lib/fail2ban/fail2ban.sqlite3'); "
    count += "print([db.execute('select count(*) from ' + name).fetchone()[0] for name in ('bans', 'bips')])"
    assert host.check_output("python3 -c %s", count) == "[0, 0]"
