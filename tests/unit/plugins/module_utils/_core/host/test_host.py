"""What the host refuses: the old file or the new one is there, whole, and a sentence says why."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import host as host_module
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from tests.unit.fake_host import Clock
from tests.unit.power_cut import Disk

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


class Module:
    """The little of AnsibleModule that files need."""

    check_mode = False

    def selinux_enabled(self) -> bool:
        return False


@pytest.fixture(name="host")
def _host() -> Host:
    return Host(Module())


def test_a_full_disk_leaves_the_old_file_whole(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.conf"
    file.write_text("old\n")

    def full(fd: int) -> t.NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError) as caught:
        host.write(str(file), "new\n")
    assert str(caught.value) == f"{file} cannot be written: No space left on device; this task changed nothing"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.conf": "old\n"}


def test_a_read_only_file_system_is_named(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: str, *, dir_fd: int) -> t.NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", read_only)
    with pytest.raises(BaselineError) as caught:
        host.remove("/etc/x")
    assert str(caught.value) == "/etc/x cannot be removed: Read-only file system; this task changed nothing"


def test_a_power_cut_takes_nothing_that_was_written(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path, monkeypatch)
    host.make_directory(str(tmp_path / "a" / "b"))
    host.put(str(tmp_path / "new" / "file"), "text\n")
    host.write(str(tmp_path / "a" / "gone"), "text\n")
    host.remove(str(tmp_path / "a" / "gone"))
    assert disk.after_power_cut() == {"/a": None, "/a/b": None, "/new": None, "/new/file": b"text\n"}


def test_what_others_have_written_is_flushed_on_request(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path, monkeypatch)
    (tmp_path / "user.rules").write_text("22\n")
    host.sync(str(tmp_path / "user.rules"))
    assert disk.after_power_cut() == {}
    host.sync(str(tmp_path), str(tmp_path / "absent"))
    assert disk.after_power_cut() == {"/user.rules": b"22\n"}


def test_a_disk_that_fails_at_a_flush_is_named(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> t.NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BaselineError, match=f"{tmp_path} cannot be flushed to the disk: Input/output error"):
        host.sync(str(tmp_path))


def test_modes_do_not_depend_on_the_umask(host: Host, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        host.make_directory(str(tmp_path / "a" / "b"))
        host.write(str(tmp_path / "a" / "b" / "c"), "")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o644]


def test_only_the_folder_itself_is_closed_not_those_above_it(host: Host, tmp_path: Path) -> None:
    # /var/db, where it is missing, is not ours alone.
    host.make_directory(str(tmp_path / "db" / "own"), mode=0o700)
    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("db", "db/own")] == [0o755, 0o700]


def test_what_is_absent_is_removed_already(host: Host, tmp_path: Path) -> None:
    host.remove(str(tmp_path / "x"))


@pytest.mark.skipif(not os.path.exists("/proc/sys/kernel/pid_max"), reason="Linux alone has it")
def test_a_value_of_the_kernel_is_read(host: Host) -> None:
    assert (host.read("/proc/sys/kernel/pid_max") or "").strip().isdigit()


@AS_ROOT
def test_a_path_below_somebody_elses_folder_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    os.chown(tmp_path / "home", 65534, 65534)
    for change in (lambda path: host.write(path, ""), host.remove, host.make_directory):
        with pytest.raises(
            BaselineError, match=r"is below .*/home, which belongs to .*; this task changed nothing; remove that right"
        ):
            change(str(tmp_path / "home" / "a"))
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_write_leads_nowhere(host: Host, tmp_path: Path, mode: int) -> None:
    victim = tmp_path / "victim"
    victim.write_text("old")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "link").symlink_to(victim)
    (shared / "below").mkdir()
    shared.chmod(mode)
    for path in ("link", "below/a"):
        with pytest.raises(BaselineError, match=f"can be written by .*mode {mode:04o}"):
            host.write(str(shared / path), "new")
    assert victim.read_text() == "old"
    assert list((shared / "below").iterdir()) == []


@AS_ROOT
def test_in_a_folder_of_a_group_a_file_has_to_be_roots(host: Host, tmp_path: Path) -> None:
    """So is /var/log of Ubuntu, where fail2ban's log is made."""
    log = tmp_path / "log"
    log.mkdir()
    log.chmod(0o775)
    host.write(str(log / "new"), "text")
    (log / "theirs").write_text("")
    os.chown(log / "theirs", 65534, 65534)
    with pytest.raises(BaselineError, match="can be written by the group"):
        host.write(str(log / "theirs"), "text")
    assert (log / "new").read_text() == "text"


