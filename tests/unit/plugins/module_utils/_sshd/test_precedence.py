"""Who wins where versions of OpenSSH differ, or where sshd's two readings show. Each row was seen on a running sshd."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import (
    deciding_directives,
    is_first_wins,
    is_global_only,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import NEWEST, Release, read_release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree, compose

MAIN = "/etc/ssh/sshd_config"
JOE = Connection("joe", address="192.0.2.7")
DEBIAN12 = Release(9, 2, "OpenSSH_9.2")
DEBIAN13 = Release(10, 0, "OpenSSH_10.0p2 Debian-7+deb13u4")
UNSTABLE = Release(10, 6, "OpenSSH_10.6p1 Debian-1")


def who(files: dict[str, str], keyword: str, release: Release = NEWEST) -> list[str]:
    tree = Tree(MAIN, {f"/etc/ssh/{name}": text for name, text in files.items()})
    deciding = deciding_directives(compose(tree, release), keyword, JOE, release)[0]
    return [one.where.replace("/etc/ssh/", "") for one in deciding]


@pytest.mark.parametrize("release", [DEBIAN12, DEBIAN13, UNSTABLE])
@pytest.mark.parametrize(
    ("files", "keyword", "deciding"),
    [
        pytest.param(
            {"sshd_config": "Port 1\nMatch all\nPort 2"},
            "port",
            ["sshd_config:1", "sshd_config:3"],
            id="Match all is no block for what cannot stand in one",
        ),
        pytest.param(
            {"sshd_config": "UseDNS no\nMatch all\nUseDNS yes"},
            "usedns",
            ["sshd_config:1"],
            id="so that the first of them wins",
        ),
        pytest.param(
            {"sshd_config": "Banner a\nMatch all\nBanner b"},
            "banner",
            ["sshd_config:3"],
            id="but it is one for all others",
        ),
        pytest.param(
            # make fuzz SEED=900000
            {"sshd_config": "Include x/*\nMatch all\nInclude y/z", "x/a": "Include y/z", "y/z": "Port 22"},
            "port",
            ["y/z:1", "y/z:1"],
            id="a file that is read twice says its port twice",
        ),
        pytest.param(
            {"sshd_config": "Match User joe\nInclude x", "x": "Match all\nBanner b"},
            "banner",
            ["x:2"],
            id="a block for all inside of a block",
        ),
        pytest.param(
            {"sshd_config": "Match User pat\nInclude x", "x": "Match all\nBanner b"},
            "banner",
            [],
            id="which does not reach beyond it",
        ),
        pytest.param(
            {"sshd_config": "RekeyLimit 1G\nRekeyLimit 2G 1h\nRekeyLimit 3G 2h"},
            "rekeylimit",
            ["sshd_config:1", "sshd_config:2"],
            id="the halves of RekeyLimit are looked for apart",
        ),
        pytest.param(
            {"sshd_config": "RekeyLimit 1G 1h\nMatch User joe\nRekeyLimit 2G none"},
            "rekeylimit",
            ["sshd_config:3", "sshd_config:1"],
            id="inside of blocks and outside",
        ),
        pytest.param(
            {"sshd_config": "UnusedConnectionTimeout 3m\nUnusedConnectionTimeout none"},
            "unusedconnectiontimeout",
            ["sshd_config:2"],
            id="no timeout wins over an earlier timeout",
        ),
    ],
)
def test_two_readings(files: dict[str, str], keyword: str, deciding: list[str], release: Release) -> None:
    assert who(files, keyword, release) == deciding


@pytest.mark.parametrize(
    ("keyword", "values", "lines"),
    [
        pytest.param("FingerprintHash", ("md5", "sha256"), (2, 2, 2), id="FingerprintHash"),
        pytest.param("IPQoS", ("ef", "cs6"), (2, 2, 1), id="IPQoS"),
        pytest.param("MaxStartups", ("10:30:60", "5"), (2, 2, 1), id="MaxStartups"),
        pytest.param("PerSourceMaxStartups", ("5", "9"), (2, 1, 1), id="PerSourceMaxStartups"),
        pytest.param("PerSourceNetBlockSize", ("24:64", "32:128"), (2, 2, 1), id="PerSourceNetBlockSize"),
        pytest.param("StreamLocalBindMask", ("0177", "0077"), (2, 2, 1), id="StreamLocalBindMask"),
        pytest.param("MaxSessions", ("5", "9"), (1, 1, 1), id="any other"),
    ],
)
def test_the_last_or_the_first(keyword: str, values: tuple[str, str], lines: tuple[int, int, int]) -> None:
    files = {"sshd_config": "".join(f"{keyword} {value}\n" for value in values)}
    for release, line in zip((DEBIAN12, DEBIAN13, UNSTABLE), lines, strict=True):
        assert who(files, keyword.lower(), release) == [f"sshd_config:{line}"], release


def test_subsystems_in_a_block() -> None:
    files = {"sshd_config": "Subsystem a x\nSubsystem b y\nMatch all\nSubsystem c z"}
    assert who(files, "subsystem", DEBIAN12) == ["sshd_config:1", "sshd_config:2", "sshd_config:4"]
    assert who(files, "subsystem", DEBIAN13) == ["sshd_config:4"]


def test_a_principals_command_below_a_keys_command() -> None:
    """Up to OpenSSH 9.3 sshd looks whether the *other* command is set."""
    text = "AuthorizedPrincipalsCommand /a\nAuthorizedPrincipalsCommand /b\nAuthorizedKeysCommand /k\n"
    files = {"sshd_config": text + "AuthorizedPrincipalsCommand /c"}
    assert who(files, "authorizedprincipalscommand", DEBIAN12) == ["sshd_config:2"]
    assert who(files, "authorizedprincipalscommand", DEBIAN13) == ["sshd_config:1"]
    files = {"sshd_config": "AuthorizedKeysCommand /k\nAuthorizedPrincipalsCommand /c"}
    assert who(files, "authorizedprincipalscommand", DEBIAN12) == []


@pytest.mark.parametrize(
    ("match", "old", "new"),
    [
        pytest.param("User=joe", True, True, id="with a sign of ="),
        pytest.param("User =joe", True, False, id="which belongs to the pattern since 9.9"),
        pytest.param("User 'joe'", False, True, id="single quotes"),
        pytest.param('User "joe"', True, True, id="double quotes"),
        pytest.param("User joe # said", True, True, id="a comment"),
    ],
)
def test_how_a_match_line_is_split(match: str, old: bool, new: bool) -> None:
    files = {"sshd_config": f"Match {match}\nBanner b"}
    assert bool(who(files, "banner", DEBIAN12)) is old
    assert bool(who(files, "banner", DEBIAN13)) is new


@pytest.mark.parametrize(
    ("criteria", "keyword", "lines"),
    [
        pytest.param("version OpenSSH_10.0*", "banner", [3], id="it fits"),
        pytest.param("version OpenSSH_9*,*Windows*", "banner", [], id="it does not"),
        pytest.param("version=*Debian* User joe", "banner", [3], id="and a user"),
        pytest.param("version *Debian* User pat", "banner", [], id="and another user"),
        pytest.param("version *Debian*", "port", [1, 4], id="it holds without a connection, as Match all does"),
    ],
)
def test_match_version(criteria: str, keyword: str, lines: list[int]) -> None:
    files = {"sshd_config": f"Port 1\nMatch {criteria}\nBanner b\n" + ("Port 2" if keyword == "port" else "")}
    assert who(files, keyword, DEBIAN13) == [f"sshd_config:{line}" for line in lines]


@pytest.mark.parametrize(
    ("words", "release"),
    [
        pytest.param("OpenSSH_9.2, OpenSSL 3.0.22 25 Aug 2026\n", DEBIAN12, id="debian12"),
        pytest.param("OpenSSH_10.0p2 Debian-7+deb13u4, OpenSSL 3.5.7 9 Jun 2026\n", DEBIAN13, id="debian13"),
        pytest.param("", NEWEST, id="nothing known"),
    ],
)
def test_read_release(words: str, release: Release) -> None:
    assert read_release(words) == release


@pytest.mark.parametrize(
    ("keyword", "release", "global_only", "first_wins"),
    [
        ("passwordauthentication", NEWEST, False, True),
        ("port", NEWEST, True, False),
        ("usepam", NEWEST, True, True),
        ("allowusers", NEWEST, False, False),
        ("subsystem", DEBIAN12, True, False),
        ("subsystem", DEBIAN13, False, False),
        ("ipqos", DEBIAN13, False, False),
        ("ipqos", UNSTABLE, False, True),
        ("maxstartups", DEBIAN13, True, False),
    ],
)
def test_where_a_keyword_may_be_and_which_line_wins(
    keyword: str, release: Release, global_only: bool, first_wins: bool
) -> None:
    assert (is_global_only(keyword, release), is_first_wins(keyword, release)) == (global_only, first_wins)
