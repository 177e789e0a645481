"""What dnf 4.14 and dnf 5.4.6 said on the stand-ins, recorded, and what it means."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._packages import dnf
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import Simulation

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "packages"
DNF4, DNF5 = "recorded-dnf4.14.json", "recorded-dnf5.4.6.json"
LONG = "a-package-with-a-very-long-name-that-does-not-fit-the-column"
BOTH = pytest.mark.parametrize("fixture", [DNF4, DNF5])


@dataclass(frozen=True)
class Said:
    """What a recorded command said."""

    rc: int
    out: str
    err: str


def said(fixture: str, case: str) -> Said:
    found = json.loads((FIXTURES / fixture).read_text())[case]
    out, err = ("".join(line + "\n" for line in found[name]) for name in ("out", "err"))
    return Said(found["rc"], out, err)


@BOTH
@pytest.mark.parametrize(
    ("case", "simulation"),
    [
        pytest.param(
            "install",
            Simulation(
                {
                    "UpperCase": "1-1.el9",
                    "needs-long": "1-1.el9",
                    "tool-minimal": "1-1.el9",
                    "wants-weak": "1.0-1.el9",
                    LONG: "123.456.789-1.el9",
                    "lib-one": "1-1.el9",
                    "weak": "1.0-1.el9",
                },
                (),
            ),
            id="with dependencies, weak ones and a name wider than a line",
        ),
        pytest.param(
            "latest",
            Simulation({"advised": "2.0-1.el9", "plain": "2.0-1.el9", "lib-one": "1-1.el9"}, ()),
            id="upgrades",
        ),
        pytest.param("obsoletes", Simulation({"new-name": "2-1.el9"}, ("old-name",)), id="replaced by another name"),
        pytest.param("remove", Simulation({}, ("lib-one", "needs-long")), id="removed, with what depends on it"),
        pytest.param("nothing", Simulation({}, ()), id="nothing to do"),
    ],
)
def test_simulations(fixture: str, case: str, simulation: Simulation) -> None:
    found = said(fixture, case)

    assert dnf.is_plan(found.rc, found.out, found.err)
    assert dnf.parse_simulation(found.out, "x86_64") == simulation


def test_a_row_that_dnf_4_breaks_goes_on_in_the_next_line() -> None:
    table = (
        "Installing:\n a-name-that-is-much-too-long\n              i686   1:2.0-1.el9\n      repository   6.3 k\n"
        " other        x86_64 3-1.el9 repository 1 k\n\nTransaction Summary\n"
    )
    assert dnf.parse_simulation(table, "x86_64").installs == {
        "a-name-that-is-much-too-long.i686": "1:2.0-1.el9",
        "other": "3-1.el9",
    }


@BOTH
@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("missing", {"nonexistent": "", "/usr/bin/nofile": "", "perl(Nope)": ""}),
        ("excluded", {"weak": "excluded"}),
        ("install", {}),
        ("broken", {}),
    ],
)
def test_what_cannot_be_installed(fixture: str, case: str, names: dict[str, str]) -> None:
    found = said(fixture, case)
    assert dnf.parse_unavailable(found.out + found.err) == names


def test_a_module_stream_hides_a_package() -> None:
    text = "All matches were filtered out by modular filtering for argument: nodejs\n"
    assert dnf.parse_unavailable(text) == {"nodejs": "hidden by modular filtering"}


@BOTH
@pytest.mark.parametrize("case", ["broken", "conflict", "missing", "uncached", "full", "dead", "unsigned"])
def test_a_failure_is_no_plan(fixture: str, case: str) -> None:
    found = said(fixture, case)
    assert not dnf.is_plan(found.rc, found.out, found.err)


_DOWN = "Curl error (7): Could{} connect to server for http://127.0.0.1:9/x/repodata/repomd.xml"


@pytest.mark.parametrize(
    ("fixture", "case", "errors", "hint"),
    [
        pytest.param(
            DNF4,
            "broken",
            "Error:\n Problem: conflicting requests\n"
            "  - nothing provides nowhere-to-be-found needed by broken-1-1.el9.noarch",
            "enable the repository that has the missing package",
            id="4: a dependency is nowhere",
        ),
        pytest.param(
            DNF5,
            "broken",
            "Failed to resolve the transaction:\nProblem: conflicting requests\n"
            "  - nothing provides nowhere-to-be-found needed by broken-1-1.el9.noarch from t",
            "enable the repository that has the missing package",
            id="5: a dependency is nowhere",
        ),
        pytest.param(
            DNF5,
            "conflict",
            "Failed to resolve the transaction:\nProblem: problem with installed package\n"
            "  - installed package red-1-1.el9.noarch conflicts with blue provided by blue-1-1.el9.noarch from t\n"
            "  - package blue-1-1.el9.noarch from t conflicts with red provided by red-1-1.el9.noarch from t\n"
            "  - conflicting requests",
            "remove the conflicting packages first (state: absent) if you do not need them",
            id="5: conflict",
        ),
        pytest.param(
            DNF4,
            "unsigned",
            "Package webd-1-1.el9.noarch.rpm is not signed\nError: GPG check FAILED",
            "name the signer's key in the repository's gpgkey or import it with 'rpm --import'; a package whose "
            "signature cannot be checked is not installed",
            id="4: signature",
        ),
        pytest.param(
            DNF4,
            "full",
            "Error: Transaction test error:\n"
            "  installing package big-1-1.el9.noarch needs 5MB more space on the /usr/share/t-big filesystem\n"
            "Disk Requirements:\n   At least 5MB more space needed on the /usr/share/t-big filesystem",
            "free space on that file system",
            id="4: full",
        ),
        pytest.param(
            DNF5,
            "full",
            "Transaction failed: Rpm transaction failed.\n"
            "  - installing package big-1-1.el9.noarch needs 5MB more space on the /usr/share/t-big filesystem",
            "free space on that file system",
            id="5: full",
        ),
        pytest.param(
            DNF4,
            "dead",
            "Errors during downloading metadata for repository 'dead':\n"
            f"  - {_DOWN.format('''n't''')} [Failed to connect to 127.0.0.1 port 9 after 0 ms: "
            "Couldn't connect to server]\n"
            "Error: Failed to download metadata for repo 'dead': Cannot download repomd.xml: Cannot download "
            "repodata/repomd.xml: All mirrors were tried",
            "check that repository's address and the host's network, or disable the repository",
            id="4: mirror",
        ),
    ],
)
def test_errors_and_hints(fixture: str, case: str, errors: str, hint: str) -> None:
    found = said(fixture, case)
    assert dnf.error_lines(found.out, found.err) == errors
    assert dnf.find_hint(errors) == hint


@BOTH
@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("unsigned", "signature"),
        ("nokey", "signature"),
        ("full", "free space"),
        ("dead", "address"),
        ("conflict", "absent"),
        ("broken", "enable"),
    ],
)
def test_each_error_has_a_hint_in_both_generations(fixture: str, case: str, word: str) -> None:
    found = said(fixture, case)
    assert word in dnf.find_hint(dnf.error_lines(found.out, found.err))


@pytest.mark.parametrize(
    ("fixture", "unread"),
    [(DNF4, f"dead ({_DOWN.format('''n't''')})"), (DNF5, f"Dead ({_DOWN.format(' not')})")],
)
def test_a_repository_that_dnf_went_on_without(fixture: str, unread: str) -> None:
    found = said(fixture, "ignored")
    assert dnf.unreadable_repositories(found.out + found.err) == unread


@BOTH
@pytest.mark.parametrize("case", ["install", "latest", "missing", "badpost"])
def test_no_repository_is_said_to_be_unread_where_all_were(fixture: str, case: str) -> None:
    found = said(fixture, case)
    assert dnf.unreadable_repositories(found.out + found.err) == ""


@BOTH
def test_a_script_that_failed(fixture: str) -> None:
    found = said(fixture, "badpost")
    assert dnf.failed_scriptlets(found.out + found.err) == ["badpost-1-1.el9.noarch"]


@BOTH
def test_an_index_that_is_not_there(fixture: str) -> None:
    assert dnf.is_uncached(said(fixture, "uncached").err)
    assert not dnf.is_uncached(said(fixture, "missing").err)


def test_dnf_4_says_that_it_is_locked() -> None:
    assert dnf.is_locked(said(DNF4, "locked").err)
    assert not dnf.is_locked(said(DNF4, "missing").err)


@pytest.mark.parametrize(
    ("generation", "options", "command"),
    [
        pytest.param(
            4,
            {"expire": 86400},
            "dnf -y --setopt=strict=1 --setopt=exit_on_lock=1 --setopt=install_weak_deps=0 "
            "--setopt=*.metadata_expire=86400 install git",
            id="4",
        ),
        pytest.param(
            5,
            {"expire": -1, "recommends": True},
            "dnf -y --setopt=skip_unavailable=0 --setopt=skip_broken=0 --setopt=install_weak_deps=1 "
            "--setopt=*.metadata_expire=-1 install git",
            id="5, with recommended ones and the index that is there",
        ),
        pytest.param(
            4,
            {"latest": True, "expire": 1},
            "dnf -y --setopt=strict=1 --setopt=exit_on_lock=1 --setopt=install_weak_deps=0 --setopt=best=1 "
            "--setopt=*.metadata_expire=1 install git",
            id="4, the latest version",
        ),
    ],
)
def test_commands(generation: int, options: dict[str, t.Any], command: str) -> None:
    assert " ".join(dnf.DnfCommand(generation, "install", ("git",), **options).transaction()) == command


def test_a_simulation_reads_the_index_that_is_on_the_host() -> None:
    simulation = "dnf -C --assumeno --setopt=skip_unavailable=0 --setopt=skip_broken=0 --setopt=install_weak_deps=0 "
    command = dnf.DnfCommand(5, "install", ("git",), latest=True)
    assert " ".join(command.simulation()) == simulation + "--setopt=best=1 install git"
    assert " ".join(command.simulation(whole=True)) == (
        simulation + "--setopt=best=1 --setopt=*.skip_if_unavailable=0 install git"
    )


def test_a_refresh_updates_the_index_first() -> None:
    command = dnf.DnfCommand(4, "install", ("git",), expire=60)
    assert command.transaction(refresh=True)[-4:] == ["--setopt=*.metadata_expire=60", "--refresh", "install", "git"]
    assert command.of(["vim"]).transaction() == [*command.transaction()[:-1], "vim"]


def test_a_removal_leaves_what_others_brought() -> None:
    assert dnf.DnfCommand(4, "remove", ("git",)).transaction() == [
        "dnf",
        "-y",
        "--setopt=clean_requirements_on_remove=0",
        "remove",
        "git",
    ]


@given(st.text())
def test_no_text_raises(text: str) -> None:
    dnf.parse_simulation(text, "x86_64")
    dnf.parse_unavailable(text)
    dnf.error_lines(text, text)
    dnf.unreadable_repositories(text)