def test_roots_own_links_are_followed(host: Host, tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/../real/deep")
    (tmp_path / "real" / "deep" / "a").symlink_to(tmp_path / "b")
    host.write(str(tmp_path / "link" / "a"), "text")
    host.make_directory(str(tmp_path / "link" / "folder"))
    assert (tmp_path / "b").read_text() == "text"
    assert (tmp_path / "real" / "deep" / "a").is_symlink()
    host.remove(str(tmp_path / "link" / "a"))
    assert (tmp_path / "b").read_text() == "text"
    assert [path.name for path in (tmp_path / "real" / "deep").iterdir()] == ["folder"]


def test_links_that_go_round_end(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(BaselineError, match="Too many levels of symbolic links"):
        host.write(str(tmp_path / "a"), "")


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file_is_not_read(host: Host, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(BaselineError, match="cannot be read: it is not a regular file"):
        host.read(str(path))


def test_a_file_switched_off_by_a_link_is_empty(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/dev/null")
    assert host.read(str(tmp_path / "a")) == ""


def test_the_end_of_a_long_file(host: Host, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\nb\nc\n")
    assert host.read(str(tmp_path / "log"), last=4) == "b\nc\n"
    assert host.read(str(tmp_path / "log"), last=100) == "a\nb\nc\n"


def test_a_copy_leaves_out_pipes(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("text")
    (tmp_path / "a" / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "a" / "pipe")
    host.copy_tree(str(tmp_path / "a"), str(tmp_path / "b"))
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["file", "link"]
    assert (tmp_path / "b" / "file").read_text() == "text"


# Commands.


class RunningModule(Module):
    """A module that finds programs and knows of SELinux; ``calls`` are its own and those of commands."""

    def __init__(self, *, selinux: bool = False) -> None:
        self.calls: list[t.Any] = []
        self.selinux = selinux
        self.tmpdir: str | None = None

    def get_bin_path(self, program: str, *, required: bool, opt_dirs: list[str]) -> str | None:
        assert (required, opt_dirs) == (False, ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin"])
        return None if program == "absent" else f"/usr/sbin/{program}"

    def selinux_enabled(self) -> bool:
        return self.selinux

    def selinux_context(self, path: str) -> list[str | None]:
        return ["kept", "of", path]

    def selinux_default_context(self, path: str) -> list[str | None]:
        return [None, None] if path == "/none" else ["default", "of", path]

    def set_context_if_different(self, path: str, context: t.Any, changed: bool) -> bool:
        self.calls.append((os.path.basename(path)[:3], os.path.dirname(path), context, changed))
        return True


def hosted(*, selinux: bool = False) -> tuple[Host, RunningModule]:
    module = RunningModule(selinux=selinux)
    return Host(t.cast(t.Any, module)), module


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[Host, RunningModule]]:
    """Return a host whose commands answer the same, and the module that has their arguments."""

    def build(*answer: t.Any) -> tuple[Host, RunningModule]:
        host, module = hosted()

        def run_command(argv: list[str], **options: t.Any) -> t.Any:
            module.calls.append((argv, options))
            return answer or (0, "", "")

        monkeypatch.setattr(host_module, "run_command", run_command)
        return host, module

    return build


@pytest.mark.parametrize(
    ("argv", "program"),
    [(["sshd", "-T"], "/usr/sbin/sshd"), (["/opt/sshd", "-T"], "/opt/sshd"), (["./x", "-T"], "./x")],
)
def test_a_command_is_given_as_it_is(argv: list[str], program: str, answers: t.Any) -> None:
    host, module = answers(3, "out", "err")
    ran = host.run(argv, data="input")
    assert (ran.argv, ran.rc, ran.out, ran.err, ran.ok) == (tuple(argv), 3, "out", "err", False)
    assert module.calls == [
        ([program, "-T"], {"data": "input", "env": {"LC_ALL": "C", "LANGUAGE": "C"}}),
    ]


def test_an_environment_is_added_to_that_of_all_commands(answers: t.Any) -> None:
    host, module = answers()
    assert host.run(["x"], env={"APT_CONFIG": "/x", "LC_ALL": "C.UTF-8"}).ok
    ((_argv, options),) = module.calls
    assert options["env"] == {"LC_ALL": "C.UTF-8", "LANGUAGE": "C", "APT_CONFIG": "/x"}
    assert options["data"] is None


def test_a_command_that_is_absent_answers_as_a_shell_does() -> None:
    host, module = hosted()
    ran = host.run(["absent", "-x"])
    assert (ran.argv, ran.rc, ran.out, ran.err) == (("absent", "-x"), 127, "", "absent: command not found")
    assert module.calls == []


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ((0, "out\n", "err\n"), "err"),
        ((1, "out\n", ""), "out (rc=1)"),
        ((1, "", " \n"), "no output (rc=1)"),
        ((0, "", ""), "no output"),
        ((-9, "a\nb", ""), "a; b (rc=-9)"),
    ],
)
def test_what_a_command_says(result: tuple[int, str, str], text: str, answers: t.Any) -> None:
    ran = answers(*result)[0].run(["x"])
    assert ran.message() == text
    assert ran.ok is (result[0] == 0)


# SELinux.


@pytest.mark.parametrize("exists", [True, False])
def test_a_file_keeps_its_context_and_a_new_one_gets_that_of_the_policy(tmp_path: Path, exists: bool) -> None:
    host, module = hosted(selinux=True)
    path = tmp_path / "a"
    if exists:
        path.write_text("old")
    host.write(str(path), "new")
    assert path.read_text() == "new"
    # It is set before the file has its name.
    assert module.calls == [(".a.", str(tmp_path), ["kept" if exists else "default", "of", str(path)], False)]


def test_without_selinux_no_context_is_set(tmp_path: Path) -> None:
    host, module = hosted()
    host.write(str(tmp_path / "a"), "new")
    assert module.calls == []


def test_the_context_that_the_policy_gives() -> None:
    assert hosted(selinux=True)[0].label("/etc/x") == "default:of:/etc/x"
    assert hosted(selinux=True)[0].label("/none") is None
    assert hosted()[0].label("/etc/x") is None


# Files.


def test_a_replaced_file_keeps_its_owner_and_mode(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o640)
    host.write(str(path), "new", mode=0o600)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)
    host.write(str(tmp_path / "b"), "new", mode=0o600)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


@AS_ROOT
def test_a_replaced_file_stays_whose_it_is(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    os.chown(path, 65534, 65533)
    host.write(str(path), "new")
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 65534, 65533)


def test_a_file_is_put_with_its_folder_or_removed(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a"
    host.put(str(path), "text")
    assert path.read_text() == "text"
    host.put(str(path), None)
    assert not path.exists() and path.parent.is_dir()
    host.put(str(tmp_path / "absent" / "a"), None)
    assert not (tmp_path / "absent").exists()


def test_bytes_that_are_no_text_survive(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe\r\n")
    text = host.read(str(tmp_path / "a")) or ""
    host.write(str(tmp_path / "b"), text)
    host.lay_out({str(tmp_path / "c" / "d"): text})
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c" / "d").read_bytes() == b"\xff\xfe\r\n"
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) & 0o077 == 0


def test_what_is_absent_is_neither_read_nor_known(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent", tmp_path / "file" / "below"):
        assert host.read(str(path)) is None
        assert host.stat(str(path)) is None
    assert host.stat(str(tmp_path / "file")) is not None


@pytest.mark.parametrize("call", ["open", "fstat"])
def test_a_file_that_cannot_be_read_is_an_error(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_given: t.Any, **_named: t.Any) -> t.NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "a"
    path.write_text("text")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with monkeypatch.context() as patch:
        patch.setattr(f"{Host.__module__}.os.{call}", refuse)
        with pytest.raises(BaselineError) as caught:
            host.read(str(path))
    assert caught.value.problem == f"{path} cannot be read: Input/output error"
    # Nothing of it stays open.
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)


@pytest.mark.parametrize(("size", "is_read"), [(9, True), (10, True), (11, False), (40, False)])
def test_a_file_without_an_end_is_not_read(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, is_read: bool
) -> None:
    monkeypatch.setattr(f"{Host.__module__}._MOST", 10)
    monkeypatch.setattr(f"{Host.__module__}._PART", 4)
    path = tmp_path / "a"
    path.write_text("x" * size)
    if is_read:
        assert host.read(str(path)) == "x" * size
        return
    with pytest.raises(BaselineError, match="cannot be read: it is longer than 10 bytes"):
        host.read(str(path))


def test_paths_are_sorted_as_daemons_do(host: Host, tmp_path: Path) -> None:
    for name in ("b.conf", "B.conf", "a.conf", "_.conf", "a.other"):
        (tmp_path / name).write_text("")
    assert [os.path.basename(path) for path in host.glob(f"{tmp_path}/*.conf")] == [
        "B.conf",
        "_.conf",
        "a.conf",
        "b.conf",
    ]


def test_a_link_is_resolved(host: Host, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    assert host.target(str(tmp_path / "link")) == host.target(str(tmp_path / "a")) == os.path.realpath(tmp_path / "a")


def test_a_file_that_has_become_a_pipe_is_not_copied(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe")
    (tmp_path / "file").write_text("")
    was = os.lstat(tmp_path / "file")
    # As if it were a file while the folder is listed.
    monkeypatch.setattr(f"{Host.__module__}.os.lstat", lambda _path: was)
    with pytest.raises(BaselineError, match="pipe cannot be copied: it is not a regular file"):
        host.copy_tree(str(tmp_path / "a"), str(tmp_path / "b"))


# What lasts until the next boot.


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setattr(f"{Host.__module__}.paths.runtime_folder", lambda: str(folder))
    return folder


@AS_ROOT
def test_a_scratch_directory_is_roots_alone_and_goes_with_the_process(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last: list[t.Any] = []
    monkeypatch.setattr(f"{Host.__module__}.atexit.register", lambda *given, **named: last.append((given, named)))
    host, _module = hosted()
    first, second = host.scratch(), host.scratch()
    assert first != second and os.path.dirname(first) == os.path.dirname(second) == str(runtime)
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (str(runtime), first)] == [0o700, 0o700]
    (function, path), named = last[0]
    function(path, **named)
    assert not os.path.exists(first) and os.path.exists(second)
    # It may be gone already.
    function(path, **named)


def test_a_user_has_the_folder_of_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Host.__module__}.os.geteuid", lambda: 1000)
    monkeypatch.setattr(f"{Host.__module__}.atexit.register", lambda *_given, **_named: None)
    host, module = hosted()
    module.tmpdir = str(tmp_path)
    assert os.path.dirname(host.scratch()) == str(tmp_path)


def test_who_may_not_make_the_folder_has_to_become_root(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> t.NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(f"{Host.__module__}.paths.private_folder", refuse)
    with pytest.raises(BaselineError) as caught:
        hosted()[0].runtime()
    assert (caught.value.problem, caught.value.hint) == (
        f"{runtime} cannot be created: Permission denied",
        "become root (become: true)",
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(f"{Host.__module__}.time", clock)
    return clock


def take(runtime: Path) -> int:
    """Hold the lock ``sshd`` as another run does."""
    fd = os.open(runtime / "sshd.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@AS_ROOT
def test_a_lock_is_held_until_its_end(runtime: Path, clock: Clock) -> None:
    host, _module = hosted()
    with host.lock("sshd"), host.lock("fail2ban"):
        for name in ("sshd", "fail2ban"):
            with pytest.raises(BaselineError), host.lock(name, seconds=0.0):
                pytest.fail("it is held twice")
    assert clock.now == 0
    assert stat.S_IMODE((runtime / "sshd.lock").stat().st_mode) == 0o600
    with pytest.raises(KeyError), host.lock("sshd"):
        raise KeyError
    # An error lets go of it too.
    with host.lock("sshd", seconds=0.0):
        pass


@AS_ROOT
@pytest.mark.parametrize(("seconds", "waited"), [(None, 30.0), (1.0, 1.0), (0.0, 0.0)])
def test_who_does_not_let_go_is_not_waited_for_without_end(
    runtime: Path, clock: Clock, seconds: float | None, waited: float
) -> None:
    runtime.mkdir(mode=0o700)
    fd = take(runtime)
    options: dict[str, float] = {} if seconds is None else {"seconds": seconds}
    try:
        with pytest.raises(BaselineError) as caught, hosted()[0].lock("sshd", **options):
            pytest.fail("another run holds it")
    finally:
        os.close(fd)
    assert caught.value.problem == (
        f"another run of pyhost.baseline has held {runtime}/sshd.lock for {waited:.0f} seconds"
    )
    assert caught.value.hint == "run again when the other run has ended"
    assert waited <= clock.now < waited + 0.3


@AS_ROOT
def test_who_lets_go_in_time_is_waited_for(runtime: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.mkdir(mode=0o700)
    fd = take(runtime)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > 5:
            fcntl.flock(fd, fcntl.LOCK_UN)

    monkeypatch.setattr(clock, "sleep", sleep)
    with hosted()[0].lock("sshd"):
        assert 5 < clock.now < 6
    os.close(fd)


@AS_ROOT
def test_a_link_is_no_lock(runtime: Path, tmp_path: Path) -> None:
    runtime.mkdir(mode=0o700)
    (runtime / "sshd.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(BaselineError) as caught, hosted()[0].lock("sshd"):
        pytest.fail("the link was followed")
    assert caught.value.problem.startswith(f"{runtime}/sshd.lock cannot be locked: ")
    assert caught.value.hint == "become root (become: true), or remove the file"
    assert not (tmp_path / "victim").exists()
