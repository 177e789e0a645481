"""The rollback's script is run by sh in a folder of the test's own, with stand-ins for sshd and systemctl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    RollbackPaths,
    RollbackPlan,
    RollbackRecord,
    SavedFile,
    armed_text,
    parse_record,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_boot import rc_script
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_script import rollback_script
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.rollback_steps import RollbackDaemon, sshd_steps

# The stand-ins write down how they were called; sshd -t fails where a file says so.
SSHD = """#!/bin/sh
echo "sshd $*" >>{log}
[ ! -e {root}/rejects ] || { echo "line 3: Bad configuration option: Prot"; exit 255; }
"""
SAY = '#!/bin/sh\necho "NAME $*" >>{log}\n'


@dataclass
class Scene:
    """A host in a folder: two files that sshd reads, one of them new, and a rollback that is armed."""

    root: Path
    paths: RollbackPaths
    main: Path
    dropin: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.paths.script, *words], capture_output=True, text=True, check=False, timeout=30
        )

    def calls(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def record(self) -> RollbackRecord:
        return parse_record(Path(self.paths.record).read_text())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"sshd": SSHD, "logger": SAY.replace("NAME", "logger")}.items():
        program = programs / name
        program.write_text(text.replace("{log}", str(tmp_path / "log")).replace("{root}", str(tmp_path)))
        program.chmod(0o755)
    paths = RollbackPaths(
        "sshd",
        base=str(tmp_path / "var lib"),
        units=str(tmp_path / "units"),
        crontabs=str(tmp_path / "cron.d"),
        rc_scripts=str(tmp_path / "rc.d"),
        path=f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
    )
    folder = Path(paths.folder)
    folder.mkdir(parents=True)
    main, dropin = tmp_path / "sshd_config", tmp_path / "it's new" / "00.conf"
    (folder / "0").write_bytes(b"Port 22\n# \xe9\n")
    main.write_text("Port 2222\n")
    main.chmod(0o600)
    dropin.parent.mkdir()
    dropin.write_text("Port 2222\n")
    owner = f"{main.stat().st_uid}:{main.stat().st_gid}"
    saved = (
        SavedFile(str(main), "0", owner, 0o640),
        SavedFile(str(dropin), new_directories=(str(dropin.parent),)),
    )
    daemon = RollbackDaemon(program=str(programs / "sshd"), pid_file=str(tmp_path / "sshd.pid"))
    Path(paths.script).write_text(rollback_script(RollbackPlan(paths, "mine", 2, saved, sshd_steps(daemon))))
    Path(paths.armed).write_text(armed_text("mine", time.time() + 2))
    for path in (paths.boot_unit, paths.crontab):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("x")
    return Scene(tmp_path, paths, main, dropin)


def test_a_rollback_restores_everything_and_removes_itself(scene: Scene) -> None:
    ran = scene.run("asked")
    assert ran.returncode == 0, ran.stderr
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert scene.main.stat().st_mode & 0o7777 == 0o640
    assert not scene.dropin.parent.exists()
    assert [path.name for path in Path(scene.paths.base).iterdir()] == ["rollback-sshd.record"]
    assert not Path(scene.paths.boot_unit).exists() and not Path(scene.paths.crontab).exists()
    assert (scene.record().token, scene.record().trigger, scene.record().problems) == ("mine", "asked", "")
    # Checked first; then, as no daemon answers to the pid file, started.
    assert [call for call in scene.calls() if call.startswith("sshd")] == ["sshd -t", "sshd "]


@pytest.mark.parametrize("words", [("confirm",), ("confirm", "mine")], ids=["by hand", "with the token"])
def test_a_confirmation_keeps_the_change_and_leaves_its_record(scene: Scene, words: tuple[str, ...]) -> None:
    assert scene.run(*words).returncode == 0
    assert scene.main.read_text() == scene.dropin.read_text() == "Port 2222\n"
    assert [path.name for path in Path(scene.paths.base).iterdir()] == ["rollback-sshd.record"]
    assert not Path(scene.paths.boot_unit).exists()
    assert (scene.record().token, scene.record().is_confirmed, scene.record().problems) == ("mine", True, "")
    # Only root reads it.
    assert Path(scene.paths.record).stat().st_mode & 0o777 == 0o600


def test_what_is_no_longer_needed_leaves_nothing(scene: Scene) -> None:
    assert scene.run("discard").returncode == 0
    assert not Path(scene.paths.base).exists()
    assert not Path(scene.paths.boot_unit).exists()


@pytest.mark.parametrize("word", ["confirm", "asked"])
def test_the_token_of_an_earlier_change_decides_nothing(scene: Scene, word: str) -> None:
    """Its controller comes back after the next run has begun."""
    ran = scene.run(word, "another's")
    assert (ran.returncode, ran.stderr) == (3, "this is the rollback of another change\n")
    assert Path(scene.paths.armed).exists() and not Path(scene.paths.record).exists()
    assert scene.main.read_text() == "Port 2222\n"


def test_a_confirmation_that_was_interrupted_may_be_repeated(scene: Scene) -> None:
    Path(scene.paths.armed).rename(scene.paths.confirmed)
    assert scene.run("confirm", "mine").returncode == 0
    assert scene.record().is_confirmed and not Path(scene.paths.folder).exists()


def test_a_confirmation_without_room_for_a_record_leaves_its_own_file(scene: Scene) -> None:
    spy(scene, "mv", refuses="*.record")
    assert scene.run("confirm").returncode == 0
    assert Path(scene.paths.confirmed).read_text().startswith("mine\n")
    assert not Path(scene.paths.boot_unit).exists() and not list(Path(scene.paths.base).glob("*.record*"))
    # Nothing that comes later rolls it back.
    assert scene.run("timeout").returncode == 3
    assert scene.main.read_text() == "Port 2222\n"


def spy(scene: Scene, name: str, *, refuses: str = "") -> None:
    """Have the command ``name`` write its arguments down before it runs; it fails where the last one is ``refuses``."""
    found = shutil.which(name)
    program = scene.root / "bin" / name
    refusal = f'for last; do :; done; case "$last" in {refuses}) exit 1 ;; esac\n' if refuses else ""
    program.write_text(f'#!/bin/sh\n{refusal}echo "{name} $*" >>{scene.root / "log"}\nexec {found} "$@"\n')
    program.chmod(0o755)


def steps(scene: Scene) -> list[str]:
    """Return what was called, without the folder of the test and the number of the process."""
    calls = [re.sub(r"[.]\d+(?= |$)|-\d+(?= |$)", ".N", call) for call in scene.calls()]
    return [call.replace(f"{scene.root}/", "").replace("-- ", "") for call in calls if not call.startswith("logger")]


def test_a_confirmation_is_on_the_disk_before_it_is_reported(scene: Scene) -> None:
    """The power goes at any step: the change that was reported as confirmed is not rolled back at the next boot."""
    for name in ("mv", "sync", "rm"):
        spy(scene, name)
    assert scene.run("confirm").returncode == 0
    state, record = "var lib/rollback-sshd", "var lib/rollback-sshd.record"
    assert steps(scene)[:6] == [
        f"mv {state}/armed {state}/confirmed",
        f"sync {state}",
        f"sync {record}.N",
        f"mv -f {record}.N {record}",
        "sync var lib",
        # Only then is anything removed that would tell of it otherwise.
        "rm -f units/sysinit.target.wants/pyhost-rollback-sshd-boot.service units/pyhost-rollback-sshd-boot.service "
        "cron.d/pyhost-rollback-sshd rc.d/pyhost_rollback_sshd",
    ]


def test_a_rollback_is_on_the_disk_before_its_copies_are_removed(scene: Scene) -> None:
    for name in ("mv", "sync", "rm", "rmdir"):
        spy(scene, name)
    assert scene.run("asked").returncode == 0
    state, record = "var lib/rollback-sshd", "var lib/rollback-sshd.record"
    calls = [call for call in steps(scene) if not call.startswith("sshd")]
    assert calls[:14] == [
        f"mv {state}/armed {state}/started",
        # The file as it was: its content before its name.
        "sync sshd_config.rollback.N",
        "mv -f sshd_config.rollback.N sshd_config",
        "sync ",
        "rm -f it's new/00.conf",
        "sync it's new/",
        "rmdir it's new",
        "sync ",
        f"sync {record}.N",
        f"mv -f {record}.N {record}",
        "sync var lib",
        f"mv {state}/started {state}/ended",
        f"sync {state}",
        calls[13],
    ]
    assert calls[13].startswith("rm -f units/")


@pytest.mark.parametrize("word", ["confirm", "asked"])
def test_freebsd_flushes_by_fsync_as_its_sync_waits_for_nothing(scene: Scene, word: str) -> None:
    """FreeBSD's sync(8) ignores names and returns before the disk has them; fsync(1) is in its base system."""
    paths, _plan = freebsd(scene)
    for name in ("fsync", "sync"):
        program = Path(paths.path) / name
        program.unlink(missing_ok=True)
        program.write_text(SAY.replace("NAME", name).replace("{log}", str(scene.root / "log")))
        program.chmod(0o755)
    assert scene.run(word).returncode == 0
    calls = steps(scene)
    assert not [call for call in calls if call.startswith("sync")]
    assert f"fsync var lib/rollback-sshd{'' if word == 'confirm' else '.record.N'}" in calls
    assert "fsync var lib" in calls


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [("confirm", "timeout", True), ("discard", "asked", True)],
    ids=["confirmed", "discarded"],
)
def test_the_second_process_does_nothing(scene: Scene, first: str, second: str, kept: bool) -> None:
    copy = scene.root / "copy"
    copy.write_text(Path(scene.paths.script).read_text())
    assert scene.run(first).returncode == 0
    late = subprocess.run(["sh", str(copy), second], capture_output=True, text=True, check=False)
    assert late.returncode == 3
    assert (scene.main.read_text() == "Port 2222\n") is kept


