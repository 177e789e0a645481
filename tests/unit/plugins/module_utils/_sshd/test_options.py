"""sshd's command line as processes and units show it; the words are recorded from Debian 12 and 13."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.options import (
    CommandLineOptions,
    expand_exec_start,
    parse_environment,
    parse_options,
    split_title,
)

TITLE = "sshd: /usr/sbin/sshd -D -o PasswordAuthentication=yes [listener] 0 of 10-100 startups"
EXEC_START = (
    "{ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D $SSHD_OPTS ; ignore_errors=no ; start_time=[n/a] ; "
    "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
)
# /etc/default/ssh of Debian 12, with options added.
DEFAULTS = """\
# Default settings for openssh-server. This file is sourced by /bin/sh from
# /etc/init.d/ssh.

# Options to pass to sshd
SSHD_OPTS="-o PasswordAuthentication=yes"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("sshd -D", CommandLineOptions(), id="none"),
        pytest.param("sshd -D -o UsePAM=no", CommandLineOptions(settings=("-o", "UsePAM=no")), id="a setting"),
        pytest.param("sshd -Dp2222 -4", CommandLineOptions(settings=("-p", "2222", "-4")), id="letters run together"),
        pytest.param(
            "sshd -oUsePAM=no -u0", CommandLineOptions(settings=("-o", "UsePAM=no")), id="a value without a blank"
        ),
        pytest.param(
            "sshd -De -f /etc/ssh/other -g 9", CommandLineOptions("/etc/ssh/other", ("-g", "9")), id="another file"
        ),
        pytest.param(
            "sshd -o AllowUsers a b -D", CommandLineOptions(settings=("-o", "AllowUsers a b")), id="a torn value"
        ),
        pytest.param("", CommandLineOptions(), id="no process"),
    ],
)
def test_parse_options(words: str, expected: CommandLineOptions) -> None:
    assert parse_options(words.split()) == expected


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        pytest.param(TITLE + "\0", "/usr/sbin/sshd -D -o PasswordAuthentication=yes", id="title"),
        pytest.param("/usr/sbin/sshd\0-D\0", "/usr/sbin/sshd -D", id="words, before there was a title"),
        pytest.param("", "", id="no process"),
    ],
)
def test_of_title(cmdline: str, expected: str) -> None:
    assert " ".join(split_title(cmdline)) == expected


@pytest.mark.parametrize(
    ("exec_start", "environment", "expected"),
    [
        pytest.param(EXEC_START, {}, "/usr/sbin/sshd -D", id="a variable that is not set"),
        pytest.param(EXEC_START, {"SSHD_OPTS": "-p 9 -4"}, "/usr/sbin/sshd -D -p 9 -4", id="a variable of words"),
        pytest.param(
            EXEC_START.replace("$SSHD_OPTS", "-p${P}"), {"P": "9"}, "/usr/sbin/sshd -D -p9", id="a variable in a word"
        ),
        pytest.param("", {}, "", id="no unit"),
    ],
)
def test_expanded(exec_start: str, environment: dict[str, str], expected: str) -> None:
    assert " ".join(expand_exec_start(exec_start, environment)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(DEFAULTS, {"SSHD_OPTS": "-o PasswordAuthentication=yes"}, id="Debian"),
        pytest.param("#A=1\n;B=2\nC=-p 9\nD\n", {"C": "-p 9"}, id="remarks and bare words"),
        pytest.param("A='x\n", {"A": "'x"}, id="an open quote"),
    ],
)
def test_variables(text: str, expected: dict[str, str]) -> None:
    assert parse_environment(text) == expected
