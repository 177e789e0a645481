"""Arming a rollback: what is on the disk when ``arm_rollback`` returns, in which order, and what a failure leaves."""

from __future__ import annotations

import os
import subprocess
import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import rollback_arm
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX,
    LINUX_WITHOUT_SYSTEMD,
    Platform,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.rollback_arm import arm_rollback, disarm
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    PendingRollback,
    RollbackPaths,
    RollbackRequest,
    RollbackSteps,
    parse_armed,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_sandbox import once_more_outside, sandbox
from tests.unit.disk_host import DiskHost
from tests.unit.fake_host import NOW, Clock, Expected
from tests.unit.power_cut import Disk

STEPS = RollbackSteps("put_in_force() { systemctl restart ssh.service; }\n")


@pytest.fixture
def paths(tmp_path: Path) -> RollbackPaths:
    for name in ("base", "units", "cron.d"):
        (tmp_path / name).mkdir()
    return RollbackPaths(
        "sshd",
        base=f"{tmp_path}/base/state",
        units=f"{tmp_path}/units",
        crontabs=f"{tmp_path}/cron.d",
        rc_scripts=f"{tmp_path}/rc.d",
    )


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback_arm, "time", Clock())


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """What is started as a process of its own."""
    found: list[t.Any] = []
    monkeypatch.setattr(subprocess, "Popen", lambda argv, **options: found.append((argv, options)))
    return found


def clock(paths: RollbackPaths, *, rc: int = 0, properties: list[str], arguments: t.Sequence[str] = ()) -> Expected:
    return Expected(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            "--unit=pyhost-rollback-sshd",
            "--on-active=45",
            "--timer-property=AccuracySec=1s",
            "--description=Roll back an unconfirmed change of the sshd configuration",
            *(f"--property={one}" for one in properties),
            *("/bin/sh", paths.script, "timeout"),
            *arguments,
        ],
        rc=rc,
        err="Failed to start transient timer unit: Access denied" if rc else "",
    )


def boxed(paths: RollbackPaths) -> list[str]:
    return [*sandbox(paths), once_more_outside(paths, "timeout")]


def request(*files: Path, steps: RollbackSteps = STEPS) -> RollbackRequest:
    return RollbackRequest(tuple(map(str, files)), 45, steps)


def test_all_is_on_the_disk_before_the_clock_starts(tmp_path: Path, paths: RollbackPaths) -> None:
    main = tmp_path / "sshd_config"
    main.write_bytes(b"Port 22\n# \xe9\n")
    main.chmod(0o640)
    rules, new = tmp_path / "user.rules", tmp_path / "new" / "folder" / "00.conf"
    rules.write_text("22\n")
    host = DiskHost(tmp_path, commands=[])
    wanted = replace(request(new, main, main), last_files=(str(rules),))
    folder = [f"-/etc -/run -{os.path.dirname(paths.base)}", f"-{tmp_path}"]
    properties = [*sandbox(paths)[:-1], f"ReadWritePaths={' '.join(folder)}", once_more_outside(paths, "timeout")]
    host.commands = [clock(paths, properties=properties, arguments=["sandboxed"])]
    armed = arm_rollback(host, wanted, paths)  # type: ignore[arg-type]  # a stand-in
    host.done()
    assert armed == PendingRollback(armed.token, 45, "systemd", paths.base)
    assert host.journal[:-1] == [
        "sync /base/state",
        "sync /base",
        # Sorted: "new" comes before "sshd_config", and has no copy because it is not there.
        "write /base/state/rollback-sshd/1",
        "write /base/state/rollback-sshd/last0",
        "write /base/state/rollback-sshd/rollback",
        "write /base/state/rollback-sshd/armed",
        "write /units/pyhost-rollback-sshd-boot.service",
        "sync /units/sysinit.target.wants",
    ]
    assert host.journal[-1].startswith("systemd-run ")
    assert host.modes[paths.boot_unit] == 0o644
    assert Path(paths.boot_link).readlink() == Path(paths.boot_unit)
    assert f"-{tmp_path}" in Path(paths.boot_unit).read_text()
    assert (Path(paths.folder) / "1").read_bytes() == b"Port 22\n# \xe9\n"
    assert parse_armed(Path(paths.armed).read_text()) == (armed.token, NOW + 45.0)
    # Only root may read the copies and run the script.
    names = ("1", "last0", "rollback", "armed")
    assert [host.modes[f"{paths.folder}/{name}"] for name in names] == [0o600, 0o600, 0o700, 0o600]
    assert [os.stat(path).st_mode & 0o777 for path in (paths.base, paths.folder)] == [0o700, 0o700]
    text = Path(paths.script).read_text()
    owner = f"{os.getuid()}:{os.getgid()}"
    assert f"    restore 1 {main} {owner} 0640 ''\n" in text
    assert f"    restore last0 {rules} {owner} 0644 ''\n" in text
    folders = "".join(f"    remove_directory {parent}\n" for parent in (new.parent, new.parent.parent))
    assert f"    remove {new}\n{folders}" in text
    assert f"token={armed.token}\n" in text and "seconds=45\n" in text
    assert "systemctl restart ssh.service" in text


