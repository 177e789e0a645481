from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.comparison import (
    differences,
    not_in_effect,
    requested_keywords,
    shadowed_directives,
    unused_ports,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import (
    Effective,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import NEWEST, Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree, compose

OWN = ("/etc/ssh/sshd_config.d/00-pyhost-baseline.conf",)
ROOT = Connection("root", address="192.0.2.7")
FILES = Tree(
    "/etc/ssh/sshd_config",
    {
        "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\nAcceptEnv LANG\nPort 22\n"
        "Subsystem sftp /usr/lib/sftp\nMatch User backup\nPasswordAuthentication yes\n",
        "/etc/ssh/sshd_config.d/00-0.conf": "MaxAuthTries 3\n",
        OWN[0]: "not read here: the desired settings replace it\n",
        "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
    },
)
DIRECTIVES = compose(FILES.with_files({OWN[0]: "PasswordAuthentication no\nMaxAuthTries 6\n"}))


def test_a_directive_that_wins_is_named() -> None:
    desired = build_settings({"MaxAuthTries": 6})
    expected: Effective = {"maxauthtries": ("6",)}
    actual: Effective = {"maxauthtries": ("3",)}
    (found,) = differences(DIRECTIVES, desired, OWN, [(ROOT, expected, actual)])
    assert str(found) == (
        "MaxAuthTries is 3 (requested: 6) for user=root,host=192.0.2.7,addr=192.0.2.7 "
        "because of /etc/ssh/sshd_config.d/00-0.conf:1"
    )


def test_a_port_that_adds_up_is_named() -> None:
    desired = build_settings({"Port": 2222})
    want: Effective = {"port": ("2222",), "listenaddress": ("192.0.2.1:2222",)}
    have: Effective = {"port": ("2222", "22"), "listenaddress": ("192.0.2.1:2222", "192.0.2.1:22")}
    (found,) = differences(DIRECTIVES, desired, OWN, [(ROOT, want, have)])
    assert str(found).endswith("because of /etc/ssh/sshd_config:4")


def test_a_later_directive_that_wins_is_named() -> None:
    """Seen on OpenSSH 9.2 and 10.0: of MaxStartups the last one wins."""
    files = FILES.with_files({OWN[0]: "MaxStartups 5:30:60\n"})
    directives = compose(files.with_files({"/etc/ssh/sshd_config.d/50-cloud-init.conf": "MaxStartups 10:20:40\n"}))
    reported: Effective = {"maxstartups": ("10:20:40",)}
    desired = build_settings({"MaxStartups": "5:30:60"})
    (found,) = differences(directives, desired, OWN, [(ROOT, {"maxstartups": ("5:30:60",)}, reported)])
    assert str(found).endswith("because of /etc/ssh/sshd_config.d/50-cloud-init.conf:1")


@pytest.mark.parametrize(
    ("keyword", "value", "other", "release", "hint"),
    [
        pytest.param(
            "MaxAuthTries",
            "6",
            "3",
            NEWEST,
            "remove {it}, or move it to a file that sorts later",
            id="the first wins",
        ),
        pytest.param(
            "MaxStartups",
            "5:30:60",
            "10:20:40",
            Release(10, 0),
            "remove {it}: this OpenSSH takes the last MaxStartups, so it cannot be overridden from a file that is read "
            "earlier",
            id="the last wins",
        ),
        pytest.param(
            "MaxStartups",
            "5:30:60",
            "10:20:40",
            Release(10, 1),
            "remove {it}, or move it to a file that sorts later",
            id="since 10.1 the first wins",
        ),
        pytest.param(
            "DenyUsers", "a", "b", NEWEST, "remove {it}: all lines of DenyUsers add up", id="both are in force"
        ),
    ],
)
def test_the_hint(keyword: str, value: str, other: str, release: Release, hint: str) -> None:
    """sshd's answer shows the other file's value; seen on OpenSSH 9.2 and 10.6 with MaxStartups."""
    name = "99-x" if release == Release(10, 0) else "00-0"
    path = f"/etc/ssh/sshd_config.d/{name}.conf"
    files = Tree(FILES.main, {FILES.main: FILES.files[FILES.main], OWN[0]: f"{keyword} {value}\n"})
    directives = compose(files.with_files({path: f"{keyword} {other}\n"}))
    reported = (value, other) if keyword == "DenyUsers" else (other,)
    answers: list[tuple[Connection, Effective, Effective]] = [
        (ROOT, {keyword.lower(): (value,)}, {keyword.lower(): reported})
    ]
    error = not_in_effect(differences(directives, build_settings({keyword: value}), OWN, answers, release))
    assert error.problem.startswith(f"not in effect: {keyword} is ")
    assert error.hint == hint.format(it=f"{path}:1")
    assert error.state is None, "the caller knows whether something was changed"
    assert error.details == {"culprits": [f"{path}:1"]}


def test_several_settings_and_their_hints() -> None:
    path = "/etc/ssh/sshd_config.d/00-0.conf"
    directives = compose(FILES.with_files({path: "MaxAuthTries 3\n\nMaxSessions 8\n"}))
    desired = build_settings({"MaxAuthTries": 6, "MaxSessions": 4})
    expected: Effective = {"maxauthtries": ("6",), "maxsessions": ("4",)}
    actual: Effective = {"maxauthtries": ("3",), "maxsessions": ("8",)}
    error = not_in_effect(differences(directives, desired, OWN, [(ROOT, expected, actual)]))
    assert error.problem == (
        f"not in effect: MaxAuthTries is 3 (requested: 6) for {ROOT.specification()} because of {path}:1, and "
        f"MaxSessions is 8 (requested: 4) for {ROOT.specification()} because of {path}:3"
    )
    assert error.hint.split("; ") == [
        f"remove {path}:1, or move it to a file that sorts later",
        f"remove {path}:3, or move it to a file that sorts later",
    ]
    assert error.details == {"culprits": [f"{path}:1", f"{path}:3"]}


def test_a_difference_without_a_directive() -> None:
    """Such as a value that a patch of the distribution adds."""
    directives = compose(FILES)
    answers: list[tuple[Connection, Effective, Effective]] = [(ROOT, {"maxsessions": ("4",)}, {"maxsessions": ("9",)})]
    error = not_in_effect(differences(directives, build_settings({"MaxSessions": 4}), OWN, answers))
    assert error.problem.endswith("although no other directive takes precedence")
    assert error.hint == "see sshd_config(5) for what else decides it"
    assert error.details == {"culprits": []}


@pytest.mark.parametrize(
    ("settings", "expected", "actual"),
    [
        pytest.param({"AcceptEnv": "LC_*"}, {"acceptenv": ("LC_*",)}, {"acceptenv": ("LC_*", "LANG")}, id="AcceptEnv"),
        pytest.param({"Subsystem": "x y"}, {"subsystem": ("x y",)}, {"subsystem": ("sftp z", "x y")}, id="Subsystem"),
        pytest.param(
            {"AllowUsers": ["a", "b"]}, {"allowusers": ("a", "b")}, {"allowusers": ("b", "a")}, id="any order"
        ),
        pytest.param({"DebianBanner": "no"}, {}, {}, id="sshd does not print it and nobody else says it"),
    ],
)
def test_no_difference(settings: dict[str, t.Any], expected: Effective, actual: Effective) -> None:
    assert differences(DIRECTIVES, build_settings(settings), OWN, [(ROOT, expected, actual)]) == []


def test_a_port_has_no_effect_where_every_address_names_its_own() -> None:
    ours = {OWN[0]: "Port 2222\nListenAddress 0.0.0.0:2222\nListenAddress [::]:2222\n"}
    found = unused_ports(compose(FILES.with_files(ours)), {"listenaddress": ("0.0.0.0:2222", "[::]:2222")})
    assert [one.where for one in found] == ["/etc/ssh/sshd_config:4"]
    assert unused_ports(DIRECTIVES, {"listenaddress": ("0.0.0.0:22", "[::]:22")}) == []


def test_shadowed() -> None:
    desired = build_settings(
        {"PasswordAuthentication": False, "X11Forwarding": False, "AcceptEnv": "LC_*", "Subsystem": "sftp x"}
    )
    assert [
        (one["keyword"], one["value"], one["file"], one["line"])
        for one in shadowed_directives(DIRECTIVES, desired, OWN)
    ] == [
        ("PasswordAuthentication", "yes", "/etc/ssh/sshd_config.d/50-cloud-init.conf", 1),
        ("X11Forwarding", "yes", "/etc/ssh/sshd_config", 2),
        ("Subsystem", "sftp /usr/lib/sftp", "/etc/ssh/sshd_config", 5),
    ]


def test_requested_keywords_include_matching_blocks() -> None:
    desired = build_settings({"Port": 22}, [{"criteria": {"user": "joe"}, "settings": {"Banner": "none"}}])
    assert (requested_keywords(desired, ROOT), requested_keywords(desired, Connection("joe"))) == (
        ["port"],
        ["banner", "port"],
    )
