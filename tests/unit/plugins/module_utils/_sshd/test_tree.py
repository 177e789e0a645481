from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import deciding_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import (
    Tree,
    compose,
    glob_matches,
    staged_files,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "sshd"
MAIN = "/etc/ssh/sshd_config"
STOCK = {name: (FIXTURES / f"sshd_config-{name}").read_text() for name in ("debian12", "debian13")}
ROOT = Connection("root", address="192.0.2.7")
JOE = Connection("joe", address="192.0.2.7")


def tree(main: str, **dropins: str) -> Tree:
    named = {f"/etc/ssh/sshd_config.d/{name.replace('_', '-')}.conf": text for name, text in dropins.items()}
    return Tree(MAIN, {MAIN: main, **named})


def who(tree: Tree, keyword: str, connection: Connection = ROOT) -> tuple[list[str], list[str]]:
    deciding, shadowed = deciding_directives(compose(tree), keyword, connection)
    short = "/etc/ssh/sshd_config"
    return [one.where.replace(short, "") for one in deciding], [one.where.replace(short, "") for one in shadowed]


INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"


@pytest.mark.parametrize(
    ("files", "keyword", "connection", "expected"),
    [
        pytest.param(
            tree(INCLUDE + "X11Forwarding yes", a="X11Forwarding no"),
            "x11forwarding",
            ROOT,
            ([".d/a.conf:1"], [":2"]),
            id="the first wins",
        ),
        pytest.param(
            tree("X11Forwarding yes\n" + INCLUDE, a="X11Forwarding no"),
            "x11forwarding",
            ROOT,
            ([":1"], [".d/a.conf:1"]),
            id="an Include counts where it stands",
        ),
        pytest.param(
            tree(INCLUDE, b="Port 1", a="Port 2\n\nPort 3"),
            "port",
            ROOT,
            ([".d/a.conf:1", ".d/a.conf:3", ".d/b.conf:1"], []),
            id="ports add up, files in order",
        ),
        pytest.param(
            tree(INCLUDE + "FingerprintHash md5", a="FingerprintHash sha256"),
            "fingerprinthash",
            ROOT,
            ([":2"], [".d/a.conf:1"]),
            id="of FingerprintHash the last one wins",
        ),
        pytest.param(
            tree(INCLUDE + "PerSourcePenalties noauth:2s", a="PerSourcePenalties crash:5s"),
            "persourcepenalties",
            ROOT,
            ([".d/a.conf:1", ":2"], []),
            id="penalties of several lines add up",
        ),
        pytest.param(
            tree("X11Forwarding no\nMatch User joe\nX11Forwarding yes"),
            "x11forwarding",
            JOE,
            ([":3"], [":1"]),
            id="a block stands before what is global",
        ),
        pytest.param(
            tree("X11Forwarding no\nMatch User joe\nX11Forwarding yes"),
            "x11forwarding",
            ROOT,
            ([":1"], []),
            id="a block that does not fit",
        ),
        pytest.param(
            tree("Match User j*\nX11Forwarding yes\nMatch User joe\nX11Forwarding no"),
            "x11forwarding",
            JOE,
            ([":2"], [":4"]),
            id="the first block wins",
        ),
        pytest.param(
            tree(INCLUDE + "X11Forwarding yes", a="Match User joe\nBanner none"),
            "x11forwarding",
            ROOT,
            ([":2"], []),
            id="a block ends with its file",
        ),
        pytest.param(
            tree("Match User joe\n" + INCLUDE, a="X11Forwarding yes"),
            "x11forwarding",
            ROOT,
            ([], []),
            id="an Include inside of a block",
        ),
        pytest.param(
            tree("Match User joe\n" + INCLUDE, a="Match Address 192.0.2.0/24\nX11Forwarding yes"),
            "x11forwarding",
            JOE,
            ([".d/a.conf:2"], []),
            id="a block inside of a block: both must hold",
        ),
        pytest.param(
            tree("X11Forwarding no\nMatch Novelty 7\nX11Forwarding yes"),
            "x11forwarding",
            JOE,
            ([":1"], []),
            id="a criterion that only a newer sshd knows",
        ),
        pytest.param(
            tree("AllowUsers a\nMatch User joe\nAllowUsers b"),
            "allowusers",
            JOE,
            ([":3"], [":1"]),
            id="a block replaces a list",
        ),
        pytest.param(
            tree("Subsystem sftp a\nSubsystem x b\nSubsystem sftp c"),
            "subsystem",
            ROOT,
            ([":1", ":2"], [":3"]),
            id="each subsystem once",
        ),
        pytest.param(
            tree("Include sshd_config.d/b.conf /etc/ssh/sshd_config.d/a.conf", a="Banner a", b="Banner b"),
            "banner",
            ROOT,
            ([".d/b.conf:1"], [".d/a.conf:1"]),
            id="relative, and in the order of the line",
        ),
        pytest.param(
            tree("ChallengeResponseAuthentication yes\nKbdInteractiveAuthentication no"),
            "kbdinteractiveauthentication",
            ROOT,
            ([":1"], [":2"]),
            id="an older name is the same keyword",
        ),
    ],
)
def test_standing(files: Tree, keyword: str, connection: Connection, expected: tuple[list[str], list[str]]) -> None:
    assert who(files, keyword, connection) == expected


@pytest.mark.parametrize("name", STOCK)
def test_stock_files(name: str) -> None:
    said = {one.keyword: one.arguments for one in compose(tree(STOCK[name]))}
    assert said["kbdinteractiveauthentication"] == ("no",)
    assert said["subsystem"] == ("sftp", "/usr/lib/openssh/sftp-server")
    assert sorted(said) == [
        "acceptenv",
        "kbdinteractiveauthentication",
        "printmotd",
        "subsystem",
        "usepam",
        "x11forwarding",
    ]


def test_includes_without_end() -> None:
    with pytest.raises(BaselineError) as caught:
        compose(tree("Include /etc/ssh/sshd_config"))
    assert str(caught.value) == "/etc/ssh/sshd_config: Include goes deeper than 16 files; this task changed nothing"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        pytest.param("/etc/ssh/*.conf", "/etc/ssh/a.conf", True, id="star"),
        pytest.param("/etc/*/a.conf", "/etc/ssh/a.conf", True, id="star for a folder"),
        pytest.param("/etc/*.conf", "/etc/ssh/a.conf", False, id="a star stays in its folder"),
        pytest.param("/etc/ssh/*", "/etc/ssh/.hidden", False, id="a leading dot is not met"),
        pytest.param("/etc/ssh/.*", "/etc/ssh/.hidden", True, id="but can be asked for"),
        pytest.param("/etc/ssh/[ab].conf", "/etc/ssh/b.conf", True, id="a class"),
    ],
)
def test_glob_matches(pattern: str, path: str, expected: bool) -> None:
    assert glob_matches(pattern, path) is expected


def test_staged_points_every_include_below_the_root_and_keeps_the_lines() -> None:
    files = tree(
        "# x\nInclude sshd_config.d/*.conf /etc/other.conf\nMatch User joe\n  include=/etc/x\n", a="Port 22\nPort 23"
    )
    assert staged_files(files, "/tmp/s", without={("/etc/ssh/sshd_config.d/a.conf", 1)}) == {
        "/tmp/s/etc/ssh/sshd_config": "# x\nInclude /tmp/s/etc/ssh/sshd_config.d/*.conf /tmp/s/etc/other.conf\n"
        "Match User joe\nInclude /tmp/s/etc/x\n",
        "/tmp/s/etc/ssh/sshd_config.d/a.conf": "#\nPort 23",
    }


def test_with_files() -> None:
    laid = tree("a", x="1", y="2").with_files({"/etc/ssh/sshd_config.d/x.conf": None, "/etc/new": "3"})
    assert laid.files == {MAIN: "a", "/etc/ssh/sshd_config.d/y.conf": "2", "/etc/new": "3"}
