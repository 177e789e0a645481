"""A change of sshd on Linux, command by command: the order of what keeps the admin in, and what a failure leaves."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths, parse_record
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import change
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import SOCKET_FILE, WHO, Linux, acts, listens, sshd_t, tables, tcp

# When the daemon last read its files, until the next boot.
LOADED = "/run/pyhost.baseline/sshd.56.loaded"


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    return Linux(tmp_path, monkeypatch)


def planned(linux: Linux, then: str = sshd_t(), now: str = sshd_t(password="yes")) -> list[Expected]:
    """What a run asks before it changes anything."""
    return [linux.version(), linux.staged(then), linux.units(), linux.start(), linux.asked(now)]


def first_run(linux: Linux) -> None:
    linux.play(*planned(linux), linux.armed(), linux.reloaded(), linux.asked(sshd_t()))
    # The controller confirms.
    linux._remove_rollback()
    linux.settle()


def test_a_first_run_arms_the_rollback_before_the_first_write(linux: Linux) -> None:
    done = linux.play(*planned(linux), linux.armed(), linux.reloaded(), linux.asked(sshd_t()))
    # What is done to the host, in its order, after all questions.
    journal = linux.host.journal
    assert [line.partition(" --")[0] for line in journal[5:]] == [
        "sync /state/base",
        "sync /state",
        "write /state/base/rollback-sshd/rollback",
        "write /state/base/rollback-sshd/armed",
        "write /units/pyhost-rollback-sshd-boot.service",
        "sync /units/sysinit.target.wants",
        "systemd-run",
        "write /etc/ssh/sshd_config.d/00-pyhost-baseline.conf",
        "systemctl reload",
        f"write {LOADED}",
        f"/usr/bin/sshd -T -f /etc/ssh/sshd_config -C {WHO}",
        "ask for the banner of [22]",
    ]
    assert Path(linux.dropin).read_text().endswith("\nPasswordAuthentication no\n")
    assert os.stat(linux.dropin).st_mode & 0o777 == 0o600
    assert (done["changed"], done["reloaded"], done["path"], done["ports"]) == (True, True, linux.dropin, [22])
    assert done["effective"] == {WHO: {"passwordauthentication": "no"}}
    token = Path(linux.paths.armed).read_text().splitlines()[0]
    assert done["confirmation"]["armed"] == {
        "seconds": 45,
        "boot": "systemd",
        "base": linux.paths.base,
        "token": token,
        "topic": "sshd",
    }
    assert [entry["before_header"] for entry in done["diff"]] == [linux.dropin]
    # It stays armed until the controller confirms.
    script = Path(linux.paths.script).read_text()
    assert f"    remove {linux.dropin}\n" in script and "systemctl restart ssh.service" in script


def test_a_second_run_changes_nothing_and_asks_four_questions(linux: Linux) -> None:
    first_run(linux)
    done = linux.play(linux.version(), linux.asked(sshd_t()), linux.units(), linux.start())
    assert not done["changed"] and not done["reloaded"] and done["diff"] == []
    assert len(linux.host.journal) == 4
    assert linux.host.written == []
    assert done["confirmation"]["armed"] is None


def test_a_plan_of_no_change_does_not_judge_the_connections_user(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard asks for the user's groups, keys and sudo rules: over SSH, each run would pay for that."""
    first_run(linux)
    linux.host.programs = ["sshd", "sudo", "getent"]
    done = linux.play(
        linux.version(), linux.asked(sshd_t()), linux.units(), linux.start(), request=linux.request("plan")
    )
    assert not done["changed"]
    assert len(linux.host.journal) == 4


