"""dnf-automatic applies the requested policy when its own service runs, and unsupported settings are errors."""

from __future__ import annotations

from testinfra.host import Host


def generation(host: Host) -> int:
    return 5 if host.file("/usr/share/dnf5/dnf5-plugins/automatic.conf").exists else 4


def timer(host: Host) -> str:
    return "dnf5-automatic" if generation(host) == 5 else "dnf-automatic"


def test_the_timer_fires_at_the_requested_time(host: Host) -> None:
    properties = "TimersCalendar,RandomizedDelayUSec,UnitFileState"
    shown = host.check_output("systemctl show --property %s %s", properties, f"{timer(host)}.timer")
    assert "OnCalendar=*-*-* 04:00:00 ;" in shown
    assert "RandomizedDelayUSec=10min" in shown
    assert "UnitFileState=enabled" in shown


def test_no_timer_overrides_the_file(host: Host) -> None:
    assert "dnf-automatic-install.timer" not in host.check_output("systemctl list-timers --all --no-legend")
    assert not host.run("systemctl is-enabled dnf-automatic-install.timer").succeeded


def test_its_service_installs_the_security_update_alone(host: Host) -> None:
    assert host.check_output("rpm -q --queryformat %{VERSION} plain") == "1.0"
    host.check_output(f"systemctl start {timer(host)}.service")
    assert host.check_output("rpm -q --queryformat %{VERSION} advised") == "2.0"
    assert host.check_output("rpm -q --queryformat %{VERSION} plain") == "1.0"
