from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import parse_dump
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import (
    PRESETS,
    AptDistribution,
    Archive,
    allowed,
    check,
    expand,
    is_optional,
    legacy,
    matches,
    may_be_absent,
    missing_indexes,
    parse_targets,
    substitute,
    table,
    unmatched,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
TRIXIE = AptDistribution("debian", "trixie")
NOBLE = AptDistribution("ubuntu", "noble")
SECURITY = Archive("Debian", "Debian-Security", "stable-security", "trixie-security", "main", "security.example.org")
STABLE = Archive("Debian", "Debian", "stable", "trixie", "main", "deb.example.org")
COMMA = Archive("Foo, Inc", "Foo", "", "", "", "")
ESM = Archive("UbuntuESMApps", "UbuntuESMApps", "noble-apps-security", "noble", "main", "esm.ubuntu.com")
INFRA = Archive("UbuntuESM", "UbuntuESM", "noble-infra-security", "noble", "main", "esm.ubuntu.com")
NOBLE_SECURITY = Archive("Ubuntu", "Ubuntu", "noble-security", "noble", "main", "security.ubuntu.com")


@pytest.mark.parametrize(
    ("pattern", "archive", "system", "expected"),
    [
        pytest.param(PRESETS["debian"]["security"], SECURITY, TRIXIE, True, id="security allows security"),
        pytest.param(PRESETS["debian"]["security"], STABLE, TRIXIE, False, id="security does not allow stable"),
        pytest.param(PRESETS["debian"]["stable"], STABLE, TRIXIE, True, id="stable allows stable"),
        pytest.param(PRESETS["debian"]["all"], COMMA, TRIXIE, True, id="all allows anything"),
        pytest.param("origin=${distro_id},n=trixie", STABLE, TRIXIE, True, id="the distribution's name"),
        pytest.param("o=Debian,a=stable,c=main,l=Debian", STABLE, TRIXIE, True, id="short keys"),
        pytest.param("o=Debian,suite=stable-*", SECURITY, TRIXIE, True, id="a wildcard"),
        pytest.param(" origin = Debian , site = deb.* ", STABLE, TRIXIE, True, id="blanks around"),
        pytest.param("origin=debian", STABLE, TRIXIE, False, id="case counts"),
        pytest.param("origin=Foo\\, Inc", COMMA, TRIXIE, True, id="a quoted comma"),
        pytest.param("orign=Debian", STABLE, TRIXIE, False, id="an unknown key never matches"),
        pytest.param("Debian", STABLE, TRIXIE, False, id="no pattern at all"),
        pytest.param(PRESETS["ubuntu"]["security"], NOBLE_SECURITY, NOBLE, True, id="Ubuntu's security"),
        pytest.param(PRESETS["ubuntu"]["security"], ESM, NOBLE, False, id="Ubuntu's security is not ESM"),
        pytest.param(PRESETS["ubuntu"]["esm-apps"], ESM, NOBLE, True, id="ESM's archive carries -apps-security"),
        pytest.param(PRESETS["ubuntu"]["esm-apps"], INFRA, NOBLE, False, id="ESM's two archives are two origins"),
        pytest.param(PRESETS["ubuntu"]["esm-infra"], INFRA, NOBLE, True, id="and the other carries -infra-security"),
        # What ubuntu-pro-client once wrote (its issue 825): nothing of ESM was ever upgraded.
        pytest.param("o=${distro_id}ESM,a=${distro_codename}-security", INFRA, NOBLE, False, id="ESM without suffix"),
    ],
)
def test_matches(pattern: str, archive: Archive, system: AptDistribution, expected: bool) -> None:
    assert matches(pattern, archive, system) is expected


def test_expand_resolves_presets_once() -> None:
    assert expand(["security", "stable-updates", "origin=X", "security", "updates"], TRIXIE) == (
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        "origin=Debian,codename=${distro_codename}-updates,label=Debian",
        "origin=X",
    )


@pytest.mark.parametrize(
    ("origin", "system", "message"),
    [
        pytest.param(
            "orign=Debian",
            TRIXIE,
            "origins: 'orign=Debian': unknown key 'orign'; did you mean 'origin'?; this task changed "
            "nothing; the keys are origin, label, archive, codename, component and site",
            id="a misspelt key",
        ),
        pytest.param(
            "securty",
            TRIXIE,
            "origins: unknown preset 'securty'; did you mean 'security' or 'stable-security'?; this task changed "
            "nothing; the presets are distribution, security, stable, updates, proposed, backports, all; a pattern is "
            "origin=NAME,codename=NAME and so on",
            id="a misspelt preset",
        ),
        pytest.param(
            "security",
            AptDistribution("kali", "rolling"),
            "origins: the preset 'security' is known on debian and ubuntu, not on 'kali'; this task changed nothing; "
            "give a pattern such as origin=NAME,codename=NAME (`apt-cache policy` prints them)",
            id="a system without presets",
        ),
        pytest.param(
            "origin=",
            TRIXIE,
            "origins: 'origin=' in 'origin=' is not key=value; this task changed nothing",
            id="no value",
        ),
        pytest.param(
            "origin=a,b",
            TRIXIE,
            "origins: 'origin=a,b': unknown key 'b'; this task changed nothing; the keys are origin, label, archive, "
            "codename, component and site",
            id="a comma that is not quoted",
        ),
        pytest.param(
            "origin=Debian,codename=${distro_code}",
            TRIXIE,
            "origins: 'origin=Debian,codename=${distro_code}' holds a macro or a character that unattended-upgrade "
            "does not know; this task changed nothing; the macros are ${distro_id} and ${distro_codename}",
            id="an unknown macro",
        ),
        pytest.param(
            "origin=a\nb",
            TRIXIE,
            "origins: 'origin=a\\nb' holds a macro or a character that unattended-upgrade does not know; this task "
            "changed nothing; the macros are ${distro_id} and ${distro_codename}",
            id="a line break",
        ),
    ],
)
def test_expand_refuses(origin: str, system: AptDistribution, message: str) -> None:
    with pytest.raises(BaselineError) as error:
        expand([origin], system)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("system", "codename", "suite"), [("debian12", "bookworm", "oldstable"), ("debian13", "trixie", "stable")]
)
def test_parse_targets(system: str, codename: str, suite: str) -> None:
    assert sorted(map(str, parse_targets((FIXTURES / f"apt-get-indextargets-{system}").read_text()))) == [
        f"origin=Debian,codename={codename},archive={suite},label=Debian,component=main,site=deb.example.org",
        f"origin=Debian,codename={codename}-security,archive={suite}-security,label=Debian-Security,component=main,"
        "site=security.example.org",
        f"origin=Debian,codename={codename}-updates,archive={suite}-updates,label=Debian,component=main,site=deb.example.org",
        "origin=PyhostOther,codename=test,archive=test,label=Test",
        "origin=PyhostTest,codename=test,archive=test,label=Test",
    ]