def test_a_confirmation_after_the_start_is_too_late(scene: Scene) -> None:
    Path(scene.paths.armed).rename(scene.paths.started)
    ran = scene.run("confirm")
    assert (ran.returncode, ran.stderr) == (3, "too late to confirm: the change is being rolled back or was\n")
    assert scene.main.read_text() == "Port 2222\n"


def test_a_rollback_that_ended_does_not_start_over(scene: Scene) -> None:
    """The power went between its end and the removal of its copies, of which some are gone."""
    Path(scene.paths.armed).rename(f"{scene.paths.folder}/ended")
    (Path(scene.paths.folder) / "0").unlink()
    assert scene.run("boot").returncode == 3
    assert not Path(scene.paths.record).exists()


def test_an_interrupted_rollback_starts_over(scene: Scene) -> None:
    Path(scene.paths.armed).rename(scene.paths.started)
    assert scene.run("boot").returncode == 0
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    # At boot sshd is not up yet: it is neither asked nor started.
    assert not [call for call in scene.calls() if call.startswith("sshd")]
    assert scene.record().trigger == "boot"


def test_a_rejected_configuration_is_reported_and_sshd_left_alone(scene: Scene) -> None:
    (scene.root / "rejects").touch()
    assert scene.run("timeout").returncode == 1
    words = "sshd -t rejects the restored configuration: line 3: Bad configuration option: Prot"
    assert scene.record().problems == words
    assert [call for call in scene.calls() if call.startswith("sshd")] == ["sshd -t"]


