"""Transcripts of FreeBSD's services, written from rc.subr(8) (see tests/unit/fixtures/freebsd/README.md)."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.rc import (
    rc_act,
    rc_enable,
    rc_state,
    rc_variables,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rc import RcService, read_state
from tests.unit.fake_host import Expected, FakeHost

ABSENT = (
    "nosuch does not exist in /etc/rc.d or the local startup\ndirectories (/usr/local/etc/rc.d), or is not executable\n"
)
OFF = "Cannot 'reload' sshd. Set sshd_enable to YES in /etc/rc.conf or use 'onereload' instead of 'reload'."


def status(words: str, *, rc: int = 0) -> Expected:
    return Expected(["service", "sshd", "onestatus"], rc=rc, out=words)


def enabled(rc: int) -> Expected:
    return Expected(["service", "sshd", "enabled"], rc=rc)


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        pytest.param(
            [status("sshd is running as pid 812.\n"), enabled(0)],
            RcService("sshd", enabled=True, running=True, pids=(812,)),
            id="runs and starts at boot",
        ),
        pytest.param(
            [status("sshd is running as pid 812.\n"), enabled(1)],
            RcService("sshd", running=True, pids=(812,)),
            id="runs until the next boot",
        ),
        pytest.param(
            [status("sshd is not running.\n", rc=1), enabled(0)],
            RcService("sshd", enabled=True),
            id="down",
        ),
        pytest.param(
            [status("Server replied: pong\n"), enabled(0)],
            RcService("sshd", enabled=True, running=True),
            id="a script with words of its own",
        ),
        pytest.param(
            [status("sshd is running as pid 812 813.\n"), enabled(0)],
            RcService("sshd", enabled=True, running=True, pids=(812, 813)),
            id="two processes",
        ),
    ],
)
def test_the_state_is_read(commands: list[Expected], expected: RcService) -> None:
    host = FakeHost(commands=commands)
    assert rc_state(host, "sshd") == expected  # type: ignore[arg-type]  # a stand-in
    host.done()


def test_a_service_without_a_script_is_no_error() -> None:
    host = FakeHost(commands=[Expected(["service", "nosuch", "onestatus"], rc=1, out=ABSENT)])
    assert rc_state(host, "nosuch") == RcService("nosuch", exists=False)  # type: ignore[arg-type]  # a stand-in
    host.done()


def test_the_absent_has_no_process() -> None:
    assert read_state("nosuch", enabled=False, running=False, output=ABSENT).pid == 0
    assert read_state("sshd", enabled=False, running=True, output="sshd is running as pid 812 813.\n").pid == 812


def test_an_action_counts_for_a_service_that_is_off() -> None:
    host = FakeHost(commands=[Expected(["service", "sshd", "onereload"])])
    rc_act(host, "reload", "sshd")  # type: ignore[arg-type]  # a stand-in
    host.done()


@pytest.mark.parametrize(
    ("ran", "words"),
    [
        pytest.param(
            Expected(["service", "sshd", "onereload"], rc=1, err="sshd not running? (check /var/run/sshd.pid).\n"),
            "service sshd reload failed: sshd not running? (check /var/run/sshd.pid).; " + UNCHANGED,
            id="down",
        ),
        pytest.param(
            Expected(["service", "sshd", "onereload"], out=OFF),
            f"service sshd reload failed: {OFF}; {UNCHANGED}",
            id="a refusal that rc.subr(8) calls a success",
        ),
        pytest.param(
            Expected(["service", "sshd", "onereload"], rc=1),
            f"service sshd reload failed: no output (rc=1); {UNCHANGED}",
            id="silent",
        ),
    ],
)
def test_an_action_that_fails_is_an_error(ran: Expected, words: str) -> None:
    host = FakeHost(commands=[ran])
    with pytest.raises(BaselineError, match=f"^{re.escape(words)}$"):
        rc_act(host, "reload", "sshd")  # type: ignore[arg-type]  # a stand-in
    host.done()


def test_enabling_goes_through_the_script_of_the_service() -> None:
    host = FakeHost(commands=[Expected(["service", "sshd", "enable"], out="sshd enabled in /etc/rc.conf\n")])
    rc_enable(host, "sshd")  # type: ignore[arg-type]  # a stand-in
    host.done()


def test_a_service_that_cannot_be_enabled_is_an_error() -> None:
    host = FakeHost(commands=[Expected(["service", "nosuch", "enable"], rc=1, out=ABSENT)])
    with pytest.raises(BaselineError, match="^service nosuch enable failed: nosuch does not exist"):
        rc_enable(host, "nosuch")  # type: ignore[arg-type]  # a stand-in
    host.done()


def test_variables_are_read_as_the_shell_reads_them() -> None:
    out = 'sshd_flags="-o Port=2222"\nsshd_program="/usr/sbin/sshd"\nsshd_dsa_enable=""\n'
    values = {"sshd_flags": "-o Port=2222", "sshd_program": "/usr/sbin/sshd", "sshd_dsa_enable": ""}
    host = FakeHost(commands=[Expected(["sysrc", "-i", "-e", *values], out=out)])
    assert rc_variables(host, *values) == values  # type: ignore[arg-type]  # a stand-in
    host.done()