def test_every_origin_of_stock_debian_is_seen() -> None:
    config = parse_dump((FIXTURES / "apt-config-dump-debian13").read_text())
    archives = parse_targets((FIXTURES / "apt-get-indextargets-debian13").read_text())
    # The second is for releases before Debian 11.
    assert unmatched(allowed(config), archives, TRIXIE) == [
        "origin=Debian,codename=${distro_codename},label=Debian-Security"
    ]
    assert [len(row["archives"]) for row in table(allowed(config), archives, TRIXIE)] == [1, 0, 1]


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_missing_indexes(system: str) -> None:
    uris = (FIXTURES / f"apt-get-print-uris-{system}").read_text()
    names = (FIXTURES / f"lists-{system}").read_text().split()
    assert missing_indexes(uris, names) == []
    assert missing_indexes(uris, [name for name in names if "security" not in name]) == [
        "http://security.example.org/debian-security/dists/"
        + {"debian12": "bookworm-security", "debian13": "trixie-security"}[system]
    ]
    assert len(missing_indexes(uris, [])) == 5


@pytest.mark.parametrize(
    ("item", "pattern"),
    [
        ("${distro_id}:${distro_codename}-security", "o=${distro_id},a=${distro_codename}-security"),
        ("Debian stable", "o=Debian,a=stable"),
        ("A\\:B:stable", "o=A:B,a=stable"),
        ("Foo, Inc:stable", "o=Foo\\, Inc,a=stable"),
    ],
)
def test_legacy_origins(item: str, pattern: str) -> None:
    assert legacy(item) == pattern


def test_substitute() -> None:
    assert substitute("${distro_id}:${distro_codename}-x", TRIXIE) == "Debian:trixie-x"


@pytest.mark.parametrize(
    ("system", "origins", "expected", "absent"),
    [
        pytest.param("debian", ["distribution"], ["security", "stable"], [], id="Debian"),
        pytest.param(
            "ubuntu",
            ["distribution"],
            ["security", "stable", "esm-apps", "esm-infra"],
            ["esm-apps", "esm-infra"],
            id="Ubuntu, with ESM where it is attached",
        ),
        pytest.param("debian", ["distribution", "updates"], ["security", "stable", "updates"], [], id="and more"),
        pytest.param("debian", ["security"], ["security"], [], id="narrower"),
        pytest.param(
            "ubuntu",
            ["distribution", "esm-apps"],
            ["security", "stable", "esm-apps", "esm-infra"],
            ["esm-infra"],
            id="ESM by its name must be there",
        ),
    ],
)
def test_the_choice_of_the_distribution(
    system: str, origins: list[str], expected: list[str], absent: list[str]
) -> None:
    distribution = AptDistribution(system, "x")
    presets = PRESETS[system]
    assert expand(origins, distribution) == tuple(presets[name] for name in expected)
    assert may_be_absent(origins, distribution) == {presets[name] for name in absent}


def test_the_choice_of_an_unknown_distribution() -> None:
    with pytest.raises(BaselineError, match="the preset 'distribution' is known on debian and ubuntu, not on 'devuan'"):
        expand(["distribution"], AptDistribution("devuan", "x"))
    check("distribution")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("origin=Debian,codename=${distro_codename},label=Debian-Security", True),
        ("o=UbuntuESMApps,a=${distro_codename}-apps-security", True),
        ("a=${distro_codename}-infra-security, o=UbuntuESM", True),
        ("origin=Debian,codename=${distro_codename}-security,label=Debian-Security", False),
        ("origin=Ubuntu", False),
    ],
)
def test_patterns_that_match_nothing_on_most_hosts(pattern: str, expected: bool) -> None:
    assert is_optional(pattern) is expected
