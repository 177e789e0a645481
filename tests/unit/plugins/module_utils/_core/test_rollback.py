"""The undo's script is run for real, by sh, in a folder of the test's own, with stand-ins for sshd and systemctl."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    Daemon,
    Doors,
    Place,
    Record,
    Saved,
    Undo,
    armed_text,
    boot_unit,
    cron_line,
    own_place,
    parse_armed,
    parse_record,
    rc_script,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_sandbox import once_more_outside, sandbox
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_script import script

# The stand-ins write down how they were called; sshd -t fails where a file says so.
SSHD = """#!/bin/sh
echo "sshd $*" >>{log}
[ ! -e {root}/rejects ] || { echo "line 3: Bad configuration option: Prot"; exit 255; }
"""
SAY = '#!/bin/sh\necho "NAME $*" >>{log}\n'


@dataclass
class Scene:
    """A host in a folder: two files that sshd reads, one of them new, and an undo that is armed."""

    root: Path
    place: Place
    main: Path
    dropin: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.place.script, *words], capture_output=True, text=True, check=False, timeout=30
        )

    def calls(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def record(self) -> Record:
        return parse_record(Path(self.place.record).read_text())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"sshd": SSHD, "logger": SAY.replace("NAME", "logger")}.items():
        program = programs / name
        program.write_text(text.replace("{log}", str(tmp_path / "log")).replace("{root}", str(tmp_path)))
        program.chmod(0o755)
    place = Place(
        "sshd",
        base=str(tmp_path / "var lib"),
        units=str(tmp_path / "units"),
        crontabs=str(tmp_path / "cron.d"),
        rc_scripts=str(tmp_path / "rc.d"),
        path=f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
    )
    folder = Path(place.folder)
    folder.mkdir(parents=True)
    main, dropin = tmp_path / "sshd_config", tmp_path / "it's new" / "00.conf"
    (folder / "0").write_bytes(b"Port 22\n# \xe9\n")
    main.write_text("Port 2222\n")
    main.chmod(0o600)
    dropin.parent.mkdir()
    dropin.write_text("Port 2222\n")
    owner = f"{main.stat().st_uid}:{main.stat().st_gid}"
    saved = (
        Saved(str(main), "0", owner, 0o640),
        Saved(str(dropin), new_directories=(str(dropin.parent),)),
    )
    daemon = Daemon(program=str(programs / "sshd"), pid_file=str(tmp_path / "sshd.pid"))
    Path(place.script).write_text(script(Undo(place, "mine", 2, saved, daemon)))
    Path(place.armed).write_text(armed_text("mine", time.time() + 2))
    for path in (place.boot_unit, place.crontab):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("x")
    return Scene(tmp_path, place, main, dropin)


def test_an_undo_puts_everything_back_and_removes_itself(scene: Scene) -> None:
    ran = scene.run("asked")
    assert ran.returncode == 0, ran.stderr
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert scene.main.stat().st_mode & 0o7777 == 0o640
    assert not scene.dropin.parent.exists()
    assert [path.name for path in Path(scene.place.base).iterdir()] == ["undo-sshd.record"]
    assert not Path(scene.place.boot_unit).exists() and not Path(scene.place.crontab).exists()
    assert (scene.record().token, scene.record().trigger, scene.record().problems) == ("mine", "asked", "")
    # Checked first; then, as no daemon answers to the pid file, started.
    assert [call for call in scene.calls() if call.startswith("sshd")] == ["sshd -t", "sshd "]


def test_a_confirmation_keeps_the_change_and_leaves_nothing(scene: Scene) -> None:
    assert scene.run("confirm").returncode == 0
    assert scene.main.read_text() == scene.dropin.read_text() == "Port 2222\n"
    assert not Path(scene.place.base).exists()
    assert not Path(scene.place.boot_unit).exists()


@pytest.mark.parametrize(
    ("first", "second", "kept"), [("confirm", "timeout", True), ("drop", "asked", True)], ids=["confirmed", "dropped"]
)
def test_who_comes_second_does_nothing(scene: Scene, first: str, second: str, kept: bool) -> None:
    copy = scene.root / "copy"
    copy.write_text(Path(scene.place.script).read_text())
    assert scene.run(first).returncode == 0
    late = subprocess.run(["sh", str(copy), second], capture_output=True, text=True, check=False)
    assert late.returncode == 3
    assert (scene.main.read_text() == "Port 2222\n") is kept


def test_a_confirmation_after_the_undo_is_too_late(scene: Scene) -> None:
    Path(scene.place.armed).rename(scene.place.undoing)
    ran = scene.run("confirm")
    assert (ran.returncode, ran.stderr) == (3, "too late to confirm: the change is being taken back or was\n")
    assert scene.main.read_text() == "Port 2222\n"


def test_an_undo_that_was_cut_off_starts_over(scene: Scene) -> None:
    Path(scene.place.armed).rename(scene.place.undoing)
    assert scene.run("boot").returncode == 0
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    # At boot sshd is not up yet: it is neither asked nor started.
    assert not [call for call in scene.calls() if call.startswith("sshd")]
    assert scene.record().trigger == "boot"


def test_a_rejected_configuration_is_told_and_sshd_left_alone(scene: Scene) -> None:
    (scene.root / "rejects").touch()
    assert scene.run("timeout").returncode == 1
    words = "sshd -t rejects the restored configuration: line 3: Bad configuration option: Prot"
    assert scene.record().problems == words
    assert [call for call in scene.calls() if call.startswith("sshd")] == ["sshd -t"]


def test_a_file_that_cannot_be_restored_does_not_stop_the_others(scene: Scene) -> None:
    (Path(scene.place.folder) / "0").unlink()
    assert scene.run("timeout").returncode == 1
    assert scene.record().problems == f"{scene.main} could not be restored"
    assert not scene.dropin.exists()
    assert not list(scene.root.glob("sshd_config.undo-*"))


def test_a_problem_inside_the_sandbox_is_left_to_a_second_attempt_outside(scene: Scene) -> None:
    (scene.root / "rejects").touch()
    assert scene.run("timeout", "sandboxed").returncode == 4
    assert not Path(scene.place.record).exists()
    assert Path(scene.place.undoing).exists()
    (scene.root / "rejects").unlink()
    assert scene.run("timeout").returncode == 0
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert (scene.record().trigger, scene.record().problems) == ("timeout", "")


def test_nothing_is_left_for_a_second_attempt_where_the_first_one_did_all(scene: Scene) -> None:
    assert scene.run("timeout", "sandboxed").returncode == 0
    assert scene.record().problems == ""
    assert not Path(scene.place.script).exists()


def test_the_watch_fires_after_its_seconds(scene: Scene) -> None:
    started = time.monotonic()
    assert scene.run("watch").returncode == 0
    assert 2 <= time.monotonic() - started < 10
    assert scene.record().trigger == "timeout"


@pytest.mark.parametrize("armed", [None, "another's\n9\n"], ids=["confirmed", "armed-anew"])
def test_the_watch_ends_where_its_change_is_no_longer_pending(scene: Scene, armed: str | None) -> None:
    if armed is None:
        Path(scene.place.armed).unlink()
    else:
        Path(scene.place.armed).write_text(armed)
    assert scene.run("watch").returncode == 0
    assert scene.main.read_text() == "Port 2222\n"
    assert not Path(scene.place.record).exists()


def test_two_undos_at_once_give_one_result(scene: Scene) -> None:
    both = [
        subprocess.Popen(["sh", scene.place.script, word], stderr=subprocess.PIPE, text=True)
        for word in ("asked", "timeout")
    ]
    assert all(process.wait(timeout=30) in (0, 3) for process in both)
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert scene.record().problems == ""


@pytest.mark.parametrize("word", ["", "restore"])
def test_another_word_is_refused(scene: Scene, word: str) -> None:
    assert scene.run(word).returncode == 2
    assert Path(scene.place.armed).exists()


@pytest.mark.parametrize(
    ("daemon", "commands"),
    [
        pytest.param(
            Daemon(service="ssh.service"),
            ["systemctl reset-failed ssh.service 2>/dev/null", "systemctl restart ssh.service ||"],
            id="service",
        ),
        pytest.param(
            Daemon(service="ssh.service", socket="ssh.socket"),
            ["systemctl daemon-reload", "systemctl stop ssh.service", "systemctl restart ssh.socket ||"],
            id="socket",
        ),
        pytest.param(Daemon(pid_file="/run/sshd.pid"), ['kill -HUP "$pid"', '"$sshd" 9>&- ||'], id="pid-file"),
    ],
)
def test_sshd_is_started_as_it_runs(daemon: Daemon, commands: list[str]) -> None:
    text = script(Undo(Place("sshd"), "t", 45, (), daemon))
    places = [text.index(command) for command in commands]
    assert places == sorted(places)


def test_the_boot_unit_comes_before_sshd_and_its_socket() -> None:
    lines = boot_unit(Place("sshd")).splitlines()
    units = "ssh.service sshd.service ssh.socket sshd.socket firewalld.service ufw.service"
    assert f"Before={units} sysinit.target shutdown.target" in lines
    assert "DefaultDependencies=no" in lines
    assert "ConditionPathExists=|/var/lib/pyhost.baseline/undo-sshd/armed" in lines
    assert "ExecStart=/bin/sh /var/lib/pyhost.baseline/undo-sshd/undo boot sandboxed" in lines
    assert once_more_outside(Place("sshd"), "boot") in lines
    assert set(sandbox(Place("sshd"))) < set(lines)


def test_cron_starts_it_where_there_is_no_systemd() -> None:
    assert cron_line(Place("sshd")) == "@reboot root /bin/sh /var/lib/pyhost.baseline/undo-sshd/undo booted\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(armed_text("abc", 17.6), ("abc", 18.0), id="whole"),
        pytest.param("abc\n", ("abc", 0.0), id="cut-short"),
        pytest.param("", ("", 0.0), id="empty"),
    ],
)
def test_parse_armed(text: str, expected: tuple[str, float]) -> None:
    assert parse_armed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "token=a\ntrigger=timeout\nwhen=1795345721\nproblems=\n",
            "on 2026-11-22 11:08:41 UTC the host rolled its sshd configuration back, "
            "because nobody confirmed the change in time",
            id="timeout",
        ),
        pytest.param(
            "token=a\ntrigger=boot\nwhen=0\nproblems=x=y could not be restored\n",
            "on 1970-01-01 00:00:00 UTC the host rolled its sshd configuration back, because the host was started "
            "again before the change was confirmed; not all went well: x=y could not be restored",
            id="problems",
        ),
        pytest.param(
            "token=$(id)\ntrigger=\x1b[2J\nwhen=99999999999999\nproblems=\x1b[2J" + "x" * 3000 + "\n",
            "on 1970-01-01 00:00:00 UTC the host rolled its sshd configuration back, because of what it does not say; "
            "not all went well: \\x1b[2J" + "x" * 1996 + "… (1004 more characters)",
            id="of no rollback",
        ),
    ],
)
def test_record_as_a_sentence(text: str, expected: str) -> None:
    assert str(parse_record(text)) == expected


@pytest.mark.parametrize(("trigger", "runs"), [("asked", True), ("boot", False)])
def test_a_firewall_is_shut_again(scene: Scene, trigger: str, runs: bool) -> None:
    """Its rules by its own command while it runs, its files in any case, after sshd is back."""
    tool, rules = scene.root / "bin" / "firewall", scene.root / "rules.xml"
    log = scene.root / "log"
    tool.write_text(f'#!/bin/sh\necho "firewall $*" >>{log}\nrm {rules}\nexit 1\n')
    tool.chmod(0o755)
    rules.write_text("22 2222")
    (Path(scene.place.folder) / "f0").write_text("22")
    owner = f"{rules.stat().st_uid}:{rules.stat().st_gid}"
    doors = Doors((("firewall", "--remove", "it's"),), (Saved(str(rules), "f0", owner, 0o600),))
    daemon = Daemon(program=str(scene.root / "bin" / "sshd"), pid_file=str(scene.root / "sshd.pid"))
    Path(scene.place.script).write_text(script(Undo(scene.place, "mine", 2, (), daemon, doors)))
    assert scene.run(trigger).returncode == int(runs)
    calls = [call for call in scene.calls() if not call.startswith("logger")]
    assert calls == (["sshd -t", "sshd ", "firewall --remove it's"] if runs else [])
    assert rules.read_text() == "22"
    assert scene.record().problems == ("this failed: firewall --remove it's" if runs else "")


def freebsd(scene: Scene) -> tuple[Place, Undo]:
    """The same change on FreeBSD: its base system's commands and no others, service(8) and lockf(1) as stand-ins."""
    bin_ = scene.root / "freebsd"
    bin_.mkdir()
    for name in FREEBSD_BASE:
        found = shutil.which(name)
        assert found, name
        (bin_ / name).symlink_to(found)
    for name in ("logger", "service", "lockf"):
        program = bin_ / name
        program.write_text(SAY.replace("NAME", name).replace("{log}", str(scene.root / "log")))
        program.chmod(0o755)
    place = replace(scene.place, path=str(bin_))
    Path(place.rc_scripts).mkdir()
    Path(place.rc_script).write_text(rc_script(place))
    sshd = scene.root / "bin" / "sshd"
    owner = f"{os.getuid()}:{os.getgid()}"
    saved = (Saved(str(scene.main), "0", owner, 0o600), Saved(str(scene.dropin)))
    undo = Undo(place, "mine", 60, saved, Daemon(program=str(sshd), rc="sshd"))
    Path(place.script).write_text(script(undo))
    Path(place.armed).write_text(armed_text("mine", time.time() + 60))
    return place, undo


