"""Jails that count nothing, a jail that does not read the log of fail2ban, and jails that nobody has asked for."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import jail_checks
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import JAIL, expressions

FAILREGEX = ("set", "shop", "addfailregex", "^refused <HOST>$")


def jail(*commands: tuple[t.Any, ...], backend: str = "auto", ignored: t.Sequence[str] = ()) -> JailStream:
    return JailStream("shop", backend, commands, {"failregex": ["^refused"], "ignoreregex": list(ignored)})


# Jails that count nothing.


@pytest.mark.parametrize(
    ("commands", "is_empty"),
    [
        pytest.param([], True, id="no expression"),
        pytest.param([("set", "shop", "addignoreregex", "^x")], True, id="an ignoreregex only"),
        pytest.param([("set", "shop", "prefregex", "^<F-CONTENT>.+</F-CONTENT>$")], True, id="a prefregex only"),
        pytest.param([FAILREGEX], False, id="one expression"),
        pytest.param([("multi-set", "shop", "addfailregex", ["^x <HOST>", "^y <HOST>"])], False, id="two expressions"),
    ],
)
def test_a_filter_without_expressions_counts_nothing(commands: list[tuple[t.Any, ...]], is_empty: bool) -> None:
    assert jail_checks.no_failregex(jail(*commands)) == (
        "the jail shop counts nothing: its filter has no failregex" if is_empty else None
    )


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("", id="nothing"),
        pytest.param(".", id="any character"),
        pytest.param(".*", id="any text"),
        pytest.param("^", id="the begin of a line"),
        pytest.param("$", id="the end of a line"),
        pytest.param("^.*$", id="a whole line"),
        pytest.param(r"\w", id="a letter"),
        pytest.param("(?:never)?", id="an option"),
        pytest.param("never|", id="an empty alternative"),
    ],
)
def test_an_ignoreregex_for_every_line_counts_nothing(expression: str) -> None:
    assert jail_checks.ignores_every_line(jail(FAILREGEX, ignored=["^never", expression])) == (
        f"the jail shop counts nothing: its ignoreregex matches every line ({expression})"
    )


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("^never", id="a word"),
        pytest.param("192", id="an address"),
        pytest.param(r"\d", id="a number"),
        pytest.param("[a-z]+ ", id="several words"),
        pytest.param(r"^\S+$", id="a single word"),
        pytest.param("^$", id="an empty line"),
        pytest.param("^.{1,40}$", id="a short line"),
        pytest.param("(", id="none that Python compiles"),
        pytest.param(r"(?P<a>x)(?P<a>y)", id="a group twice"),
    ],
)
def test_an_ignoreregex_for_some_lines(expression: str) -> None:
    assert jail_checks.ignores_every_line(jail(FAILREGEX, ignored=[expression])) is None


def test_an_expression_that_is_no_pattern_does_not_hide_the_next_one() -> None:
    found = jail_checks.ignores_every_line(jail(FAILREGEX, ignored=["(", ".*"]))
    assert found == "the jail shop counts nothing: its ignoreregex matches every line (.*)"


def test_a_jail_of_which_no_expressions_are_known() -> None:
    """The server rejects it, which is an error of its own."""
    assert jail_checks.ignores_every_line(JailStream("shop", "auto", (FAILREGEX,))) is None


def test_the_jail_of_a_stock_filter_counts() -> None:
    found = expressions()
    assert found["failregex"]
    assert jail_checks.ignores_every_line(JailStream("sshd", "systemd", JAIL.commands, found)) is None


# The log of fail2ban.

LOG = "/var/log/fail2ban.log"


@pytest.mark.parametrize(
    ("filter_name", "backend", "paths", "log", "is_other"),
    [
        pytest.param("recidive", "auto", [LOG], LOG, False, id="the log of fail2ban"),
        pytest.param("recidive", "auto", [LOG], "/var/log/other.log", True, id="an earlier log of fail2ban"),
        pytest.param("recidive", "polling", [LOG], "SYSTEMD-JOURNAL", True, id="fail2ban logs to the journal"),
        pytest.param("recidive", "auto", [LOG, "/var/log/f2b.log"], "/var/log/f2b.log", False, id="one of two files"),
        pytest.param("recidive", "auto", [LOG], f"{LOG}[padding=off]", False, id="the log of fail2ban with an option"),
        pytest.param("recidive", "auto", [LOG, "/var/log/f2b.log"], "SYSLOG", True, id="neither of two files"),
        pytest.param("recidive", "systemd", [], "SYSTEMD-JOURNAL", False, id="the journal"),
        pytest.param("recidive", "systemd[journalflags=1]", [LOG], "SYSLOG", False, id="the journal, with an option"),
        pytest.param("recidive", "auto", [], LOG, False, id="no file, which is an error of its own"),
        pytest.param("sshd", "auto", ["/var/log/auth.log"], LOG, False, id="another filter"),
        pytest.param("recidive-http", "auto", [LOG], "SYSLOG", False, id="a longer name"),
    ],
)
def test_a_jail_that_does_not_read_the_log_of_fail2ban(
    filter_name: str, backend: str, paths: list[str], log: str, is_other: bool
) -> None:
    commands = [("set", "shop", "addlogpath", path, "tail") for path in paths]
    assert jail_checks.other_log(jail(*commands, backend=backend), filter_name, log) == (
        f"the jail shop has no log source: it reads {', '.join(paths)}, but fail2ban logs to {log} (logtarget)"
        if is_other
        else None
    )


# Jails that nobody has asked for.

ON = {"enabled": "true"}


@pytest.mark.parametrize(
    ("streams", "requested", "sections", "named"),
    [
        pytest.param(["sshd"], ["sshd"], {"DEFAULT": ON}, None, id="the requested one"),
        pytest.param(["sshd", "shop", "mail"], ["sshd"], {"DEFAULT": ON}, "shop, mail", id="others"),
        pytest.param(["sshd", "shop"], ["sshd"], {"DEFAULT": ON, "shop": ON}, None, id="enabled by name"),
        pytest.param(["shop"], [], {"DEFAULT": ON, "shop": {"port": "80"}}, "shop", id="other settings by name"),
        pytest.param(["shop"], [], {"DEFAULT": ON, "shop": {"enabled": "%(x)s"}}, None, id="enabled by a variable"),
        pytest.param(["shop"], [], {}, None, id="no default"),
        pytest.param(["shop"], [], {"DEFAULT": {"bantime": "1h"}}, None, id="other defaults"),
        pytest.param(["shop"], [], {"shop": ON}, None, id="enabled by name only"),
        pytest.param([], ["sshd"], {"DEFAULT": ON}, None, id="no jail"),
    ],
)
def test_jails_that_nobody_has_asked_for(
    streams: list[str], requested: list[str], sections: dict[str, dict[str, str]], named: str | None
) -> None:
    assert jail_checks.unasked_jails(streams, requested, sections) == (
        None
        if named is None
        else f"jails run that no file enables by name, because [DEFAULT] has enabled = true: {named}; remove it, and "
        "enable each jail in its own section"
    )


@pytest.mark.parametrize(
    ("value", "is_on"),
    [("true", True), ("True", True), ("YES", True), ("on", True), ("1", True)]
    + [("false", False), ("no", False), ("0", False), ("off", False), ("", False), ("%(x)s", False)],
)
def test_values_that_enable_all_jails(value: str, is_on: bool) -> None:
    found = jail_checks.unasked_jails(["shop"], [], {"DEFAULT": {"enabled": value}})
    assert (found is not None) is is_on
