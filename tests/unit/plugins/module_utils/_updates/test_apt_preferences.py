from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_preferences import (
    Pin,
    RankedArchive,
    blocked,
    cause,
    has_exceptions,
    outranked,
    parse_pins,
    parse_policy,
    pins_against,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import PRESETS, AptDistribution, Archive

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
    assert [(str(one), one.priority) for one in found] == [
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
    assert [(str(one), one.priority) for one in parse_policy(text)] == [("origin=Foo\\, Inc,label=Foo\\, Inc", 500)]


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
    assert [(str(one), one.priority) for one in found] == expected


def test_the_installed_packages_are_no_archive() -> None:
    policy = STOCK.replace(" 500", "  -1")
    assert [one.priority for one in blocked("origin=*", parse_policy(policy), TRIXIE)] == [-1, -1, -1]


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
    assert has_exceptions(parse_pins(text)) is expected


BOOKWORM = AptDistribution("debian", "bookworm")
PIN_900 = "Explanation: x\nPackage: *\nPin: release n=bookworm\nPin-Priority: 900\n"
PIN_100 = "Package: *\nPin: release n=bookworm-security\nPin-Priority: 100\n"


def recorded(name: str) -> list[RankedArchive]:
    return parse_policy((FIXTURES / f"apt-cache-policy-{name}-debian12").read_text())


@pytest.mark.parametrize(
    ("pattern", "policy", "pins", "expected"),
    [
        pytest.param(SECURITY, "not-automatic", "", [], id="stock"),
        pytest.param(SECURITY, "default-release", "", [(500, 990)], id="APT::Default-Release"),
        pytest.param(SECURITY, "pin-900", PIN_900, [(500, 900)], id="a pin above"),
        pytest.param(SECURITY, "pin-100", PIN_100, [(100, 500)], id="a pin below"),
        pytest.param("origin=*", "pin-900", PIN_900, [(500, 900)], id="everything is allowed"),
        pytest.param(PRESETS["debian"]["stable"], "pin-900", PIN_900, [], id="the one that is above"),
        pytest.param(PRESETS["debian"]["backports"], "not-automatic", "", [], id="backports are meant to be below"),
        pytest.param("origin=Debian,archive=experimental", "not-automatic", "", [], id="another release"),
        pytest.param("origin=Nobody", "pin-900", PIN_900, [], id="no archive"),
    ],
)
def test_an_archive_that_ranks_below_another(
    pattern: str, policy: str, pins: str, expected: list[tuple[int, int]]
) -> None:
    found = outranked(pattern, recorded(policy), BOOKWORM, parse_pins(pins))
    assert [(low.priority, high.priority) for low, high in found] == expected


def test_an_archive_of_somebody_else_may_rank_above() -> None:
    """The manual of nginx.org pins it to 900: it has no package of the distribution's security archive but its own."""
    nginx = RankedArchive(Archive("nginx", "nginx", "stable", "bookworm", "nginx", "nginx.example.org"), 900)
    assert outranked(SECURITY, [*recorded("not-automatic"), nginx], BOOKWORM, []) == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("not-automatic", [1], id="NotAutomatic"),
        pytest.param("pin-100", [1], id="the same with pins for others"),
    ],
)
def test_an_archive_that_is_not_automatic(policy: str, expected: list[int]) -> None:
    pattern = "origin=Debian,archive=experimental"
    assert [one.priority for one in blocked(pattern, recorded(policy), BOOKWORM)] == expected


@pytest.mark.parametrize(
    ("policy", "pins", "default_release", "codename", "expected"),
    [
        pytest.param("pin-900", {"/p": PIN_900}, [], "bookworm", "/p:4", id="a pin"),
        pytest.param("pin-900", {"/a": "", "/p": f"{PIN_100}\n{PIN_900}"}, [], "bookworm", "/p:8", id="the second"),
        pytest.param("pin-100", {"/p": PIN_100}, ["/c:1"], "bookworm-security", "/p:3", id="a pin, and the option too"),
        pytest.param("default-release", {}, ["/c:1", "/d:7"], "bookworm", "/d:7", id="the option that counts"),
        pytest.param("default-release", {"/p": PIN_100}, ["/d:7"], "bookworm", "/d:7", id="the option, another pin"),
        pytest.param("not-automatic", {"/p": PIN_100}, [], "experimental", "", id="its own Release file"),
    ],
)
def test_what_gives_a_priority(
    policy: str, pins: dict[str, str], default_release: list[str], codename: str, expected: str
) -> None:
    (one,) = [ranked for ranked in recorded(policy) if ranked.archive.codename == codename]
    assert cause(one, {path: parse_pins(text) for path, text in pins.items()}, default_release) == expected


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        ("release n=bookworm-security", True),
        ("release o=Debian, a=oldstable-security", True),
        ("release a=*-security", True),
        ("release l=/^debian-sec/", True),
        ("release bookworm-security", True),
        ("release v=12*", True),
        ("release 12.5", True),
        ("release *", True),
        ("release b=amd64", True),
        ("release n=bookworm", False),
        ("release l=/(/", False),
        ("release x=bookworm-security", False),
        ('origin "deb.example.org"', True),
        ("origin deb.example.org", True),
        ('origin ""', False),
        ("version 5.10*", False),
    ],
)
def test_the_archives_of_a_pin(pin: str, expected: bool) -> None:
    (stanza,) = parse_pins(f"Package: *\nPin: {pin}\nPin-Priority: 1\n")
    (one,) = [ranked for ranked in recorded("not-automatic") if ranked.archive.codename == "bookworm-security"]
    assert stanza.matches(one) is expected


def test_pins_of_packages_and_stanzas_that_apt_rejects() -> None:
    text = "Package: bash\nPin: release n=x\nPin-Priority: NEVER\n\nPackage: *\nPin: release n=x\nPin-Priority: x\n"
    assert parse_pins(text) == [Pin("bash", "release", "n=x", -32768, 3)]
    assert not parse_pins(text)[0].matches(recorded("not-automatic")[0])


def test_pins_against_archives() -> None:
    archives = [one.archive for one in recorded("not-automatic")]
    nameless = Archive("", "", "", "", "", "deb.example.org")
    assert pins_against([archives[1], archives[1], nameless]) == (
        "Package: *\nPin: release a=oldstable-backports,n=bookworm-backports,o=Debian Backports,l=Debian Backports,"
        'c=main\nPin-Priority: -32768\n\nPackage: *\nPin: origin "deb.example.org"\nPin-Priority: -32768\n'
    )