class Module:
    """The little of AnsibleModule that files need."""

    check_mode = False

    def selinux_enabled(self) -> bool:
        return False


@pytest.mark.parametrize("is_base_there", [False, True], ids=["first", "a run that was killed left the base"])
@pytest.mark.parametrize(
    ("platform", "boot"),
    [
        pytest.param(LINUX, "/units/sysinit.target.wants/pyhost-rollback-sshd-boot.service", id="systemd"),
        pytest.param(FREEBSD, "/rc.d/pyhost_rollback_sshd", id="FreeBSD"),
        pytest.param(LINUX_WITHOUT_SYSTEMD, "/cron.d/pyhost-rollback-sshd", id="cron"),
    ],
)
def test_a_power_cut_takes_nothing_of_the_rollback(
    tmp_path: Path,
    paths: RollbackPaths,
    monkeypatch: pytest.MonkeyPatch,
    is_base_there: bool,
    platform: Platform,
    boot: str,
) -> None:
    """Each new file, link and folder has its entry on the disk, up to a folder that was there: before the change."""
    main = tmp_path / "sshd_config"
    main.write_text("Port 22\n")
    disk = Disk(tmp_path, monkeypatch)
    if is_base_there:
        # Nobody has flushed it.
        Path(paths.base).mkdir(0o700)
    host: t.Any = Host(Module())
    host.platform = platform
    host.find = lambda program: f"/usr/sbin/{program}"
    host.run = lambda argv, **_named: types.SimpleNamespace(ok=True)
    arm_rollback(host, request(main, tmp_path / "new" / "00.conf"), paths)
    assert disk.after_power_cut() == disk.now()
    assert boot in disk.now() and disk.now()["/base/state/rollback-sshd/1"] == b"Port 22\n"


def test_two_rollbacks_have_two_tokens(tmp_path: Path, paths: RollbackPaths) -> None:
    host = DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD)
    first = arm_rollback(host, request(), paths)  # type: ignore[arg-type]  # a stand-in
    disarm(host, paths)  # type: ignore[arg-type]  # a stand-in
    assert arm_rollback(host, request(), paths).token != first.token  # type: ignore[arg-type]  # a stand-in


def test_the_rollback_of_another_run_is_left_alone(tmp_path: Path, paths: RollbackPaths) -> None:
    Path(paths.folder).mkdir(parents=True)
    Path(paths.armed).write_text("another's\n9\n")
    host = DiskHost(tmp_path)
    with pytest.raises(BaselineError) as caught:
        arm_rollback(host, request(), paths)  # type: ignore[arg-type]  # a stand-in
    assert str(caught.value) == (
        f"{paths.folder}: another run has changed the sshd configuration and has not confirmed it yet; this task "
        "changed nothing; run again when it has ended"
    )
    assert Path(paths.armed).read_text() == "another's\n9\n"
    assert host.journal == []


@pytest.mark.parametrize("error", [None, KeyboardInterrupt], ids=["refused", "interrupted"])
def test_a_clock_that_does_not_start_leaves_nothing(
    tmp_path: Path,
    paths: RollbackPaths,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException] | None,
) -> None:
    stop = Expected(["systemctl", "stop", "pyhost-rollback-sshd.timer"])
    host = DiskHost(tmp_path, commands=[clock(paths, rc=1, properties=boxed(paths), arguments=["sandboxed"]), stop])
    if error:

        def interrupt(*_arguments: t.Any) -> t.NoReturn:
            raise KeyboardInterrupt

        host.commands = [stop]
        monkeypatch.setattr(rollback_arm, "_start_clock", interrupt)
    with pytest.raises(error or BaselineError) as caught:
        arm_rollback(host, request(), paths)  # type: ignore[arg-type]  # a stand-in
    host.done()
    if not error:
        assert str(caught.value) == (
            "the rollback of the change cannot be armed: systemd-run fails with: Failed to start transient timer "
            "unit: Access denied (rc=1); this task changed nothing; set confirm to false to do without"
        )
    assert not Path(paths.base).exists()
    assert not os.path.lexists(paths.boot_link) and not Path(paths.boot_unit).exists()
    # The state goes first: from then on a boot rolls nothing back.
    assert [line for line in host.journal if line.startswith("remove")][0].endswith("/armed")