def test_a_file_that_cannot_be_restored_does_not_stop_the_others(scene: Scene) -> None:
    (Path(scene.paths.folder) / "0").unlink()
    assert scene.run("timeout").returncode == 1
    assert scene.record().problems == f"{scene.main} could not be restored"
    assert not scene.dropin.exists()
    assert not list(scene.root.glob("sshd_config.rollback-*"))


def test_a_problem_inside_the_sandbox_is_left_to_a_second_attempt_outside(scene: Scene) -> None:
    (scene.root / "rejects").touch()
    assert scene.run("timeout", "sandboxed").returncode == 4
    assert not Path(scene.paths.record).exists()
    assert Path(scene.paths.started).exists()
    (scene.root / "rejects").unlink()
    assert scene.run("timeout").returncode == 0
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert (scene.record().trigger, scene.record().problems) == ("timeout", "")


def test_a_complete_first_attempt_leaves_nothing_to_a_second(scene: Scene) -> None:
    assert scene.run("timeout", "sandboxed").returncode == 0
    assert scene.record().problems == ""
    assert not Path(scene.paths.script).exists()


def test_the_watch_fires_after_its_seconds(scene: Scene) -> None:
    started = time.monotonic()
    assert scene.run("watch").returncode == 0
    assert 2 <= time.monotonic() - started < 10
    assert scene.record().trigger == "timeout"


@pytest.mark.parametrize("armed", [None, "another's\n9\n"], ids=["confirmed", "armed-anew"])
def test_the_watch_ends_where_its_change_is_no_longer_pending(scene: Scene, armed: str | None) -> None:
    if armed is None:
        Path(scene.paths.armed).unlink()
    else:
        Path(scene.paths.armed).write_text(armed)
    assert scene.run("watch").returncode == 0
    assert scene.main.read_text() == "Port 2222\n"
    assert not Path(scene.paths.record).exists()


def test_two_rollbacks_at_once_give_one_result(scene: Scene) -> None:
    both = [
        subprocess.Popen(["sh", scene.paths.script, word], stderr=subprocess.PIPE, text=True)
        for word in ("asked", "timeout")
    ]
    assert all(process.wait(timeout=30) in (0, 3) for process in both)
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert scene.record().problems == ""


@pytest.mark.parametrize("word", ["", "restore"])
def test_another_argument_is_refused(scene: Scene, word: str) -> None:
    assert scene.run(word).returncode == 2
    assert Path(scene.paths.armed).exists()


