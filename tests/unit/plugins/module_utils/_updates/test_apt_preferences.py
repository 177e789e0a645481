from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_preferences import (
    blocked,
    has_exceptions,
    parse_policy,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import PRESETS, AptDistribution

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
TRIXIE = AptDistribution("debian", "trixie")
SECURITY = PRESETS["debian"]["security"]
STOCK = (FIXTURES / "apt-cache-policy-debian13").read_text()
NEVER = (FIXTURES / "apt-cache-policy-security-never-debian13").read_text()
ONE_PACKAGE = (FIXTURES / "apt-cache-policy-one-package-debian13").read_text()
ARCHIVE = (
    "origin=Debian,codename=trixie-security,archive=stable-security,label=Debian-Security,component=main,"
    "site=security.example.org"
)


@pytest.mark.parametrize(
    ("system", "codename", "suite"), [("debian12", "bookworm", "oldstable"), ("debian13", "trixie", "stable")]
)
def test_parse_policy(system: str, codename: str, suite: str) -> None:
    found = parse_policy((FIXTURES / f"apt-cache-policy-{system}").read_text())
    assert [(str(archive), priority) for archive, priority in found] == [
        (
            f"origin=Debian,codename={codename}-security,archive={suite}-security,label=Debian-Security,"
            "component=main,site=security.example.org",
            500,
        ),
        (
            f"origin=Debian,codename={codename}-updates,archive={suite}-updates,label=Debian,component=main,"
            "site=deb.example.org",
            500,
        ),
        (f"origin=Debian,codename={codename},archive={suite},label=Debian,component=main,site=deb.example.org", 500),
    ]


def test_a_comma_in_a_label_and_an_archive_without_a_site() -> None:
    text = "Package files:\n 500 file:/srv/debs ./ Packages\n     release o=Foo, Inc,l=Foo, Inc,c=\nPinned packages:\n"
    assert [(str(archive), priority) for archive, priority in parse_policy(text)] == [
        ("origin=Foo\\, Inc,label=Foo\\, Inc", 500)
    ]


@pytest.mark.parametrize(
    ("pattern", "policy", "expected"),
    [
        pytest.param(SECURITY, STOCK, [], id="no pin"),
        pytest.param(SECURITY, ONE_PACKAGE, [], id="another package is pinned"),
        pytest.param(SECURITY, NEVER, [(ARCHIVE, -1)], id="never"),
        pytest.param(SECURITY, NEVER.replace("  -1", "-32768"), [(ARCHIVE, -32768)], id="the word never"),
        pytest.param(SECURITY, NEVER.replace("  -1", "  99"), [(ARCHIVE, 99)], id="only what is not installed"),
        pytest.param(SECURITY, NEVER.replace("  -1", " 100"), [], id="as the installed version"),
        pytest.param(PRESETS["debian"]["stable"], NEVER, [], id="another archive is pinned"),
        pytest.param(PRESETS["debian"]["all"], NEVER, [], id="one of several archives"),
        pytest.param(
            "origin=*,site=*", STOCK.replace(" 500", "  -1").replace("  -1", " 500", 2), [], id="some of them"
        ),
        pytest.param("origin=Nobody", NEVER, [], id="no archive at all is reported elsewhere"),
    ],
)
def test_barred(pattern: str, policy: str, expected: list[tuple[str, int]]) -> None:
    found = blocked(pattern, parse_policy(policy), TRIXIE)
    assert [(str(archive), priority) for archive, priority in found] == expected


def test_the_installed_packages_are_no_archive() -> None:
    policy = STOCK.replace(" 500", "  -1")
    assert [priority for _archive, priority in blocked("origin=*", parse_policy(policy), TRIXIE)] == [-1, -1, -1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Package: *\nPin: release l=Debian-Security\nPin-Priority: -1\n", False, id="an archive"),
        pytest.param("Package: bash\nPin: release n=trixie\nPin-Priority: 990\n", True, id="one package"),
        pytest.param("Package: bash\nPin: release n=trixie\nPin-Priority: -1\n", False, id="one package, never"),
        pytest.param("Package: bash\nPin: release n=trixie\nPin-Priority: never\n", False, id="one package, the word"),
        pytest.param(
            "Explanation: x\nPackage: *\nPin: origin x\nPin-Priority: -1\n\n# why\npackage:  src:openssl g*\n"
            "Pin: release a=x\nPin-Priority:  500\n",
            True,
            id="the second stanza",
        ),
        pytest.param("Package: *\nPin: release a=x\nPin-Priority: 500\n", False, id="a priority for all"),
        pytest.param("", False, id="empty"),
    ],
)
def test_lifts(text: str, expected: bool) -> None:
    assert has_exceptions(text) is expected
