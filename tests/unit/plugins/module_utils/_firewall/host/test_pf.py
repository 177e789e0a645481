"""pf on a FreeBSD host, over transcripts that were written from pf.conf(5) and pfctl(8) (fixtures/freebsd)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.pf import ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.pf_anchor import (
    HEADER,
    filter_rules,
    with_anchor,
)
from tests.unit.fake_host import Expected
from tests.unit.fake_host import FreeBsdHost as FakeHost

NAME = "f2b/*"
LINE = 'anchor "f2b/*"\n'
ALONE = f"{HEADER}{LINE}pass all no state\n"
CONF = """\
# a web server
ext_if = "vtnet0"
tcp_in = "{ 22, 80, \\
pass443 }"
table <friends> persist
set skip on lo0
scrub in all
nat-anchor "ftp-proxy/*"

block in all   # but
pass in on $ext_if proto tcp to port 22
pass out all
"""
PARSED = """\
ext_if = "vtnet0"
table <friends> persist
set skip on { lo0 }
scrub in all fragment reassemble
block drop in all
pass in on vtnet0 proto tcp from any to any port = ssh flags S/SA keep state
pass out all flags S/SA keep state
"""
RULES = "\n".join(filter_rules(PARSED)) + "\n"
ASKED = RULES.replace("block drop", 'anchor "f2b/*" all\nblock drop')


NO_VARIABLE = Expected(["sysrc", "-i", "-e", "pf_rules"], out="")
PARSE = ["pfctl", "-nvf", "/scratch/pf.conf"]


def read(*, enabled: bool, at_boot: bool, rules: str = "", parsed: str | None = None) -> list[Expected]:
    if enabled:
        info = [Expected(["pfctl", "-s", "info"], out="Status: Enabled for 0 days 00:18:25           Debug: Urgent\n")]
    else:
        info = [Expected(["pfctl", "-s", "info"], rc=1, err="pfctl: /dev/pf: No such file or directory\n")]
    return [
        NO_VARIABLE,
        *info,
        Expected(["service", "pf", "onestatus"], rc=0 if enabled else 1, out="pf.ko is not loaded\n"),
        Expected(["service", "pf", "enabled"], rc=0 if at_boot else 1),
        *([Expected(["pfctl", "-s", "rules"], out=rules)] if enabled else []),
        *([Expected(PARSE, out=parsed)] if parsed is not None else []),
    ]


OPEN = 'anchor "f2b/*" all\npass all no state\n'


def run(host: FakeHost) -> PolicyResult:
    result = ensure(t.cast(t.Any, host), NAME)
    host.done()
    return result


def test_a_bare_host() -> None:
    host = FakeHost(
        {},
        [
            *read(enabled=False, at_boot=False),
            Expected(PARSE, out=OPEN),
            Expected(["service", "pf", "enable"], out="pf enabled in /etc/rc.conf\n"),
            Expected(["service", "pf", "onestart"], out="Enabling pf.\n"),
            *read(enabled=True, at_boot=True, rules=OPEN, parsed=OPEN),
        ],
    )
    result = run(host)
    assert result.changed
    assert host.files["/etc/pf.conf"] == ALONE
    assert host.modes["/etc/pf.conf"] == 0o600
    assert result.result == {"path": "/etc/pf.conf", "anchor": NAME, "rules": OPEN.splitlines()}
    again = FakeHost({"/etc/pf.conf": ALONE}, read(enabled=True, at_boot=True, rules=OPEN, parsed=OPEN))
    assert not run(again).changed
    assert again.written == []


def test_check_mode_on_a_bare_host() -> None:
    host = FakeHost({}, [*read(enabled=False, at_boot=False), Expected(PARSE, out=OPEN)], check_mode=True)
    assert run(host).changed
    assert host.written == []


def test_a_running_pf_gets_the_line() -> None:
    host = FakeHost(
        {"/etc/pf.conf": CONF},
        [
            *read(enabled=True, at_boot=True, rules=RULES, parsed=PARSED),
            Expected(PARSE, out=ASKED),
            Expected(["service", "pf", "onereload"], out="Reloading pf rules.\n"),
            *read(enabled=True, at_boot=True, rules=ASKED, parsed=ASKED),
        ],
    )
    assert run(host).changed
    assert host.files["/etc/pf.conf"] == with_anchor(CONF, NAME)
    assert host.modes["/etc/pf.conf"] == 0o600


@pytest.mark.parametrize(
    ("commands", "programs", "words"),
    [
        pytest.param([], ["sh"], "pfctl is not installed on this host", id="no pf"),
        pytest.param(
            [
                *read(enabled=True, at_boot=True, rules=RULES),
                Expected(PARSE, rc=1, err="/scratch/pf.conf:12: syntax error\n"),
            ],
            None,
            r"/etc/pf\.conf: pf rejects the file: /etc/pf\.conf:12: syntax error \(rc=1\); this task changed nothing",
            id="a file that pf rejects",
        ),
        pytest.param(
            [
                *read(enabled=True, at_boot=True, rules=RULES, parsed=PARSED),
                Expected(PARSE, out=ASKED),
                Expected(["service", "pf", "onereload"], out="Reloading pf rules.\n"),
                *read(enabled=True, at_boot=True, rules=RULES, parsed=ASKED),
            ],
            None,
            r"pf is enabled, running, without the anchor after the change; /etc/pf\.conf has the anchor, and pf may",
            id="a load without effect",
        ),
    ],
)
def test_errors(commands: list[Expected], programs: list[str] | None, words: str) -> None:
    host = FakeHost({"/etc/pf.conf": CONF}, commands, programs=programs)
    with pytest.raises(BaselineError, match=words):
        ensure(t.cast(t.Any, host), NAME)
    host.done()


def test_an_anchor_that_is_loaded_is_only_written_and_enabled() -> None:
    host = FakeHost(
        {"/etc/pf.conf": CONF},
        [
            *read(enabled=True, at_boot=False, rules=ASKED, parsed=PARSED),
            Expected(PARSE, out=ASKED),
            Expected(["service", "pf", "enable"]),
            *read(enabled=True, at_boot=True, rules=ASKED, parsed=ASKED),
        ],
    )
    assert run(host).changed
    assert host.modes["/etc/pf.conf"] == 0o600


def test_a_failed_reload_says_what_was_written() -> None:
    host = FakeHost(
        {"/etc/pf.conf": CONF},
        [
            *read(enabled=True, at_boot=True, rules=RULES, parsed=PARSED),
            Expected(PARSE, out=ASKED),
            Expected(["service", "pf", "onereload"], rc=1, err="no\n"),
        ],
    )
    with pytest.raises(BaselineError) as failed:
        run(host)
    assert failed.value.state == "/etc/pf.conf has the anchor, and pf may have been enabled, started or reloaded"
