"""Configuration files, read as fail2ban reads them. ``test_fail2ban_reads_the_same`` compares with its rules."""

from __future__ import annotations

import configparser
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import jail_files

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"


@pytest.mark.parametrize(
    ("text", "bantime"),
    [
        pytest.param("[sshd]\nbantime = 5m\n", "5m", id="an equals sign"),
        pytest.param("[sshd]\nbantime : 5m\n", "5m", id="a colon"),
        pytest.param("[sshd]\nbantime:5m\n", "5m", id="a colon without blanks"),
        pytest.param("[sshd]\n  bantime = 5m\n", "5m", id="indented"),
        pytest.param("[sshd]\nBanTime = 5m\n", "5m", id="capitals"),
        pytest.param("[sshd]\nbantime = 5m ; for now\n", "5m", id="an inline comment"),
        pytest.param("[sshd]\nbantime = 5m # for now\n", "5m # for now", id="a hash sign starts no inline comment"),
        pytest.param("[sshd]\nbantime = 5m;6m\n", "5m;6m", id="a semicolon in a word"),
        pytest.param("[sshd]\n# bantime = 5m\n  ; bantime = 6m\n", None, id="comment lines"),
        pytest.param("[sshd] ; ours\nbantime = 5m\n", "5m", id="a comment behind the section"),
        pytest.param("[sshd]\nmaxretry = 3\n  bantime = 5m\n", None, id="the continuation of another value"),
        pytest.param("[sshd]\nmaxretry = 3\n  # why\n\n[sshd]\nbantime = 5m\n", "5m", id="the section again"),
        pytest.param("[sshd]\nbantime = 4m\nbantime = 5m\n", "5m", id="the option again"),
        pytest.param("[sshd]\nbantime = 5m\r\n", "5m", id="lines of DOS"),
        pytest.param("[sshd]\nnonsense\nbantime = 5m\n", "5m", id="beside a line that fail2ban rejects"),
        pytest.param("bantime = 5m\n", None, id="outside of a section"),
    ],
)
def test_parse_sections(text: str, bantime: str | None) -> None:
    assert jail_files.parse_sections(text).get("sshd", {}).get("bantime") == bantime


def test_a_value_of_several_lines() -> None:
    text = "[shop]\nlogpath = /a.log\n  # not /b.log\n\n  /c.log\n\naction =\n  x\n"
    assert jail_files.parse_sections(text) == {"shop": {"logpath": "/a.log\n\n/c.log", "action": "\nx"}}


def test_defaults_are_a_section_of_their_own() -> None:
    text = "[DEFAULT]\nbantime = 1h\n[sshd]\nport = 22\n"
    assert jail_files.parse_sections(text) == {"DEFAULT": {"bantime": "1h"}, "sshd": {"port": "22"}}


@given(st.text(st.sampled_from("[]=:;#% \tab\n"), max_size=60))
def test_fail2ban_reads_the_same(text: str) -> None:
    """fail2ban's reader is a ConfigParser whose inline comments begin with a semicolon."""
    own = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=";", strict=False)
    try:
        own.read_string(f"[x]\n{text}")
    except configparser.Error:
        # What fail2ban rejects is read as far as it goes, and is no error here.
        jail_files.parse_sections(f"[x]\n{text}")
        return
    read = jail_files.parse_sections(f"[x]\n{text}")
    assert read.pop("DEFAULT", {}) == dict(own.defaults())
    assert read == {name: {k: own[name][k] for k in own._sections[name]} for name in own.sections()}  # type: ignore[attr-defined]


FILES = {
    "/e/jail.conf": "[INCLUDES]\nbefore = paths.conf\n  /abs.conf\nafter = last.conf\n[sshd]\nport = 1\n",
    "/e/paths.conf": "[INCLUDES]\nbefore = common.conf\nafter = gone.conf\n[sshd]\nport = 2\n",
    "/e/common.conf": "[INCLUDES]\nbefore = paths.conf\n[sshd]\nport = 3\n",
    "/abs.conf": "[sshd]\nport = 4\n",
    "/e/last.conf": "[sshd]\nport = 5\n",
}


