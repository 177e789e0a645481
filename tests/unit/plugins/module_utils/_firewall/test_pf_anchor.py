"""An anchor for pf: its place in pf.conf(5), and what is refused. Written from pf.conf(5) and pfctl(8)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.pf_anchor import (
    HEADER,
    PfState,
    check_anchor,
    filter_rules,
    has_anchor,
    plan,
    require_same,
    with_anchor,
)

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


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param(None, ALONE, id="no file"),
        pytest.param("# nothing yet\n", f"# nothing yet\n{LINE}pass all no state\n", id="no filter rule"),
        pytest.param(CONF, CONF.replace("block in", LINE + "block in"), id="before the first filter rule"),
        pytest.param(
            "antispoof for em0\npass all\n", f"{LINE}antispoof for em0\npass all\n", id="antispoof is a filter rule"
        ),
        pytest.param("pass all\n  anchor f2b/* all # bans\n", "pass all\n  anchor f2b/* all # bans\n", id="there"),
        pytest.param("# anchor f2b/*\npass all\n", f"# anchor f2b/*\n{LINE}pass all\n", id="a comment is none"),
    ],
)
def test_the_line_goes_in_front_of_the_filter(text: str | None, after: str) -> None:
    assert with_anchor(text, NAME) == after
    assert with_anchor(after, NAME) == after


def test_rules_without_what_is_none() -> None:
    assert filter_rules(PARSED) == PARSED.splitlines()[3:]
    assert has_anchor(ASKED, NAME)
    assert not has_anchor('anchor "f2b/sshd" all\n', NAME)


@pytest.mark.parametrize("name", ["f2b/*", "f2b", "blocklistd/22", "a.b-c/*"])
def test_names(name: str) -> None:
    assert check_anchor(name) == name


@pytest.mark.parametrize("name", ["", "f2b/* {", 'f2b"\npass all', "/f2b", "f2b//x"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(BaselineError, match="is not a name of an anchor"):
        check_anchor(name)


def pf(**facts: t.Any) -> PfState:
    return PfState(
        **{
            "path": "/etc/pf.conf",
            "text": CONF,
            "enabled": True,
            "at_boot": True,
            "loaded": RULES,
            "parsed": PARSED,
            **facts,
        }
    )


def test_a_running_pf_loads_the_file_with_the_anchor() -> None:
    found = plan(pf(), NAME)
    assert (found.load, found.start, found.enable) == (True, False, False)
    kept = plan(pf(text=with_anchor(CONF, NAME), loaded=ASKED, parsed=ASKED), NAME)
    assert (kept.text, kept.load, kept.start, kept.enable) == (with_anchor(CONF, NAME), False, False, False)


def test_an_anchor_that_is_loaded_is_written_for_the_next_boot_alone() -> None:
    found = plan(pf(loaded=ASKED, at_boot=False), NAME)
    assert (found.load, found.start, found.enable) == (False, False, True)
    assert found.text != CONF


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"loaded": "pass all flags S/SA keep state\n"},
            "/etc/pf.conf: the rules that pf has loaded differ from this file",
        ),
        (
            {"enabled": False, "loaded": ""},
            "/etc/pf.conf: pf is off, and this file has rules .*'block drop in all', for example",
        ),
        (
            {"enabled": False, "loaded": "", "parsed": "match in all\n"},
            "/etc/pf.conf: pf is off, and this file has rules",
        ),
    ],
)
def test_what_could_shut_somebody_out_is_refused(facts: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BaselineError, match=f"{words}.*this task changed nothing"):
        plan(pf(**facts), NAME)


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(RULES, id="the anchor got lost"),
        pytest.param(ASKED.replace("pass out", "pass in"), id="another rule changed"),
        pytest.param(ASKED + "pass all no state\n", id="one more rule"),
    ],
)
def test_a_line_that_changes_more_is_refused(candidate: str) -> None:
    require_same(pf(), ASKED, NAME)
    with pytest.raises(BaselineError, match="without changing its other rules; this task changed nothing"):
        require_same(pf(), candidate, NAME)