# hier(7), /bin, /sbin, /usr/bin and /usr/sbin of FreeBSD 14; what the script calls besides may fail there.
FREEBSD_BASE = ("chmod", "chown", "cp", "date", "mkdir", "mv", "rm", "rmdir", "sed", "sleep", "sync", "timeout", "tr")


def test_freebsd_takes_the_change_back_by_its_own_commands(scene: Scene) -> None:
    place, _undo = freebsd(scene)
    ran = scene.run("asked")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert not scene.dropin.exists() and not Path(place.rc_script).exists() and not Path(place.folder).exists()
    assert [call for call in scene.calls() if not call.startswith("logger")] == [
        "lockf -s 9",
        "sshd -t",
        "service sshd onereload",
        "service sshd onestatus",
    ]
    assert scene.record().problems == ""


def test_freebsd_starts_an_sshd_that_is_down(scene: Scene) -> None:
    place, _undo = freebsd(scene)
    service = Path(place.path) / "service"
    service.write_text(service.read_text() + 'case "$2" in onestart) ;; *) exit 1 ;; esac\n')
    assert scene.run("asked").returncode == 0
    assert scene.calls()[-2].startswith("service sshd onestart")


def test_freebsd_takes_it_back_at_boot_before_sshd(scene: Scene) -> None:
    place, _undo = freebsd(scene)
    # rc(8) runs each script with "start" or, at a boot, "faststart"; a stop must not touch anything.
    for word in ("stop", "faststop", "status"):
        subprocess.run(["sh", place.rc_script, word], check=True)
        assert scene.main.read_text() == "Port 2222\n"
    boot = Path(place.rc_script).read_text()
    subprocess.run(["sh", place.rc_script, "faststart"], check=True)
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert not [call for call in scene.calls() if call.startswith("service")]
    assert not Path(place.rc_script).exists()
    assert scene.record().trigger == "boot"
    assert "# PROVIDE: pyhost_undo_sshd\n" in boot and "# BEFORE: LOGIN\n" in boot


def test_freebsd_forgets_a_change_that_is_confirmed(scene: Scene) -> None:
    place, _undo = freebsd(scene)
    assert scene.run("confirm").returncode == 0
    assert scene.main.read_text() == "Port 2222\n"
    assert not Path(place.rc_script).exists() and not Path(place.folder).exists()


@pytest.mark.parametrize(
    ("kernel", "folder"),
    [("Linux", "/var/lib/pyhost.baseline/undo-sshd"), ("FreeBSD", "/var/db/pyhost.baseline/undo-sshd")],
)
def test_the_place_is_where_the_system_keeps_its_state(kernel: str, folder: str) -> None:
    assert own_place(kernel).folder == folder