@pytest.mark.parametrize("check_mode", [False, True], ids=["plan", "check mode"])
def test_neither_a_plan_nor_check_mode_writes(linux: Linux, check_mode: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[t.Any] = []
    monkeypatch.setattr(f"{change.__package__}.confirm.guard", lambda *given, **_become: judged.append(given[-1]))
    linux.host.check_mode = check_mode
    more = [] if check_mode else [linux.asked(sshd_t(password="yes"))]
    request = linux.request("" if check_mode else "plan")
    done = linux.play(*planned(linux), *more, request=request)
    assert done["changed"] and not done["reloaded"]
    assert linux.host.written == [] and linux.is_unchanged()
    # In check mode no login follows.
    assert judged == ([] if check_mode else [["root"]])


def test_without_a_confirmation_no_rollback_is_armed(linux: Linux) -> None:
    done = linux.play(*planned(linux), linux.reloaded(), linux.asked(sshd_t()), request=linux.request(""))
    assert done["changed"] and done["confirmation"]["armed"] is None
    assert not Path(linux.paths.folder).exists()


def test_a_daemon_that_is_older_than_its_files_is_reloaded_without_a_rollback(linux: Linux) -> None:
    first_run(linux)
    linux.host.mtimes[linux.dropin] = 3500
    done = linux.play(
        linux.version(),
        linux.asked(sshd_t()),
        linux.units(),
        linux.start(),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.asked(sshd_t()),
    )
    assert done["changed"] and done["reloaded"] and set(linux.host.written) == {LOADED}
    assert done["diff"] == [
        {
            "before_header": "ssh.service",
            "after_header": "ssh.service",
            "before": "runs with an older configuration\n",
            "after": "runs with the files\n",
        }
    ]


def test_without_reload_the_daemon_is_left_alone(linux: Linux) -> None:
    request = linux.request("", reload=False)
    done = linux.play(*planned(linux), linux.asked(sshd_t()), request=request)
    assert done["changed"] and not done["reloaded"]
    assert not [line for line in linux.host.journal if "reload" in line or "banner" in line]


def test_an_sshd_that_answers_otherwise_after_the_change_is_put_back(linux: Linux) -> None:
    error = linux.fail(
        *planned(linux),
        linux.armed(),
        linux.reloaded(),
        linux.asked(sshd_t(password="yes")),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
    )
    assert str(error) == (
        f"not in effect: PasswordAuthentication is yes (requested: no) for {WHO} although no other directive takes "
        "precedence; the files are as they were before and sshd answers with them; see sshd_config(5) for what else "
        "decides it"
    )
    assert linux.is_unchanged()
    tail = linux.host.journal[-5:]
    assert tail[0].startswith("remove /etc/ssh/sshd_config.d/00-")
    assert tail[1:] == [
        "systemctl reload -- ssh.service",
        f"write {LOADED}",
        "ask for the banner of [22]",
        "/bin/sh /state/base/rollback-sshd/rollback discard",
    ]


def test_an_sshd_that_rejects_the_files_after_the_change_is_put_back(linux: Linux) -> None:
    error = linux.fail(
        *planned(linux),
        linux.armed(),
        linux.reloaded(),
        linux.asked("", rc=255, err="x line 1: Bad configuration option: Prt\n"),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
    )
    assert error.problem.startswith("sshd rejects the configuration: ")
    assert error.state == "the files are as they were before and sshd answers with them"
    assert linux.is_unchanged()


def test_a_reload_that_fails_is_reported_with_the_journal(linux: Linux) -> None:
    log = acts_journal("error: Bad file descriptor\n")
    error = linux.fail(
        *planned(linux),
        linux.armed(),
        linux.reloaded(rc=1, err="Job for ssh.service failed.\n", touches={}),
        log,
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
    )
    assert error.problem == "systemctl reload ssh.service failed: Job for ssh.service failed. (rc=1)"
    assert error.state == "the files are as they were before and sshd answers with them"
    assert error.hint == "see the journal of the unit, which ends with:\nerror: Bad file descriptor"
    assert linux.is_unchanged()


def acts_journal(out: str) -> Expected:
    words = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "15", "--unit", "ssh.service"]
    return Expected(words, out=out)