def test_a_script_that_starts_sshd_itself_has_no_sandbox(tmp_path: Path, paths: RollbackPaths) -> None:
    host = DiskHost(tmp_path, commands=[clock(paths, properties=[])])
    arm_rollback(host, request(steps=replace(STEPS, is_sandboxed=False)), paths)  # type: ignore[arg-type]  # a stand-in
    host.done()


@pytest.mark.parametrize(
    ("host_kind", "has_crontabs", "boot"),
    [
        pytest.param((FREEBSD, []), True, "rc", id="FreeBSD"),
        pytest.param((LINUX_WITHOUT_SYSTEMD, ["cron"]), True, "cron", id="cron"),
        pytest.param((LINUX_WITHOUT_SYSTEMD, ["crond"]), True, "cron", id="crond"),
        pytest.param((LINUX_WITHOUT_SYSTEMD, []), True, "none", id="no cron"),
        pytest.param((LINUX_WITHOUT_SYSTEMD, ["cron"]), False, "none", id="cron without its folder"),
        pytest.param((LINUX_WITHOUT_SYSTEMD, ["crond"]), False, "none", id="crond without its folder"),
    ],
)
def test_the_next_boot_is_covered_without_systemd(
    host_kind: tuple[Platform, list[str]],
    has_crontabs: bool,
    boot: str,
    tmp_path: Path,
    paths: RollbackPaths,
    started: list[t.Any],
) -> None:
    if not has_crontabs:
        Path(paths.crontabs).rmdir()
    host = DiskHost(tmp_path, platform=host_kind[0])
    host.programs = host_kind[1]
    assert arm_rollback(host, request(), paths).boot == boot  # type: ignore[arg-type]  # a stand-in
    assert Path(paths.rc_script).exists() is (boot == "rc")
    assert Path(paths.crontab).exists() is (boot == "cron")
    if boot == "cron":
        # cron(8) refuses a file that others may write.
        assert host.modes[paths.crontab] == 0o644
    if boot == "rc":
        assert host.modes[paths.rc_script] == 0o555
    # The clock outlives the run: nothing of ours is open in it.
    (argv, options) = started[0]
    assert argv == ["/bin/sh", paths.script, "watch"]
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    assert options == {**nothing, "start_new_session": True, "close_fds": True, "cwd": "/"}
    assert len(started) == 1


def test_the_selinux_context_is_saved(tmp_path: Path, paths: RollbackPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    main = tmp_path / "sshd_config"
    main.write_text("Port 22\n")
    asked: list[t.Any] = []

    def getxattr(*arguments: str) -> bytes:
        asked.append(arguments)
        return b"system_u:object_r:etc_t:s0\0"

    monkeypatch.setattr(os, "getxattr", getxattr, raising=False)
    arm_rollback(DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD), request(main), paths)  # type: ignore[arg-type]  # a stand-in
    assert asked == [(str(main), "security.selinux")]
    assert "0644 system_u:object_r:etc_t:s0\n" in Path(paths.script).read_text()


def test_a_system_without_contexts_has_none(
    tmp_path: Path, paths: RollbackPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = tmp_path / "sshd_config"
    main.write_text("Port 22\n")
    monkeypatch.delattr(os, "getxattr", raising=False)
    arm_rollback(DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD), request(main), paths)  # type: ignore[arg-type]  # a stand-in
    assert f"restore 0 {main} {os.getuid()}:{os.getgid()} 0644 ''\n" in Path(paths.script).read_text()


def test_the_file_behind_a_link_is_saved(tmp_path: Path, paths: RollbackPaths) -> None:
    (tmp_path / "real").write_text("Port 22\n")
    (tmp_path / "sshd_config").symlink_to(tmp_path / "real")
    arm_rollback(DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD), request(tmp_path / "sshd_config"), paths)  # type: ignore[arg-type]  # fake
    assert f"restore 0 {tmp_path / 'real'} " in Path(paths.script).read_text()


def test_every_bit_of_a_mode_is_restored(tmp_path: Path, paths: RollbackPaths) -> None:
    main = tmp_path / "sshd_config"
    main.write_text("Port 22\n")
    for mode in (0o7777, 0o0001, 0o4000):
        main.chmod(mode)
        if not os.access(main, os.R_OK):
            continue
        host = DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD)
        arm_rollback(host, request(main), paths)  # type: ignore[arg-type]  # a stand-in
        assert f"restore 0 {main} {os.getuid()}:{os.getgid()} {mode:04o} ''\n" in Path(paths.script).read_text()
        # Whatever its mode is, the copy is root's alone.
        assert host.modes[f"{paths.folder}/0"] == 0o600
        disarm(host, paths)  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize("platform", [FREEBSD, LINUX_WITHOUT_SYSTEMD])
