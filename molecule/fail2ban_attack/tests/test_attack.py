"""A real ssh client fails maxretry times: its packets are refused, nobody else's, for bantime, whatever happens.

The chapters are fixtures of conftest.py, each of which begins where the one before it ended.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.hosts.paths import FLEETS, ROOT
from tests.siege import (
    BANTIME,
    FAMILIES,
    FLEET,
    KINDS,
    LONG_SECONDS,
    MAXRETRY,
    SCENARIO,
    Host,
    Second,
    Siege,
    play,
)

each_victim = pytest.mark.parametrize("victim", KINDS)
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_victim
def test_the_hosts_are_what_they_are_said_to_be(victim: str, hosts: dict[str, Host]) -> None:
    host = hosts[victim]
    assert ("whois" in host.run("dpkg-query -W -f '${Package}\\n'").split()) is (victim in ("h12", "h13-socket"))
    unit = "ssh.socket" if victim in ("h12-lean", "h13-socket") else "ssh.service"
    assert host.run(f"systemctl is-active {unit}").strip() == "active"
    mode = "normal" if KINDS[victim] == "password" else "aggressive"
    ours = host.run("cat /etc/fail2ban/jail.d/zz-pyhost-baseline.local")
    assert f"mode = {mode}" in ours
    # Where fail2ban's filter does not know the name sshd-session.
    assert ("_daemon" in ours) is (victim == "h13")


@each_family
@each_victim
def test_an_attempt_counts_once(victim: str, family: str, sieges: dict[str, Siege]) -> None:
    siege = sieges[victim]
    # The answer to the last one is dropped if the ban came first.
    *earlier, last = siege.said[family]
    assert all("Permission denied" in said for said in earlier), siege.said[family]
    assert "Permission denied" in last or not last
    assert siege.counted[family] == [1, 2, 3]
    assert not siege.early[family]


@each_family
@each_victim
def test_maxretry_attempts_cut_it_off(victim: str, family: str, sieges: dict[str, Siege]) -> None:
    siege = sieges[victim]
    assert len(siege.said[family]) == MAXRETRY
    assert siege.state[family] == "refused"
    assert siege.in_filter[family]
    print(f"{victim} {family}: cut {siege.to_cut[family]:.2f} s after the last failure")
    # A second or two; the rest is for a machine that is busy with other scenarios.
    assert siege.to_cut[family] < 30


@each_family
@each_victim
def test_the_ban_ends(victim: str, family: str, sieges: dict[str, Siege]) -> None:
    siege = sieges[victim]
    assert siege.bantime[family] == BANTIME
    # That it is over is what the attacker sees; how soon after its time depends on what else the machine does.
    assert siege.lasted[family] >= BANTIME
    assert siege.let_in[family] == "open"


@each_family
@each_victim
def test_others_still_log_in(victim: str, family: str, sieges: dict[str, Siege]) -> None:
    assert sieges[victim].others[family] == "in"


@pytest.mark.parametrize("who", ["admin", "bystander"])
@each_victim
def test_established_sessions_go_on(victim: str, who: str, sieges: dict[str, Siege]) -> None:
    ticks = sieges[victim].ticks[who]
    gaps = [after - before for before, after in zip(ticks, ticks[1:], strict=False)]
    # A ban of the session would last as long as any other, or for good.
    assert max(gaps) < BANTIME / 2


@pytest.mark.usefixtures("sieges")
def test_a_failure_that_journald_cannot_place_counts(hosts: dict[str, Host]) -> None:
    """A busy journald finds neither unit nor process of one that has ended: here it is made to come late."""
    # Not the attacker, whose failures count for more since it was banned.
    victim, attacker = hosts["h12-lean"], hosts["bystander"]
    mine = attacker.address("IPv6")
    before = victim.found(mine)
    victim.run("systemctl kill --signal STOP systemd-journald")
    try:
        said = attacker.attack("fail", victim.address("IPv6"), "key", "deploy")["said"]
    finally:
        victim.run("systemctl kill --signal CONT systemd-journald")
    assert "Permission denied" in said
    assert victim.wait(lambda: victim.found(mine) == before + 1)
    lines = victim.run("journalctl --quiet --output json --lines 200 SYSLOG_IDENTIFIER=sshd").splitlines()
    entries = [entry for entry in map(json.loads, lines) if "authenticating user deploy" in entry["MESSAGE"]]
    assert "_COMM" not in entries[-1]


@each_family
@each_victim
def test_a_second_ban_is_longer(victim: str, family: str, longer: dict[str, Second]) -> None:
    # Doubled; again where one more attempt came through before the cut.
    assert longer[victim].bantime[family] >= 2 * LONG_SECONDS


@each_family
@each_victim
def test_who_is_banned_twice_is_banned_from_all_ports(victim: str, family: str, longer: dict[str, Second]) -> None:
    assert longer[victim].on_all_ports[family]


@each_family
@each_victim
def test_a_restart_of_fail2ban_keeps_it_out(
    victim: str, family: str, restarted: dict[str, dict[str, str]], hosts: dict[str, Host]
) -> None:
    assert restarted[victim][family] == "refused"
    # Restored with its own time, not with the jail's.
    assert hosts[victim].bantime(hosts["attacker"].address(family)) >= 2 * LONG_SECONDS


@each_family
@each_victim
def test_a_flush_by_hand_lets_it_in(victim: str, family: str, flushed: dict[str, dict[str, str]]) -> None:
    assert flushed[victim][family] == "open"


@each_family
@each_victim
def test_it_does_not_stay_so(victim: str, family: str, mended: str, hosts: dict[str, Host]) -> None:
    """Our ban action restores its rules within 10 seconds, or the next run does."""
    assert mended
    assert hosts[victim].filter_holds(hosts["attacker"].address(family))


@each_family
@each_victim
def test_a_reboot_keeps_it_out(
    victim: str, family: str, rebooted: dict[str, dict[str, str]], hosts: dict[str, Host]
) -> None:
    assert rebooted[victim][family] == "refused"
    mine = hosts["attacker"].address(family)
    assert hosts[victim].filter_holds(mine)
    assert f"Restore Ban {mine}" in hosts[victim].run("tail -n 60 /var/log/fail2ban.log")


@pytest.mark.usefixtures("rebooted")
def test_the_controller_is_never_banned(hosts: dict[str, Host]) -> None:
    victim = hosts["h12-lean"]
    target = victim.address("IPv4")
    for _attempt in range(MAXRETRY + 1):
        script = str(ROOT / "molecule" / SCENARIO / "files" / "attack.py")
        argv = [sys.executable, script, "fail", target, "key", "deploy"]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert "Permission denied" in said
    mine = victim.container.attrs["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
    # grep ends with 1 where it counts 0.
    ignored = f"grep -c 'Ignore {mine} by ip' /var/log/fail2ban.log || true"
    assert victim.wait(lambda: int(victim.run(ignored)) > MAXRETRY)
    assert mine not in victim.banned()


@pytest.mark.usefixtures("rebooted")
def test_the_controller_is_who_the_host_sees(hosts: dict[str, Host]) -> None:
    """Over IPv6 and through a jump host: the address of the jump host is the one that must not be banned."""
    victim, jump = hosts["h12-lean"], hosts["bystander"]
    config = FLEETS / FLEET / "ssh_config"
    through = f"ssh -F {config} -o ControlPath=none -W [{victim.address('IPv6')}]:22 root@bystander"
    options = (
        f"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlPath=none -o ProxyCommand='{through}'"
    )
    play(SCENARIO, "--limit", "h12-lean", "-e", json.dumps({"ansible_ssh_common_args": options}))
    mine = jump.address("IPv6")
    assert mine in victim.run("fail2ban-client get sshd ignoreip")
    for _attempt in range(MAXRETRY + 1):
        assert "Permission denied" in jump.attack("fail", victim.address("IPv6"), "key", "nobody-here")["said"]
    assert victim.wait(lambda: int(victim.run(f"grep -c 'Ignore {mine} by ip' /var/log/fail2ban.log")) > MAXRETRY)
    assert mine not in victim.banned()