def test_an_sshd_that_stays_silent_is_restarted_with_the_old_files(linux: Linux) -> None:
    silent = ["0.0.0.0 port 22: Connection refused"]
    linux.unanswered = [silent, silent, silent]
    error = linux.fail(
        *planned(linux),
        linux.armed(),
        linux.reloaded(),
        linux.asked(sshd_t()),
        acts_journal("fatal: Cannot bind any address.\n"),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        acts("reset-failed", "--", "ssh.service"),
        acts("restart", "--", "ssh.service"),
    )
    assert str(error) == (
        "sshd does not answer on 0.0.0.0 port 22: Connection refused; the files are as they were before, but sshd does "
        "not answer, and the host rolls the change back by itself within 45 seconds; look at the host at once; see the "
        "journal, which ends with: fatal: Cannot bind any address."
    )
    # The rollback can do more than this run: it stays armed.
    assert os.path.exists(linux.paths.armed)


def test_without_reload_a_failure_says_nothing_of_the_daemon(linux: Linux) -> None:
    error = linux.fail(*planned(linux), linux.asked(sshd_t(password="yes")), request=linux.request("", reload=False))
    assert error.state == "the files are as they were before"
    assert linux.is_unchanged()


def test_a_rollback_that_started_meanwhile_stops_the_run(linux: Linux) -> None:
    def start_rollback() -> None:
        os.rename(linux.paths.armed, linux.paths.started)

    error = linux.fail(
        *planned(linux),
        linux.armed(effect=start_rollback),
        linux.reloaded(),
        linux.discarded(),
    )
    assert error.problem == (
        "the change took longer than the 45 seconds of confirm_timeout, so the host started to roll it back"
    )
    assert (error.state, error.hint) == (
        "the files are as they were before and sshd answers with them",
        "give it more time",
    )
    # It stopped before its first write.
    assert not [line for line in linux.host.journal if line.startswith("write /etc")]
    assert linux.is_unchanged()


def test_a_rollback_that_starts_during_the_reload_stops_the_run_too(linux: Linux) -> None:
    def start_rollback() -> None:
        os.rename(linux.paths.armed, linux.paths.started)

    error = linux.fail(
        *planned(linux),
        linux.armed(),
        linux.reloaded(effect=start_rollback),
        linux.asked(sshd_t()),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
    )
    assert error.problem.endswith("so the host started to roll it back")
    assert linux.is_unchanged()


def test_a_rollback_that_cannot_be_armed_stops_the_change(linux: Linux) -> None:
    stop = acts("stop", "pyhost-rollback-sshd.timer")
    error = linux.fail(*planned(linux), linux.armed(rc=1), stop)
    assert error.problem.startswith("the rollback of the change cannot be armed")
    assert error.state is None
    assert linux.is_unchanged()
    assert not [line for line in linux.host.journal if line.startswith("write /etc")]


