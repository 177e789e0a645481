"""automatic.conf: its grammar as libdnf reads it, the desired_keys, and the file that comes out."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_automatic import (
    CONF,
    KNOWN_TO_DNF5,
    Key,
    base_repositories,
    composed,
    desired_keys,
    differences,
    edited,
    entries,
    excludes,
    supported_keys,
    without_advisories,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "dnf_automatic"
STOCK = (FIXTURES / "automatic.conf-dnf4.14").read_text()
VENDOR = (FIXTURES / "automatic.conf-dnf5.4-vendor").read_text()
TYPE: Key = ("commands", "upgrade_type")
REBOOT: Key = ("commands", "reboot")
APPLY: Key = ("commands", "apply_updates")
EXCLUDE: Key = ("base", "excludepkgs")
DEFAULTS: dict[str, t.Any] = {
    "upgrade_type": "security",
    "apply_updates": True,
    "download_updates": True,
    "reboot": "never",
    "exclude": [],
    "emit_via": ["stdio"],
}

# What libdnf 4 (Debian 12) and libdnf5 5.4 (Debian unstable) both made of these files.
READ = """\
; comment
# comment
[commands]
Upgrade_Type = default
upgrade_type=default
upgrade_type =security
apply_updates =   yes   \n\
reboot = when-needed # not a comment
reboot_command = "shutdown -r +5 'x'"
download_updates =
[ spaced ]
a = 1
[commands]
again = 2
multi = a
  b
# in between
  c
