"""How a request becomes a plan on a Linux host; the files and ports of it are in test_plan.py and test_ports.py."""

from __future__ import annotations

import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import change_plan, port_holders
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.change_plan import plan_change, read_state
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import Sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import managed_files
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.port_holders import PortHolder
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import PROGRAM, Linux, listens, sshd_t, tables, tcp


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def test_the_files_are_read_once(linux: Linux) -> None:
    files = managed_files(linux.main, "00-pyhost-baseline.conf")
    sshd = Sshd(linux.host, PROGRAM, linux.main)  # type: ignore[arg-type]  # a stand-in
    state = read_state(linux.host, sshd, files)  # type: ignore[arg-type]  # a stand-in
    assert state.texts == {linux.main: linux.stock, files.dropin: None, files.beside: None}
    assert set(state.tree.files) == {linux.main}


def test_a_default_that_this_sshd_does_not_know_is_left_out_and_noted_in_the_file(linux: Linux) -> None:
    linux.settings = {"PasswordAuthentication": False, "PerSourcePenalties": "yes"}
    unknown = Expected(
        [PROGRAM, "-T", "-f", f"{linux.host.scratch()}/keywords"],
        rc=255,
        err="keywords: line 1: Bad configuration option: PerSourcePenalties\n",
    )
    request = linux.request("", reload=False, optional=frozenset({"persourcepenalties"}))
    done = linux.play(
        linux.version(),
        unknown,
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.asked(sshd_t()),
        request=request,
    )
    sentence = "PerSourcePenalties: this OpenSSH does not know the keyword"
    assert done["left_out"] == [sentence]
    text = Path(linux.dropin).read_text()
    assert f"# {sentence}\n" in text and "\nPerSourcePenalties" not in text


BAD = "{main}: line {line}: Bad configuration option: {name}\n"


def rejected(linux: Linux, name: str, line: int) -> Expected:
    root = linux.host.scratch()
    err = BAD.format(main=f"{root}{linux.dropin}", line=line, name=name)
    return linux.asked("", root=root, rc=255, err=err)


def test_an_unknown_keyword_does_not_hide_what_else_is_wrong(linux: Linux) -> None:
    linux.settings = {"PasswordAuthentication": False, "PerSourcePenalties": "yes"}
    other = f"{linux.root}/etc/ssh/sshd_config.d/00-0.conf"
    Path(other).write_text("PasswordAuthentication yes\n")
    keywords = f"{linux.host.scratch()}/keywords"
    unknown = Expected(
        [PROGRAM, "-T", "-f", keywords], rc=255, err=BAD.format(main=keywords, line=2, name="PerSourcePenalties")
    )
    error = linux.fail(
        linux.version(),
        rejected(linux, "PerSourcePenalties", 3),
        unknown,
        # Without it.
        linux.staged(sshd_t(password="yes")),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        request=linux.request("", optional=frozenset()),
    )
    first, second = error.problem.split("; ")[:2]
    assert first.startswith("sshd rejects the configuration: ")
    assert "Bad configuration option: PerSourcePenalties" in first
    assert second.startswith("not in effect: PasswordAuthentication is yes (requested: no)")
    assert linux.host.written == []


def test_what_sshd_rejects_twice_is_reported_at_once(linux: Linux) -> None:
    linux.settings = {"PasswordAuthentication": False, "PerSourcePenalties": "yes"}
    keywords = f"{linux.host.scratch()}/keywords"
    unknown = Expected(
        [PROGRAM, "-T", "-f", keywords], rc=255, err=BAD.format(main=keywords, line=2, name="PerSourcePenalties")
    )
    block = rejected(linux, "RefuseConnection", 6)
    error = linux.fail(linux.version(), rejected(linux, "PerSourcePenalties", 3), unknown, block)
    assert [name for name in ("PerSourcePenalties", "RefuseConnection") if name in error.problem] == [
        "PerSourcePenalties",
        "RefuseConnection",
    ]