def test_a_file_that_cannot_be_written_leaves_the_others(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    write = linux.host.write

    def full(path: str, text: str, *, mode: int = 0o644) -> None:
        if path == linux.dropin:
            raise OSError(28, "No space left on device")
        write(path, text, mode=mode)

    monkeypatch.setattr(linux.host, "write", full)
    error = linux.fail(*planned(linux), linux.armed(), linux.reloaded(), linux.discarded())
    assert (error.problem, error.state) == (
        "[Errno 28] No space left on device",
        "the files are as they were before and sshd answers with them",
    )
    # What was not written is not removed either.
    assert not [line for line in linux.host.journal if line.startswith("remove /etc")]
    assert linux.is_unchanged()


def test_files_that_cannot_be_restored_are_left_to_the_rollback(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise change.BaselineError(f"{path} cannot be removed: Read-only file system")

    monkeypatch.setattr(linux.host, "remove", refuse)
    error = linux.fail(*planned(linux), linux.armed(), linux.reloaded(), linux.asked(sshd_t(password="yes")))
    assert error.state == (
        f"the files could not be restored ({linux.dropin} cannot be removed: Read-only file system), and the host "
        "rolls the change back by itself within 45 seconds"
    )
    assert error.hint.startswith("look at the host at once; ")
    assert Path(linux.paths.armed).exists()


def test_files_that_cannot_be_restored_without_a_rollback(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise change.BaselineError("Read-only file system", where=path)

    monkeypatch.setattr(linux.host, "remove", refuse)
    error = linux.fail(
        *planned(linux), linux.reloaded(), linux.asked(sshd_t(password="yes")), request=linux.request("")
    )
    assert error.state == f"the files could not be restored ({linux.dropin}: Read-only file system)"


# A move to another port.

ZONE = "public (default, active)\n  services: ssh\n  ports: \n"
FIREWALL = [
    Expected(["firewall-cmd", "--state"], out="running\n"),
    Expected(["firewall-cmd", "--list-all-zones"], out=ZONE),
    Expected(["firewall-cmd", "--permanent", "--list-all-zones"], out=ZONE),
    Expected(["firewall-cmd", "--get-default-zone"], out="public\n"),
]
PERMANENT = ["firewall-cmd", "--quiet", "--permanent", "--zone=public"]
NOW = ["firewall-cmd", "--quiet", "--zone=public"]
OPEN = [Expected([*PERMANENT, "--add-port=2222/tcp"]), Expected([*NOW, "--add-port=2222/tcp"])]
CLOSE = [Expected([*PERMANENT, "--remove-port=2222/tcp"]), Expected([*NOW, "--remove-port=2222/tcp"])]


def firewalled(linux: Linux) -> list[Expected]:
    linux.settings = {"Port": 2222}
    linux.host.programs = ["sshd", "firewall-cmd"]
    return [*planned(linux, sshd_t(2222), sshd_t(22)), *FIREWALL]


def test_the_firewall_is_opened_after_the_rollback_is_armed_and_before_sshd_moves(linux: Linux) -> None:
    done = linux.play(
        *firewalled(linux),
        linux.armed(),
        *OPEN,
        linux.reloaded(writes=listens(2222)),
        linux.asked(sshd_t(2222)),
    )
    assert [line.partition(" --")[0] for line in linux.host.journal[9:]] == [
        "sync /state/base",
        "sync /state",
        "write /state/base/rollback-sshd/rollback",
        "write /state/base/rollback-sshd/armed",
        "write /units/pyhost-rollback-sshd-boot.service",
        "sync /units/sysinit.target.wants",
        "systemd-run",
        "firewall-cmd",
        "firewall-cmd",
        # firewall-cmd does not flush what it writes.
        "sync /etc/firewalld/zones/public.xml",
        "sync /etc/firewalld/zones",
        "write /etc/ssh/sshd_config.d/00-pyhost-baseline.conf",
        "systemctl reload",
        f"write {LOADED}",
        f"/usr/bin/sshd -T -f /etc/ssh/sshd_config -C {WHO}",
        "ask for the banner of [2222]",
    ]
    assert done["ports"] == [2222]
    assert done["firewall"] == {"kind": "firewalld", "opened": ["2222/tcp in the zone public"]}
    assert done["diff"][-1]["before_header"] == "rules of firewalld"
    script = Path(linux.paths.script).read_text()
    # The rollback closes it too, by the firewall's commands and by its file.
    assert "    limited firewall-cmd --quiet --permanent --zone=public --remove-port=2222/tcp\n" in script
    assert "/etc/firewalld/zones/public.xml" in script


def test_a_firewall_that_cannot_be_opened_stops_the_move(linux: Linux) -> None:
    refused = Expected(OPEN[1].argv, rc=252, err="NOT_RUNNING")
    error = linux.fail(*firewalled(linux), linux.armed(), OPEN[0], refused, *CLOSE, linux.discarded())
    assert error.problem.endswith("--add-port=2222/tcp failed: NOT_RUNNING (rc=252)")
    assert error.state == "sshd was not changed, and the firewall is as it was before"
    assert linux.is_unchanged()
    assert not [line for line in linux.host.journal if line.startswith("write /etc")]


def test_a_move_that_fails_closes_the_firewall_after_sshd_is_back(linux: Linux) -> None:
    silent = ["0.0.0.0 port 2222: Connection refused"]
    linux.unanswered = [silent]
    error = linux.fail(
        *firewalled(linux),
        linux.armed(),
        *OPEN,
        linux.reloaded(writes=listens(2222)),
        linux.asked(sshd_t(2222)),
        acts_journal(""),
        linux.reloaded(writes=listens(22), touches={"/run/sshd.pid": 4000}),
        *CLOSE,
        linux.discarded(),
    )
    assert str(error) == (
        "sshd does not answer on 0.0.0.0 port 2222: Connection refused; the files are as they were before and sshd "
        "answers with them"
    )
    # It was asked for where it had listened before.
    assert "ask for the banner of [22]" in linux.host.journal
    assert linux.is_unchanged()


def socket_activated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    linux = Linux(tmp_path, monkeypatch, {"Port": 2222}, has_socket=True)
    # The socket is systemd's.
    linux.host.files["/proc/1/fd/9"] = ""
    linux.host.links["/proc/1/fd/9"] = "socket:[100]"
    return linux


DROPIN = "/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf"


def test_a_socket_unit_is_restarted_after_a_move_and_the_service_ends_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux = socket_activated(tmp_path, monkeypatch)
    done = linux.play(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        acts("daemon-reload", "--"),
        acts("stop", "--", "ssh.service"),
        acts("restart", "--", "ssh.socket", writes=listens(2222)),
        linux.asked(sshd_t(2222)),
        linux.sockets(2222),
    )
    assert "ListenStream=2222\n" in linux.host.files[DROPIN]
    # A unit is for everybody to read.
    assert linux.host.modes[DROPIN] == 0o644
    writes = [line for line in linux.host.journal if line.startswith(("write /etc", "systemctl daemon-reload"))]
    assert [line.split("/")[-1] for line in writes] == [
        "00-pyhost-baseline.conf",
        "zz-pyhost-baseline.conf",
        "systemctl daemon-reload --",
    ]
    assert done["reloaded"] and done["ports"] == [2222]


def test_a_socket_unit_that_listens_elsewhere_after_all_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux = socket_activated(tmp_path, monkeypatch)
    error = linux.fail(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        acts("daemon-reload", "--"),
        acts("stop", "--", "ssh.service"),
        acts("restart", "--", "ssh.socket", writes=listens(2222)),
        linux.asked(sshd_t(2222)),
        linux.sockets(22),
        acts("daemon-reload", "--"),
        acts("stop", "--", "ssh.service"),
        acts("restart", "--", "ssh.socket"),
        linux.discarded(),
    )
    assert error.problem == (
        "ssh.socket does not listen on the addresses in sshd_config: it listens on 0.0.0.0 port 22, :: port 22; it "
        "does not listen on 0.0.0.0 port 2222, :: port 2222"
    )
    assert error.where == SOCKET_FILE
    assert linux.is_unchanged()


def test_a_socket_unit_that_does_not_start_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linux = socket_activated(tmp_path, monkeypatch)
    failed = acts("restart", "--", "ssh.socket", rc=1, err="Job for ssh.socket failed.\n")
    log = Expected([*acts_journal("").argv[:-1], "ssh.socket"], out="")
    error = linux.fail(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        acts("daemon-reload", "--"),
        acts("stop", "--", "ssh.service"),
        failed,
        log,
        acts("daemon-reload", "--"),
        acts("stop", "--", "ssh.service"),
        acts("restart", "--", "ssh.socket"),
        linux.discarded(),
    )
    assert error.problem == "systemctl restart ssh.socket failed: Job for ssh.socket failed. (rc=1)"
    assert error.state == "the files are as they were before and sshd answers with them"
    assert DROPIN not in linux.host.files
    assert linux.is_unchanged()


def mallory(port: int) -> dict[str, str]:
    """The tables where sshd listens on 22 and a user holds ``port``."""
    return tables(tcp(22), tcp(port, inode=7, uid=1001), wide=[tcp(22, wide=True)])


def test_a_user_who_holds_the_port_is_named_and_all_else_is_ensured(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux.settings = {"Port": 2222, "PasswordAuthentication": False}
    linux.host.files.update(mallory(2222))
    monkeypatch.setattr(
        f"{change.__package__}.port_holders._can_bind", lambda address, port: (address, port) != ("0.0.0.0", 2222)
    )
    done = linux.play(
        *planned(linux, sshd_t(2222), sshd_t(password="yes")),
        linux.staged(sshd_t(22)),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.armed(),
        linux.reloaded(),
        linux.asked(sshd_t(22)),
    )
    assert (done["changed"], done["ports"]) == (True, [22])
    assert [(one["port"], one["uid"]) for one in done["port_held_by"]] == [(2222, 1001)]
    assert done["warnings"][0].startswith("sshd was not moved and stays on port 22: port 2222 is held by")
    assert "Port 22\n" in Path(linux.dropin).read_text()


def test_a_user_who_takes_the_port_while_sshd_moves_is_named_after_a_second_pass(linux: Linux) -> None:
    linux.settings = {"Port": 2222, "PasswordAuthentication": False}
    log = acts_journal("error: Bind to port 2222 on 0.0.0.0 failed: Address already in use.\n")
    done = linux.play(
        *planned(linux, sshd_t(2222), sshd_t(password="yes")),
        linux.armed(),
        # It was faster than sshd.
        linux.reloaded(writes=mallory(2222)),
        linux.asked(sshd_t(2222)),
        log,
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
        # Again, with the port that sshd has.
        linux.staged(sshd_t(22)),
        linux.units(),
        linux.start(),
        linux.asked(sshd_t(password="yes")),
        linux.armed(),
        linux.reloaded(touches={"/run/sshd.pid": 5000}),
        linux.asked(sshd_t(22)),
    )
    assert (done["changed"], done["ports"]) == (True, [22])
    assert [(one["port"], one["uid"]) for one in done["port_held_by"]] == [(2222, 1001)]
    assert "Port 22\n" in Path(linux.dropin).read_text()
    # A rollback was armed for each of the two.
    assert len([line for line in linux.host.journal if line.startswith("systemd-run")]) == 2


def test_a_service_that_takes_the_port_while_sshd_moves_is_an_error(linux: Linux) -> None:
    linux.settings = {"Port": 2222}
    roots = tables(tcp(22), tcp(2222, inode=7), wide=[tcp(22, wide=True)])
    error = linux.fail(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        linux.reloaded(writes=roots),
        linux.asked(sshd_t(2222)),
        acts_journal(""),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
    )
    assert error.problem.startswith("sshd does not answer on port 2222 is held by")
    assert error.state == "the files are as they were before and sshd answers with them"


def test_sshd_that_is_not_back_is_an_error_whoever_took_the_port(linux: Linux) -> None:
    linux.settings = {"Port": 2222}
    silent = ["0.0.0.0 port 22: Connection refused"]
    linux.unanswered = [silent, silent]
    error = linux.fail(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        linux.reloaded(writes=mallory(2222)),
        linux.asked(sshd_t(2222)),
        acts_journal(""),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        acts("reset-failed", "--", "ssh.service"),
        acts("restart", "--", "ssh.service"),
    )
    assert error.state == (
        "the files are as they were before, but sshd does not answer, and the host rolls the change back by itself "
        "within 45 seconds"
    )
    assert os.path.exists(linux.paths.armed)


def test_an_error_of_the_second_pass_knows_the_first(linux: Linux) -> None:
    linux.settings = {"Port": 2222}
    error = linux.fail(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        linux.reloaded(writes=mallory(2222)),
        linux.asked(sshd_t(2222)),
        acts_journal(""),
        linux.reloaded(touches={"/run/sshd.pid": 4000}),
        linux.discarded(),
        linux.staged(sshd_t(22)),
        Expected(linux.units().argv, rc=1, err="Connection timed out"),
    )
    assert error.problem.startswith("systemctl cannot show")
    assert error.state == "the files are as they were before and sshd answers with them"


def test_a_port_for_everybody_is_warned_of_once(linux: Linux) -> None:
    linux.settings = {"Port": 2222}
    done = linux.play(
        *planned(linux, sshd_t(2222), sshd_t(22)),
        linux.armed(),
        linux.reloaded(writes=listens(2222)),
        linux.asked(sshd_t(2222)),
    )
    assert [text for text in done["warnings"] if "any local user can listen on port 2222" in text]
    linux._remove_rollback()
    linux.settle()
    later = linux.play(linux.version(), linux.asked(sshd_t(2222)), linux.units(), linux.start())
    assert later["warnings"] == []


# Before anything is planned.


def test_only_root_configures_sshd(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change.os, "geteuid", lambda: 1000)
    error = linux.fail()
    assert str(error) == (
        "sshd can only be configured by root; this task changed nothing; run the task with become: true"
    )


def test_a_host_without_sshd(linux: Linux) -> None:
    linux.host.programs = []
    assert str(linux.fail()) == "sshd is not installed; this task changed nothing; install openssh-server first"
    linux.host.check_mode = True
    done = linux.play()
    assert done["changed"] and done["path"] == linux.dropin and done["ports"] == []
    assert done["diff"][0]["after"].endswith("PasswordAuthentication no\n")
    assert linux.host.known_after_apply == [
        "sshd is not installed yet, so it could not be asked whether it takes these settings"
    ]
    linux.settings = {}
    assert not linux.play()["changed"]


RECORD = "token=a\ntrigger=timeout\nwhen=1795345721\nproblems=\n"
REPORTED = parse_record(RECORD).sentence("sshd configuration")


def record(paths: RollbackPaths) -> None:
    Path(paths.base).mkdir(exist_ok=True)
    Path(paths.record).write_text(RECORD)


def test_an_earlier_rollback_is_reported_first(linux: Linux) -> None:
    first_run(linux)
    record(linux.paths)
    done = linux.play(linux.version(), linux.asked(sshd_t()), linux.units(), linux.start())
    assert done["warnings"] == [REPORTED]
    assert linux.play(linux.version(), linux.asked(sshd_t()), linux.units(), linux.start())["warnings"] == []


def test_an_earlier_rollback_is_reported_in_an_error_too(linux: Linux) -> None:
    record(linux.paths)
    error = linux.fail(
        linux.version(), linux.staged(sshd_t()), Expected(linux.units().argv, rc=1, err="Connection timed out")
    )
    assert error.state == f"{REPORTED}; this task changed nothing else"


def test_the_whole_pass_holds_the_lock(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []

    @contextlib.contextmanager
    def lock(name: str) -> t.Iterator[None]:
        held.append(name)
        linux.host.journal.append("lock")
        yield
        linux.host.journal.append("unlock")

    monkeypatch.setattr(linux.host, "lock", lock)
    linux.play(*planned(linux), linux.armed(), linux.reloaded(), linux.asked(sshd_t()))
    assert held == ["sshd"]
    assert (linux.host.journal[0], linux.host.journal[-1]) == ("lock", "unlock")
