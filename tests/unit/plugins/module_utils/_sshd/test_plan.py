from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import (
    FilesPlan,
    add_block,
    managed_files,
    plan_files,
    reads_dropin_first,
    remove_block,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "sshd"
WHERE = managed_files("/etc/ssh/sshd_config", "00-pyhost-baseline.conf")
STOCK = {name: (FIXTURES / f"sshd_config-{name}").read_text() for name in ("debian12", "debian13")}
# The place of the Include is what counts here: FreeBSD and older systems have none.
OTHERS = {
    "no include": "#Port 22\nSubsystem sftp /usr/libexec/sftp-server\n",
    "include last": "Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\n",
    "include of something else": "Include /etc/crypto-policies/back-ends/opensshserver.config\nPort 22\n",
    "no newline at the end": "Port 22",
    "empty": "",
}


def decide(main: str, desired: str | None, dropin: str | None = None, beside: str | None = None) -> FilesPlan:
    return plan_files(WHERE, {WHERE.main: main, WHERE.dropin: dropin, WHERE.beside: beside}, desired)


def again(first: FilesPlan, desired: str | None) -> FilesPlan:
    return plan_files(WHERE, first.after, desired)


@pytest.mark.parametrize("name", STOCK)
def test_stock_files_of_debian_take_the_drop_in(name: str) -> None:
    decided = decide(STOCK[name], "Port 22\n")
    assert (decided.path, decided.changes) == (WHERE.dropin, {WHERE.dropin: "Port 22\n"})


@pytest.mark.parametrize("name", OTHERS)
def test_others_include_a_file_of_ours_first(name: str) -> None:
    decided = decide(OTHERS[name], "Port 22\n")
    assert decided.path == WHERE.beside
    assert decided.changes == {WHERE.main: add_block(OTHERS[name], WHERE.beside), WHERE.beside: "Port 22\n"}
    assert decided.after[WHERE.main] == (
        "# BEGIN pyhost.baseline.sshd_config: the first value wins, so this block comes before all other lines\n"
        "Include /etc/ssh/00-pyhost-baseline.conf\n"
        "# END pyhost.baseline.sshd_config\n" + OTHERS[name]
    )


@pytest.mark.parametrize("main", [*STOCK.values(), *OTHERS.values()])
@pytest.mark.parametrize("desired", ["Port 22\n", None])
def test_a_second_plan_changes_nothing(main: str, desired: str | None) -> None:
    assert again(decide(main, desired), desired).changes == {}


@pytest.mark.parametrize("main", [*STOCK.values(), *OTHERS.values()])
def test_the_main_file_comes_back_byte_for_byte(main: str) -> None:
    reverted = again(decide(main, "Port 22\n"), None)
    assert reverted.after == {WHERE.main: main, WHERE.dropin: None, WHERE.beside: None}


@pytest.mark.parametrize("main", [*STOCK.values(), *OTHERS.values()])
def test_the_block_is_there_once(main: str) -> None:
    once = add_block(main, WHERE.beside)
    assert add_block(once, WHERE.beside) == once
    assert remove_block(once) == main


def test_the_drop_in_is_taken_as_soon_as_it_comes_first() -> None:
    before = decide(OTHERS["include last"], "Port 22\n")
    moved = {**before.after, WHERE.main: add_block(STOCK["debian12"], WHERE.beside)}
    decided = plan_files(WHERE, moved, "Port 22\n")
    assert decided.changes == {WHERE.main: STOCK["debian12"], WHERE.dropin: "Port 22\n", WHERE.beside: None}


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        pytest.param("include sshd_config.d/*.conf\n", True, id="relative"),
        pytest.param("Include=/etc/ssh/sshd_config.d/*\n", True, id="another pattern"),
        pytest.param("Include /etc/ssh/a.conf /etc/ssh/sshd_config.d/*.conf\n", True, id="the second of two"),
        pytest.param("Include /etc/ssh/sshd_config.d/5*.conf\n", False, id="a pattern that does not fit"),
        pytest.param("Include /etc/ssh/*\n", False, id="a star stays in its folder"),
    ],
)
def test_includes_first(main: str, expected: bool) -> None:
    assert reads_dropin_first(main, WHERE) is expected


def test_a_missing_main_file() -> None:
    with pytest.raises(BaselineError) as caught:
        plan_files(WHERE, {WHERE.main: None, WHERE.dropin: None, WHERE.beside: None}, "x")
    assert str(caught.value) == (
        "path: /etc/ssh/sshd_config: the file does not exist; this task changed nothing; install openssh-server, "
        "or give its path"
    )


@pytest.mark.parametrize("name", ["../x.conf", "x", ".x.conf", "a b.conf", "x.conf\n"])
def test_a_drop_in_with_a_bad_name(name: str) -> None:
    with pytest.raises(BaselineError) as caught:
        managed_files("/etc/ssh/sshd_config", name)
    assert (
        str(caught.value)
        == f"dropin: this must be a file name that ends in .conf, not {name!r}; this task changed nothing"
    )