def test_what_has_nothing_to_restore_is_removed_without_systemd(
    tmp_path: Path, paths: RollbackPaths, platform: Platform
) -> None:
    Path(paths.folder).mkdir(parents=True)
    Path(paths.record).write_text("token=a\n")
    (tmp_path / "rc.d").mkdir()
    files = (paths.armed, paths.boot_unit, paths.crontab, paths.rc_script)
    for path in files:
        Path(path).write_text("")
    host = DiskHost(tmp_path, platform=platform)
    disarm(host, paths)  # type: ignore[arg-type]  # a stand-in
    assert not [path for path in (*files, paths.folder) if Path(path).exists()]
    # The record of the last one is still to be reported.
    assert Path(paths.record).exists()
    # From its first removal on a boot would roll nothing back.
    assert host.journal[0] == "remove /base/state/rollback-sshd/armed"


def test_a_folder_that_another_run_has_removed_meanwhile_is_no_error(tmp_path: Path, paths: RollbackPaths) -> None:
    Path(paths.boot_unit).write_text("")
    disarm(DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD), paths)  # type: ignore[arg-type]  # a stand-in
    assert not Path(paths.boot_unit).exists()


@pytest.mark.parametrize("step", ["copy", "rollback", "armed", "boot.service"])
def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, paths: RollbackPaths, monkeypatch: pytest.MonkeyPatch, step: str, started: list[t.Any]
) -> None:
    main = tmp_path / "sshd_config"
    main.write_text("Port 22\n")
    host = DiskHost(tmp_path, commands=[Expected(["systemctl", "stop", "pyhost-rollback-sshd.timer"])])
    write = host.write

    def full(path: str, text: str, *, mode: int = 0o644) -> None:
        if path.endswith("/0" if step == "copy" else step):
            raise BaselineError(f"{path} cannot be written: No space left on device")
        write(path, text, mode=mode)

    monkeypatch.setattr(host, "write", full)
    with pytest.raises(BaselineError, match="No space left on device") as caught:
        arm_rollback(host, request(main), paths)  # type: ignore[arg-type]  # a stand-in
    host.done()
    # Nothing was changed yet, and the next run is not kept from it.
    assert caught.value.state is None
    assert not Path(paths.base).exists() and not os.path.lexists(paths.boot_link)
    assert main.read_text() == "Port 22\n" and started == []


def test_a_folder_that_cannot_be_made_is_no_rollback_of_another_run(
    tmp_path: Path, paths: RollbackPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = DiskHost(tmp_path)

    def refuse(path: str, *, mode: int = 0o755) -> t.NoReturn:
        raise BaselineError(f"{path} cannot be created: Read-only file system")

    monkeypatch.setattr(host, "make_directory", refuse)
    with pytest.raises(BaselineError, match="Read-only file system"):
        arm_rollback(host, request(), paths)  # type: ignore[arg-type]  # a stand-in
    assert host.journal == []


def test_the_firewalls_files_and_sshds_have_copies_of_their_own(tmp_path: Path, paths: RollbackPaths) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file in files:
        file.write_text(file.name)
    wanted = replace(request(*files[:2]), last_files=(str(files[2]), str(files[0])))
    arm_rollback(DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD), wanted, paths)  # type: ignore[arg-type]  # fake
    copies = {path.name: path.read_text() for path in Path(paths.folder).iterdir() if path.name[-1].isdigit()}
    assert copies == {"0": "a", "1": "b", "last0": "a", "last1": "c"}


@pytest.mark.parametrize("where", ["mkdir", "symlink", "Popen"])
def test_what_the_system_refuses_is_an_error_that_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / "units").mkdir()
    paths = RollbackPaths("sshd", base=f"{tmp_path}/base", units=f"{tmp_path}/units", crontabs=f"{tmp_path}/c")

    def refuse(*_given: object, **_named: object) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    host: t.Any = DiskHost(tmp_path, platform=LINUX_WITHOUT_SYSTEMD if where == "Popen" else None)
    host.make_directory = lambda path, mode=0o755: os.makedirs(path, exist_ok=True) if where != "mkdir" else None
    host.run = lambda argv, **_named: types.SimpleNamespace(ok=True)
    monkeypatch.setattr(rollback_arm.subprocess if where == "Popen" else rollback_arm.os, where, refuse)
    with pytest.raises(BaselineError, match="cannot be armed: No space left on device; this task changed nothing$"):
        arm_rollback(host, RollbackRequest((), 45, STEPS), paths)
    assert not Path(paths.folder).exists()
