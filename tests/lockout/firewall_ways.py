"""Ways to shut oneself out of a host with the firewall, each of which the role has to refuse, as a table."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

__all__ = ["ALLOW_MORE", "INPUT_ERRORS", "WAYS", "FirewallWay"]

# A change that is right by itself.
ALLOW_MORE: dict[str, t.Any] = {"firewall_allow": ["http"]}
_FOLDER = "/var/lib/pyhost.baseline"
_FULL = (
    "mkdir -p {0} /root/kept; cp -a {0}/. /root/kept/; mount -t tmpfs -o size=16k none {0}; cp -a /root/kept/. {0}/; "
    "rm -rf /root/kept; dd if=/dev/zero of={0}/full bs=1k 2>/dev/null || true"
)
# Stands before the real nft: ends with what {then} does when the module loads its new rules, once. The module also
# loads the file that it has in a namespace of its own, to compare.
_NFT = """cat >/usr/local/sbin/nft <<'END'
#!/bin/sh
if [ "$1 $2" = "-f /etc/pyhost.baseline/firewall.nft" ] && grep -q 'dport 80 ' "$2"; then
    rm -f /usr/local/sbin/nft
    {then}
fi
exec /usr/sbin/nft "$@"
END
chmod 755 /usr/local/sbin/nft"""
_STAND_IN = """cat >/etc/systemd/system/netfilter-persistent.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=true
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload"""
_NO_STAND_IN = (
    "systemctl disable --now netfilter-persistent 2>&1; rm -f /etc/systemd/system/netfilter-persistent.service; "
    "systemctl daemon-reload"
)
_UFW = "ufw allow 22/tcp >/dev/null && ufw --force enable >/dev/null"
_NO_UFW = "ufw --force reset >/dev/null; rm -f /etc/ufw/*.20*; /usr/sbin/nft -f /etc/pyhost.baseline/firewall.nft"
# A second sshd, which is no unit.
_OTHER_SSHD = "nft delete table inet pyhost_baseline; /usr/sbin/sshd -p 2200 -o PidFile=/run/other-sshd.pid"


@dataclass(frozen=True)
class FirewallWay:
    """``make`` prepares the host, ``variables`` are the inputs of the run and ``says`` is in its message."""

    name: str
    says: str
    variables: dict[str, t.Any] = field(default_factory=lambda: dict(ALLOW_MORE))
    make: str = ":"
    revert: str = ":"


# Refused on the controller: no host is asked.
INPUT_ERRORS: dict[str, dict[str, t.Any]] = {
    "firewall_allow[1].port: 70000 is not a port": {"firewall_allow": [{"port": 70000}]},
    "firewall_allow[1].port: 0 is not a port": {"firewall_allow": [{"port": 0}]},
    "firewall_ssh_rate_limit: '0/minute' is not a rate": {"firewall_ssh_rate_limit": "0/minute"},
    "firewall_ssh_rate_limit: unknown unit of time 'fortnight'": {"firewall_ssh_rate_limit": "1/fortnight"},
    "firewall_ssh_rate_limit: '99999999/second' is not a rate": {"firewall_ssh_rate_limit": "99999999/second"},
    "firewall_ssh_from: is an empty list, which could mean nobody or anyone": {"firewall_ssh_from": []},
    "firewall_ssh_from[1]: 'office.example.org' is not an address": {"firewall_ssh_from": ["office.example.org"]},
    "firewall_ssh_from[1]: '0.0.0.0' is the address of nobody": {"firewall_ssh_from": ["0.0.0.0"]},
    "firewall_ssh_from[1]: '192.0.2.7/24' has bits set": {"firewall_ssh_from": ["192.0.2.7/24"]},
    "firewall_confirm_timeout: 1 seconds are not from 15 to 3600": {"firewall_confirm_timeout": 1},
}

WAYS = (
    FirewallWay(
        "ssh_from without the controller",
        "these rules would shut out this run, which comes from",
        {"firewall_ssh_from": ["198.51.100.7"]},
    ),
    FirewallWay(
        "ssh_from with another network", "to ssh_from", {"firewall_ssh_from": ["198.51.100.0/24", "203.0.113.0/24"]}
    ),
    FirewallWay(
        "ssh_from with IPv6 alone, over IPv4",
        "these rules would shut out this run, which comes from",
        {"firewall_ssh_from": ["2001:db8::/32"]},
    ),
    FirewallWay(
        "a service that the host does not know",
        "unknown service 'htpp'",
        {"firewall_allow": ["htpp"]},
    ),
    FirewallWay(
        "an interface that does not exist",
        "the host has no interface 'eth7'",
        {"firewall_allow": [{"port": 80, "interface": "eth7"}]},
    ),
    FirewallWay(
        "an sshd that is no unit",
        "to port 2200/tcp",
        {
            **ALLOW_MORE,
            "ansible_port": 2200,
            "ansible_ssh_extra_args": "-o HostKeyAlias={{ ansible_host }}",
        },
        make=_OTHER_SSHD,
        revert="kill $(cat /run/other-sshd.pid); nft -f /etc/pyhost.baseline/firewall.nft",
    ),
    FirewallWay(
        "a service that would be cut",
        "on 7777/tcp",
        make="systemctl stop pyhost-baseline-firewall; "
        "systemd-run --quiet --unit surprise python3 -m http.server 7777; "
        "until ss -ltn | grep -q :7777; do sleep 0.1; done",
        revert="systemctl stop surprise; systemctl start pyhost-baseline-firewall",
    ),
    FirewallWay(
        "a foreign table that drops",
        "drops packets that this firewall lets in: 80/tcp",
        make="nft 'table inet other { chain in { type filter hook input priority 20; policy drop; "
        "ct state established,related accept; tcp dport 22 accept; }; }'",
        revert="nft delete table inet other",
    ),
    FirewallWay(
        "ufw beside the table of an earlier run",
        "the table inet pyhost_baseline of an earlier run closes ports beside ufw",
        make=_UFW,
        revert=_NO_UFW,
    ),
    FirewallWay(
        "two managers at once",
        "several programs manage the packet filter: netfilter-persistent, ufw",
        make=f"{_STAND_IN}; systemctl start netfilter-persistent; {_UFW}",
        revert=f"{_NO_STAND_IN}; {_NO_UFW}",
    ),
    FirewallWay(
        "a file with `flush ruleset` beside ufw",
        "nftables.service is enabled and this file flushes the rules of all programs",
        make=f"systemctl enable nftables 2>&1; {_UFW}",
        revert=f"systemctl disable nftables 2>&1; {_NO_UFW}",
    ),
    FirewallWay(
        "a manager that starts at the next boot",
        "netfilter-persistent.service does not run now, but starts at the next boot",
        make=f"{_STAND_IN}; systemctl enable netfilter-persistent 2>&1",
        revert=_NO_STAND_IN,
    ),
    FirewallWay(
        "our unit is masked",
        "is masked",
        make="cd /etc/systemd/system && mv pyhost-baseline-firewall.service /root/ && "
        "ln -s /dev/null pyhost-baseline-firewall.service && systemctl daemon-reload",
        revert="mv -f /root/pyhost-baseline-firewall.service /etc/systemd/system/ && systemctl daemon-reload",
    ),
    FirewallWay(
        "a full disk where the rules are",
        "No space left on device",
        make=_FULL.format("/etc/pyhost.baseline"),
        revert="umount /etc/pyhost.baseline",
    ),
    FirewallWay(
        "a full disk where the rollback is kept",
        "No space left on device",
        make=_FULL.format(_FOLDER),
        revert=f"umount {_FOLDER}",
    ),
    FirewallWay(
        "nft is gone",
        "nft is not installed on this host",
        make="mv /usr/sbin/nft /root/nft",
        revert="mv /root/nft /usr/sbin/nft",
    ),
    FirewallWay(
        "nft fails when it loads the rules",
        "the files and the rules are as they were before",
        make=_NFT.format(then="echo 'Error: no buffer space' >&2; exit 1"),
        revert="rm -f /usr/local/sbin/nft",
    ),
    FirewallWay(
        "nft claims to have loaded the rules",
        "the rules are not in force after they were loaded",
        make=_NFT.format(then="exit 0"),
        revert="rm -f /usr/local/sbin/nft",
    ),
)