def test_includes_come_before_and_after_their_file() -> None:
    found = jail_files.read_with_includes("/e/jail.conf", FILES.get)
    assert [path for path, _text in found] == [
        "/e/common.conf",
        "/e/paths.conf",
        "/abs.conf",
        "/e/jail.conf",
        "/e/last.conf",
    ]
    assert jail_files.merge_sections(text for _path, text in found)["sshd"] == {"port": "5"}


def test_a_file_that_is_not_there_has_no_text() -> None:
    assert jail_files.read_with_includes("/e/none.conf", FILES.get) == []


INCLUDING = "[INCLUDES]\nafter = office.inc\n"


@pytest.mark.parametrize(
    ("files", "read"),
    [
        pytest.param({"/e/office.inc": "", "/e/office.local": ""}, ["office.inc", "office.local"], id="both"),
        pytest.param({"/e/office.local": ""}, ["office.local"], id="without the file itself"),
        pytest.param({"/e/office.inc": ""}, ["office.inc"], id="without one"),
        pytest.param(
            {"/e/office.inc": "[INCLUDES]\nbefore = more.conf\n", "/e/more.local": ""},
            ["more.local", "office.inc"],
            id="of a file that it includes",
        ),
        pytest.param({"/e/jail.local": ""}, [], id="of the file that includes, which is in the order of files"),
    ],
)
def test_a_local_file_is_read_after_an_included_one(files: dict[str, str], read: list[str]) -> None:
    """Found by tests/jail_trees."""
    found = jail_files.read_with_includes("/e/jail.conf", {"/e/jail.conf": INCLUDING, **files}.get)
    assert [path for path, _text in found] == ["/e/jail.conf", *(f"/e/{name}" for name in read)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("[DEFAULT]\nbefore = office.inc\n[INCLUDES]\n", ["office.inc"], id="with the section"),
        pytest.param("[DEFAULT]\nbefore = office.inc\n", [], id="without the section"),
    ],
)
def test_the_default_section_includes_files_too(text: str, read: list[str]) -> None:
    """Found by tests/jail_trees."""
    found = jail_files.read_with_includes("/e/jail.conf", {"/e/jail.conf": text, "/e/office.inc": ""}.get)
    assert [path for path, _text in found] == [*(f"/e/{name}" for name in read), "/e/jail.conf"]


@pytest.mark.parametrize("name", ["jail.conf", "jail.local"])
def test_files_that_include_each_other_end(name: str) -> None:
    """fail2ban reads a file again that includes itself, and fails at a circle. Its own check reports that."""
    files = {f"/e/{one}": f"[INCLUDES]\nafter = {name}\n" for one in ("jail.conf", "jail.local")}
    found = jail_files.read_with_includes("/e/jail.conf", files.get)
    assert found[0] == ("/e/jail.conf", files["/e/jail.conf"])


def test_the_files_that_one_includes_are_found_once() -> None:
    """Found by tests/jail_trees: fail2ban-client keeps what it has found for b.inc when a.inc included it."""
    files = {
        "/e/jail.conf": "[INCLUDES]\nbefore = a.inc\nafter = b.inc\n",
        "/e/a.inc": "[INCLUDES]\nbefore = b.inc\n",
        "/e/b.inc": "[INCLUDES]\nbefore = a.inc\n",
    }
    found = jail_files.read_with_includes("/e/jail.conf", files.get)
    assert [path for path, _text in found] == ["/e/b.inc", "/e/a.inc", "/e/jail.conf", "/e/b.inc"]


