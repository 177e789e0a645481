"""Reports of bans on a host: where their files are, and the program that sends mail."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.notify import no_sendmail, notify_files_for
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import Notify
from tests.unit.fake_host import FakeHost


@pytest.mark.parametrize(
    ("first", "socket", "command"),
    [
        (
            "#!/usr/bin/python3 -Es\n",
            "/var/run/fail2ban/fail2ban.sock",
            "/usr/bin/python3 -Es /etc/fail2ban/pyhost-baseline-notify.py /var/run/fail2ban ",
        ),
        ("", "/tmp/fail2ban.sock", "/usr/bin/python3 /etc/fail2ban/pyhost-baseline-notify.py /run "),
    ],
)
def test_the_command(first: str, socket: str, command: str) -> None:
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": first})
    files = notify_files_for(host, Notify(mail=("root",)), "/etc/fail2ban", socket)
    assert f"actionban = {command}" in files["/action.d/pyhost-baseline-notify.conf"].text


def test_nothing_is_written_without_receivers() -> None:
    host: t.Any = FakeHost()
    assert notify_files_for(host, None, "/etc/fail2ban", "/run/fail2ban/fail2ban.sock") == {}


@pytest.mark.parametrize(
    ("notify", "programs", "missing"),
    [
        (None, [], False),
        (Notify(webhook="https://x"), [], False),
        (Notify(mail=("root",)), ["sendmail"], False),
        (Notify(mail=("root",)), [], True),
    ],
)
def test_a_host_that_cannot_send_mail(notify: Notify | None, programs: list[str], missing: bool) -> None:
    host: t.Any = FakeHost(programs=programs)
    assert (no_sendmail(host, notify) is not None) is missing