@pytest.mark.parametrize(("trigger", "runs"), [("asked", True), ("boot", False)])
def test_the_firewall_rules_are_removed(scene: Scene, trigger: str, runs: bool) -> None:
    """Its rules by its own command while it runs, its files in any case, after sshd is back."""
    tool, rules = scene.root / "bin" / "firewall", scene.root / "rules.xml"
    log = scene.root / "log"
    tool.write_text(f'#!/bin/sh\necho "firewall $*" >>{log}\nrm {rules}\nexit 1\n')
    tool.chmod(0o755)
    rules.write_text("22 2222")
    (Path(scene.paths.folder) / "last0").write_text("22")
    owner = f"{rules.stat().st_uid}:{rules.stat().st_gid}"
    daemon = RollbackDaemon(program=str(scene.root / "bin" / "sshd"), pid_file=str(scene.root / "sshd.pid"))
    steps = sshd_steps(daemon, [("firewall", "--remove", "it's")])
    last = (SavedFile(str(rules), "last0", owner, 0o600),)
    Path(scene.paths.script).write_text(rollback_script(RollbackPlan(scene.paths, "mine", 2, (), steps, last)))
    assert scene.run(trigger).returncode == int(runs)
    calls = [call for call in scene.calls() if not call.startswith("logger")]
    assert calls == (["sshd -t", "sshd ", "firewall --remove it's"] if runs else [])
    assert rules.read_text() == "22"
    assert scene.record().problems == ("this failed: firewall --remove it's" if runs else "")


def freebsd(scene: Scene) -> tuple[RollbackPaths, RollbackPlan]:
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
    paths = replace(scene.paths, path=str(bin_))
    Path(paths.rc_scripts).mkdir()
    Path(paths.rc_script).write_text(rc_script(paths))
    sshd = scene.root / "bin" / "sshd"
    owner = f"{os.getuid()}:{os.getgid()}"
    saved = (SavedFile(str(scene.main), "0", owner, 0o600), SavedFile(str(scene.dropin)))
    plan = RollbackPlan(paths, "mine", 60, saved, sshd_steps(RollbackDaemon(program=str(sshd), rc="sshd")))
    Path(paths.script).write_text(rollback_script(plan))
    Path(paths.armed).write_text(armed_text("mine", time.time() + 60))
    return paths, plan


# hier(7), /bin, /sbin, /usr/bin and /usr/sbin of FreeBSD 14; what the script calls besides may fail there.
FREEBSD_BASE = ("chmod", "chown", "cp", "date", "mkdir", "mv", "rm", "rmdir", "sed", "sleep", "sync", "timeout", "tr")
# fsync(1) is one of them too; Linux has no such command, so that its stand-in is in the test that is about it.


def test_freebsd_rolls_back_by_its_own_commands(scene: Scene) -> None:
    paths, _plan = freebsd(scene)
    ran = scene.run("asked")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert not scene.dropin.exists() and not Path(paths.rc_script).exists() and not Path(paths.folder).exists()
    assert [call for call in scene.calls() if not call.startswith("logger")] == [
        "lockf -s 9",
        "sshd -t",
        "service sshd onereload",
        "service sshd onestatus",
    ]
    assert scene.record().problems == ""


def test_freebsd_starts_an_sshd_that_is_down(scene: Scene) -> None:
    paths, _plan = freebsd(scene)
    service = Path(paths.path) / "service"
    service.write_text(service.read_text() + 'case "$2" in onestart) ;; *) exit 1 ;; esac\n')
    assert scene.run("asked").returncode == 0
    assert scene.calls()[-2].startswith("service sshd onestart")


def test_freebsd_rolls_back_at_boot_before_sshd(scene: Scene) -> None:
    paths, _plan = freebsd(scene)
    # rc(8) runs each script with "start" or, at a boot, "faststart"; a stop must not touch anything.
    for word in ("stop", "faststop", "status"):
        subprocess.run(["sh", paths.rc_script, word], check=True)
        assert scene.main.read_text() == "Port 2222\n"
    boot = Path(paths.rc_script).read_text()
    subprocess.run(["sh", paths.rc_script, "faststart"], check=True)
    assert scene.main.read_bytes() == b"Port 22\n# \xe9\n"
    assert not [call for call in scene.calls() if call.startswith("service")]
    assert not Path(paths.rc_script).exists()
    assert scene.record().trigger == "boot"
    assert "# PROVIDE: pyhost_rollback_sshd\n" in boot and "# BEFORE: LOGIN\n" in boot


def test_freebsd_removes_the_rollback_of_a_confirmed_change(scene: Scene) -> None:
    paths, _plan = freebsd(scene)
    assert scene.run("confirm").returncode == 0
    assert scene.main.read_text() == "Port 2222\n"
    assert not Path(paths.rc_script).exists() and not Path(paths.folder).exists()