def test_includes_without_an_end_are_an_error() -> None:
    """Found by tests/jail_trees: fail2ban reads them until Python ends the recursion."""
    files = {
        "/e/jail.conf": "[INCLUDES]\nbefore = common.inc\n",
        "/e/common.inc": "",
        "/e/common.local": "[INCLUDES]\nbefore = common.inc\n other.inc\n",
        "/e/other.local": "[INCLUDES]\nbefore = common.inc\n",
    }
    with pytest.raises(BaselineError) as failed:
        jail_files.read_with_includes("/e/jail.conf", files.get)
    assert failed.value.problem == "the files that it includes include each other"


OURS = "[DEFAULT]\nbantime = 1h\n[sshd]\nmaxretry = 3\n"


@pytest.mark.parametrize(
    ("later", "overridden"),
    [
        pytest.param("[DEFAULT]\nbantime = 5m\n", ["bantime = 5m for [DEFAULT], but 1h is requested"], id="plain"),
        pytest.param("[DEFAULT]\nbantime : 5m\n", ["bantime = 5m for [DEFAULT], but 1h is requested"], id="a colon"),
        pytest.param("[DEFAULT]\n  bantime = 5m\n", ["bantime = 5m for [DEFAULT], but 1h is requested"], id="indented"),
        pytest.param("[DEFAULT]\nbantime = 5m ; for now\n", ["bantime = 5m for"], id="an inline comment"),
        pytest.param("[DEFAULT]\nbantime = 1h ; as requested\n", [], id="the same value and an inline comment"),
        pytest.param("[DEFAULT]\nbantime = %(known/bantime)s\n", [], id="the known value"),
        pytest.param("[sshd]\nmaxretry = 9\n[sshd]\nmaxretry = 3\n", [], id="the last value counts"),
        pytest.param("[sshd]\nfindtime = 9\n", [], id="an option that is not requested"),
        pytest.param("[shop]\nmaxretry = 9\n", [], id="another jail"),
        pytest.param("[sshd]\nmaxretry =\n", ["maxretry =  for [sshd], but 3 is requested"], id="an empty value"),
    ],
)
def test_overridden_settings(later: str, overridden: list[str]) -> None:
    found = jail_files.overridden_settings(OURS, [("/e/jail.d/zzz.local", later)])
    assert len(found) == len(overridden)
    assert all(words in line for words, line in zip(overridden, found, strict=True))
    assert all(line.startswith("/e/jail.d/zzz.local: ") for line in found)


def test_the_last_of_several_later_files_counts() -> None:
    files = [("/a", "[sshd]\nmaxretry = 9\n"), ("/b", "[sshd]\nmaxretry = 3\n"), ("/c", "[DEFAULT]\nbantime = 2h\n")]
    assert jail_files.overridden_settings(OURS, files) == ["/c: bantime = 2h for [DEFAULT], but 1h is requested"]


@pytest.mark.parametrize(
    ("system", "banaction", "backend"),
    [
        pytest.param("debian12", "iptables-multiport", "%(sshd_backend)s", id="Debian 12"),
        pytest.param("debian13", "nftables", "systemd", id="Debian 13"),
    ],
)
def test_the_last_file_wins(system: str, banaction: str, backend: str) -> None:
    texts = [(FIXTURES / f"{name}-{system}.conf").read_text() for name in ("jail", "defaults-debian")]
    settings = jail_files.merge_sections(texts)
    assert settings["DEFAULT"]["banaction"] == banaction
    assert settings["sshd"]["backend"] == backend
    assert settings["sshd"]["enabled"] == "true"


def test_read_order_is_fail2bans() -> None:
    names = ["jail.d/zz.local", "jail.d/a.conf", "jail.local", "jail.conf", "jail.d/a.local", "x.conf"]
    found = jail_files.read_order([f"/e/{name}" for name in names], "/e", "jail")
    expected: t.Any = ["jail.conf", "jail.d/a.conf", "jail.local", "jail.d/a.local", "jail.d/zz.local"]
    assert found == [f"/e/{name}" for name in expected]