def test_an_unknown_keyword_of_another_file_is_an_error_alone(linux: Linux) -> None:
    known = Expected([PROGRAM, "-T", "-f", f"{linux.host.scratch()}/keywords"])
    error = linux.fail(linux.version(), rejected(linux, "Frobnicate", 3), known)
    assert "Bad configuration option: Frobnicate" in error.problem


def test_an_empty_request_removes_the_file(linux: Linux) -> None:
    Path(linux.dropin).write_text("PasswordAuthentication no\n")
    linux.settle()
    linux.settings = {}
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t()),
        linux.reloaded(),
        linux.asked(sshd_t()),
        request=linux.request(""),
    )
    assert done["changed"] and not Path(linux.dropin).exists()


def test_a_port_of_another_file_is_not_added_to_the_desired_one(linux: Linux) -> None:
    """By sshd_config(5) every Port counts, unless the addresses name theirs."""
    other = f"{linux.root}/etc/ssh/sshd_config.d/50-site.conf"
    Path(other).write_text("Port 22\n")
    linux.settings = {"Port": 2222}
    linux.host.check_mode = True
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t(2222)),
        linux.staged(sshd_t(2222)),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(22)),
        request=linux.request(""),
    )
    added = [line for line in done["diff"][0]["after"].splitlines() if line.startswith("ListenAddress")]
    assert added == ["ListenAddress 0.0.0.0:2222", "ListenAddress [::]:2222"]


def test_a_host_without_the_main_file_is_an_error(linux: Linux) -> None:
    Path(linux.main).unlink()
    error = linux.fail(linux.version())
    assert (error.where, error.problem) == (linux.main, "the file does not exist")


def squatted(linux: Linux, port: int) -> None:
    linux.monkeypatch.setattr(port_holders, "_can_bind", lambda _address, found: found != port)
    linux.host.files.update(tables(tcp(22), tcp(port, inode=7, uid=1001), wide=[tcp(22, wide=True)]))


def test_sshd_that_can_neither_move_nor_stay(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    linux.settings = {"Port": 2222}
    holder = PortHolder(2222, "0.0.0.0", 7, 1001, "mallory")
    monkeypatch.setattr(change_plan, "blocking_holders", lambda *_arguments: [holder])
    commands = [linux.units(), linux.start(), linux.asked(sshd_t(22))]
    error = linux.fail(
        linux.version(),
        linux.staged(sshd_t(2222)),
        *commands,
        linux.staged(sshd_t(22)),
        *[replace(one) for one in commands],
    )
    assert str(error) == (
        "sshd can neither move nor stay: port 2222 is held by process 7 of mallory (uid 1001) on 0.0.0.0; this task "
        "changed nothing; end that process"
    )


def test_a_service_on_the_desired_port_is_an_error(linux: Linux) -> None:
    linux.settings = {"Port": 80}
    squatted(linux, 80)
    error = linux.fail(linux.version(), linux.staged(sshd_t(80)), linux.units(), linux.start(), linux.asked(sshd_t(22)))
    assert error.problem.startswith("sshd cannot listen on the desired port: port 80 is held by")
    assert linux.is_unchanged()


def test_without_reload_nobody_is_in_the_way(linux: Linux) -> None:
    linux.settings = {"Port": 80}
    squatted(linux, 80)
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t(80)),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(22)),
        linux.asked(sshd_t(80)),
        request=linux.request("", reload=False),
    )
    assert done["port_held_by"] == [] and done["ports"] == [80]


def test_a_masked_service_stops_the_change(linux: Linux) -> None:
    masked = linux.units(file="masked")
    masked.out = masked.out.replace("LoadState=loaded", "LoadState=masked")
    error = linux.fail(
        linux.version(), linux.staged(sshd_t()), masked, linux.start(), linux.asked(sshd_t(password="yes"))
    )
    assert "is masked" in error.problem and "unmask" in error.hint
    assert linux.is_unchanged()


