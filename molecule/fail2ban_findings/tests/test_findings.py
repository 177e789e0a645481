"""After all findings: the jail runs with the settings of the first play, and refused requests have left nothing."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.mark.parametrize(("option", "value"), [("maxretry", "5"), ("bantime", "600")])
def test_the_refused_requests_left_nothing_behind(host: Host, option: str, value: str) -> None:
    assert host.check_output(f"fail2ban-client get sshd {option}") == value


def test_only_the_requested_jail_runs(host: Host) -> None:
    assert host.check_output("fail2ban-client status").splitlines()[-1].split(":")[1].strip() == "sshd"


def test_our_file_is_the_last_request(host: Host) -> None:
    text = host.file("/etc/fail2ban/jail.d/zz-pyhost-baseline.local").content_string
    assert "maxretry" not in text
    assert "journalmatch = SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog + " in text