[base]
excludepkgs = a, b c
"""


def test_values_as_libdnf_reads_them() -> None:
    assert composed((CONF, READ)) == {
        ("commands", "Upgrade_Type"): "default",
        ("commands", "upgrade_type"): "security",
        ("commands", "apply_updates"): "yes",
        ("commands", "reboot"): "when-needed # not a comment",
        ("commands", "reboot_command"): "shutdown -r +5 'x'",
        ("commands", "download_updates"): "",
        (" spaced ", "a"): "1",
        ("commands", "again"): "2",
        ("commands", "multi"): "a\nb\nc",
        ("base", "excludepkgs"): "a, b c",
    }


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("orphan = 1\n[commands]\n", 1, "missing section header"),
        ("[commands]\nkey without\n", 2, "missing '='"),
        ("[commands]\n lead = 1\n", 2, "illegal continuation line"),
        ("[commands]\na = 1\n\n b\n", 4, "illegal continuation line"),
        ("[commands\na=1\n", 1, "missing ']'"),
        ("[commands]\n=x\n", 2, "missing key"),
    ],
)
def test_a_line_that_dnf_rejects_is_named(text: str, line: int, what: str) -> None:
    with pytest.raises(BaselineError, match=rf"^/etc/dnf/automatic\.conf:{line}: dnf rejects this line: {what}"):
        entries(text, path=CONF)


def test_the_stock_file_takes_the_defaults_in_place() -> None:
    desired = {key: value for key, value in desired_keys(DEFAULTS).items() if key != REBOOT}
    text = edited(STOCK, desired, path=CONF)
    changed = [(old, new) for old, new in zip(STOCK.splitlines(), text.splitlines(), strict=True) if old != new]
    assert changed == [
        ("upgrade_type = default", "upgrade_type = security"),
        ("apply_updates = no", "apply_updates = yes"),
    ]
    assert edited(text, desired, path=CONF) == text


@pytest.mark.parametrize(
    ("before", "desired", "after"),
    [
        (None, {TYPE: "security"}, "[commands]\nupgrade_type = security\n"),
        ("", {TYPE: "security"}, "[commands]\nupgrade_type = security\n"),
        ("[emitters]\n", {TYPE: "security"}, "[emitters]\n\n[commands]\nupgrade_type = security\n"),
        ("[commands]\n# own\n", {TYPE: "security"}, "[commands]\nupgrade_type = security\n# own\n"),
        # The last value counts, so the later ones go; the first keeps its place.
        (
            "[commands]\nupgrade_type = security\n[base]\n[commands]\nupgrade_type = default\n",
            {TYPE: "security"},
            "[commands]\nupgrade_type = security\n[base]\n[commands]\n",
        ),
        ("[base]\nexcludepkgs = a\n  b\ndebuglevel = 1\n", {EXCLUDE: None}, "[base]\ndebuglevel = 1\n"),
        ("[base]\nexcludepkgs=a,b\n", {EXCLUDE: "a, b"}, "[base]\nexcludepkgs=a,b\n"),
        (
            "[commands]\napply_updates = True\n",
            {("commands", "apply_updates"): "yes"},
            "[commands]\napply_updates = True\n",
        ),
    ],
)
def test_edits(before: str | None, desired: dict[Key, str | None], after: str) -> None:
    text = edited(before, desired, path=CONF)
    assert text.partition("\n\n")[2] == after if text.startswith("# pyhost") and "\n\n" in text else text == after
    assert not differences(desired, composed((CONF, text)))
    assert edited(text, desired, path=CONF) == text


def test_keys_that_are_not_in_force_are_named() -> None:
    assert differences({TYPE: "security", EXCLUDE: None}, {TYPE: "default", EXCLUDE: "a"}) == [
        "[commands] upgrade_type is 'default' (requested: 'security')",
        "[base] excludepkgs is 'a' (requested: not set)",
    ]


def test_the_host_file_of_dnf5_wins_over_the_vendors() -> None:
    values = composed(("vendor", VENDOR), (CONF, "[commands]\nupgrade_type = security\n"))
    assert values[TYPE] == "security"
    assert values[REBOOT] == "never"


def test_dnf5_knows_every_key_of_the_vendors_file_that_is_set_here() -> None:
    # Those that stand there as comments have no default.
    commented = {("base", "excludepkgs")}
    assert set(composed(("vendor", VENDOR))) >= KNOWN_TO_DNF5 - commented


def test_a_key_that_dnf_does_not_know() -> None:
    known = [TYPE]
    assert supported_keys({TYPE: "security", REBOOT: "never"}, known, version="dnf 4.14.0") == {TYPE: "security"}
    with pytest.raises(BaselineError, match=r"reboot: .*\(dnf 4\.14\.0\) does not know .*; leave it out, or set never"):
        supported_keys({TYPE: "security", REBOOT: "when-needed"}, known, version="dnf 4.14.0")
    # Keys of [base] are those of dnf.conf.
    assert supported_keys({EXCLUDE: "a"}, known, version="") == {EXCLUDE: "a"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"exclude": ["a b"]}, "exclude: 'a b' is not one word"),
        ({"exclude": ["a,b"]}, "exclude: 'a,b' is not one word"),
        ({"email_to": [""]}, "email_to: '' is not one word"),
        ({"reboot_command": "a\nb"}, "reboot_command: 'a.nb' is not one word in one line"),
        ({"upgrade_type": "securty"}, "did you mean 'security'"),
        ({"emit_via": ["emial"]}, "did you mean 'email'"),
    ],
)
def test_bad_values(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BaselineError, match=words):
        desired_keys(options)


@pytest.mark.parametrize(
    ("pattern", "wildcard"),
    [
        ("kernel", "kernel*"),
        ("kernel$", "kernel"),
        ("^kernel.*", "kernel*"),
        (r"python3\.11", "python3.11*"),
        (r"libstdc\+\+$", "libstdc++"),
        ("lib.*-devel$", "lib*-devel"),
    ],
)
def test_a_blocklist_of_expressions(pattern: str, wildcard: str) -> None:
    assert excludes([pattern]) == [wildcard]
    assert desired_keys({**DEFAULTS, "exclude": ["git"], "blocklist": [pattern]})[EXCLUDE] == f"git, {wildcard}"


@pytest.mark.parametrize("pattern", ["", "(a|b)", "[ab]", "libstdc++", "a?", "a*", "kernel core", "a$b", r"\w"])
def test_an_expression_that_wildcards_cannot_express(pattern: str) -> None:
    with pytest.raises(BaselineError, match=r"name with \.\* in it; this task changed nothing; dnf can exclude"):
        excludes([pattern])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("baseos", True),
        ("appstream", True),
        ("rhel-9-for-x86_64-baseos-rpms", True),
        ("rhel-10-for-aarch64-appstream-eus-rpms", True),
        ("ol9_baseos_latest", True),
        ("ol9_appstream", True),
        ("updates", True),
        ("fedora", False),
        ("updates-testing", False),
        ("appstream-source", False),
        ("rhel-9-for-x86_64-baseos-debug-rpms", False),
        ("extras", False),
        ("crb", False),
        ("epel", False),
        ("mybaseos2", False),
    ],
)
def test_base_repositories(name: str, expected: bool) -> None:
    assert base_repositories([name]) == [name] * expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"baseos": False, "appstream": True, "epel": True}, ["baseos"]),
        ({"baseos": True, "appstream": True, "epel": False}, []),
        ({"corp-os": False, "corp-tools": False, "epel": True}, ["corp-os", "corp-tools"]),
        ({"corp-os": False, "corp-tools": True}, []),
        ({"epel": True}, []),
        ({}, []),
    ],
)
def test_repositories_without_advisories(known: dict[str, bool], expected: list[str]) -> None:
    assert without_advisories(known) == expected