def test_the_holders_that_made_sshd_stay_are_in_the_plan(linux: Linux) -> None:
    holder = PortHolder(2222, "0.0.0.0", 7, 1001, "mallory")
    linux.host.files.update(listens(22))
    linux.host.commands = [
        linux.version(),
        linux.staged(sshd_t()),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
    ]
    sshd = Sshd(linux.host, PROGRAM, linux.main)  # type: ignore[arg-type]  # a stand-in
    files = managed_files(linux.main, "00-pyhost-baseline.conf")
    plan = plan_change(linux.host, sshd, files, linux.request(), holders=[holder])  # type: ignore[arg-type]  # a stand-in
    assert plan.holders == (holder,) and plan.is_pending


@pytest.mark.parametrize(
    ("changes", "crypto", "is_pending"),
    [({}, False, False), ({"/x": None}, False, True), ({}, True, True), ({"/x": ""}, True, True)],
    ids=["nothing", "a file", "host keys or moduli", "both"],
)
def test_a_plan_is_pending(changes: dict[str, str | None], crypto: bool, is_pending: bool) -> None:
    plan: t.Any = types.SimpleNamespace(
        written=types.SimpleNamespace(changes=changes), crypto=types.SimpleNamespace(changes=crypto)
    )
    found = t.cast(t.Any, change_plan.ChangePlan.is_pending).fget(plan)
    assert found is is_pending


def test_without_reload_a_masked_service_is_not_this_tasks(linux: Linux) -> None:
    masked = linux.units(file="masked")
    masked.out = masked.out.replace("LoadState=loaded", "LoadState=masked")
    done = linux.play(
        linux.version(),
        linux.staged(sshd_t()),
        masked,
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.asked(sshd_t()),
        request=linux.request("", reload=False),
    )
    assert done["changed"] and not done["reloaded"]


def test_a_default_that_this_sshd_knows_stays(linux: Linux) -> None:
    """Only what the request names as optional is asked about, and what sshd takes is not left out."""
    linux.settings = {"PasswordAuthentication": False, "MaxSessions": 4}
    linux.host.check_mode = True
    known = Expected([PROGRAM, "-T", "-f", f"{linux.host.scratch()}/keywords"])
    done = linux.play(
        linux.version(),
        known,
        linux.staged(f"{sshd_t()}maxsessions 4\n"),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        request=linux.request("", optional=frozenset({"maxsessions"})),
    )
    assert done["left_out"] == []
    assert "\nMaxSessions 4\n" in done["diff"][0]["after"]
    assert linux.host.laid_out[f"{linux.host.scratch()}/keywords"].splitlines() == ["MaxSessions 4"]


LISTENS = frozenset({("192.0.2.1", 2022)})


@pytest.mark.parametrize("present", [LISTENS, frozenset()], ids=["the kernel says where", "nobody knows where"])
def test_sshd_stays_where_it_listens(monkeypatch: pytest.MonkeyPatch, linux: Linux, present: t.Any) -> None:
    """Where it listens counts, not what its files say; these count where the kernel does not say it."""
    holder = PortHolder(2222, "0.0.0.0", 7, 1001, "mallory")
    held = [[holder], []]
    monkeypatch.setattr(change_plan, "present_listens", lambda *_arguments: present)
    monkeypatch.setattr(change_plan, "blocking_holders", lambda *_arguments: held.pop(0))
    linux.settings = {"Port": 2222, "PasswordAuthentication": False}
    plain = "port 2022\nlistenaddress 192.0.2.1:2022\n" if present else ""
    stays = sshd_t(22) if not present else plain + sshd_t(2022).split("\n", 3)[3]
    linux.host.commands = [
        linux.version(),
        linux.staged(sshd_t(2222)),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(22, password="yes")),
        linux.staged(stays),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(22, password="yes")),
    ]
    sshd = Sshd(linux.host, PROGRAM, linux.main)  # type: ignore[arg-type]  # a stand-in
    files = managed_files(linux.main, "00-pyhost-baseline.conf")
    plan = plan_change(linux.host, sshd, files, linux.request())  # type: ignore[arg-type]  # a stand-in
    linux.host.done()
    assert plan.holders == (holder,)
    settings = plan.request.desired.settings
    assert settings["Port"] == (("2022",) if present else ("22",))
    assert settings.get("ListenAddress") == (("192.0.2.1:2022",) if present else None)
    assert settings["PasswordAuthentication"] == ("no",)
