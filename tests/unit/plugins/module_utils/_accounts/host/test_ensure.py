# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcripts of Debian and of FreeBSD's pw(8): which commands run in which order, and what none of them shows."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts import key_file as accounts_key_file
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts import system as accounts_system
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.host import ensure as host_accounts
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.request import AccountRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.modules.admin_user import RETURN
from tests.unit.fake_host import Expected, FakeHost

KEY = parse_public_key(
    (Path(__file__).parents[4] / "fixtures" / "ssh_keys" / "ed25519-openssh9.2.pub").read_text().strip()
)
HASH = "$6$saltsalt$" + "a" * 86
# The account in the transcripts is the user of the tests, so that its home can be a real one.
UID = os.getuid() or 4242
GID = os.getgid() or 4242
SSHD = ["sshd", "-T", "-C", "user=ann,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"]
LISTED = "User ann may run the following commands on h:\n    (ALL : ALL) NOPASSWD: ALL\n"
REQUEST = AccountRequest("ann", (KEY,))


@pytest.fixture(autouse=True)
def _homes_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scratch directories are below /tmp, where nobody's home is."""
    monkeypatch.setattr(accounts_system, "_SYSTEM_HOMES", ())


class Bsd:
    """FreeBSD 14.3."""

    release = "ID=freebsd\nVERSION_ID=14.3\n"
    sudoers, shadow = "/usr/local/etc/sudoers.d", "/etc/master.passwd"
    groups, shell, joined = "wheel:*:0:root\nann:*:{gid}:\n", "/bin/sh", "wheel:*:0:root,ann\nann:*:{gid}:\n"

    @staticmethod
    def make(home: Path) -> Expected:
        return Expected(["pw", "useradd", "ann", "-m", "-d", f"{home}/ann", "-s", "/bin/sh", "-w", "no", "-G", "wheel"])

    password = Expected(["pw", "usermod", "ann", "-H", "0"], data=f"{HASH}\n")


class Debian:
    """Debian 13."""

    release = "ID=debian\nVERSION_ID=13\n"
    sudoers, shadow = "/etc/sudoers.d", "/etc/shadow"
    groups, shell, joined = "root:x:0:\nann:x:{gid}:\n", "/bin/bash", "root:x:0:\nann:x:{gid}:\n"

    @staticmethod
    def make(home: Path) -> Expected:
        return Expected(
            ["useradd", "--create-home", "--home-dir", f"{home}/ann", "--shell", "/bin/bash", "--password", "*", "ann"]
        )

    password = Expected(["chpasswd", "-e"], data=f"ann:{HASH}\n")


SYSTEMS: list[type[t.Any]] = [Debian, Bsd]


def fake(system: t.Any, home: Path, commands: list[Expected], *, password: str = "*", **more: t.Any) -> FakeHost:
    above = os.path.dirname(system.sudoers)
    files = {
        "/etc/os-release": system.release,
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "/etc/default/useradd": f"HOME={home}\n",
        system.shadow: f"root:*:0\nann:{password}:0\n",
        f"{above}/sudoers": f"#includedir {system.sudoers}\n",
    }
    return FakeHost(files, commands, **more)


def gather(system: t.Any, home: Path, *, joined: bool = True, exists: bool = True) -> list[Expected]:
    line = f"ann:x:{UID}:{GID}::{home}/ann:{system.shell}\n"
    groups = (system.joined if joined else system.groups).format(gid=GID)
    if not exists:
        groups = "".join(f"{one}\n" for one in groups.splitlines() if not one.startswith("ann:"))
    return [
        Expected(["getent", "passwd", "ann"], rc=0 if exists else 2, out=line if exists else ""),
        Expected(["getent", "group"], out=groups),
    ]


def sshd() -> Expected:
    return Expected(SSHD, out="port 22\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n")


def visudo() -> Expected:
    return Expected(["visudo", "-c", "-f", "/scratch/sudoers"])


def closing(system: t.Any) -> list[Expected]:
    """The fake's new file has the mode 0644, as the real one never has."""
    path = f"{system.sudoers}/95-pyhost-ann"
    return [Expected(["chown", "0:0", path]), Expected(["chmod", "0440", path])]


def with_rule_mode(host: FakeHost, rule: str) -> None:
    """Give the rule's file the mode that the real host gives it."""
    stat_of = host.stat

    def closed(path: str) -> os.stat_result | None:
        found = stat_of(path)
        return os.stat_result((0o100440, *found[1:4], 0, 0, *found[6:])) if found and path == rule else found

    host.stat = closed  # type: ignore[method-assign]  # The fake knows no modes.


def ensure(host: FakeHost, request: AccountRequest) -> PolicyResult:
    return host_accounts.ensure(t.cast(Host, host), request)


def made(home: Path) -> Path:
    """Make the home as useradd does."""
    path = home / "ann"
    path.mkdir(mode=0o755)
    if os.getuid() == 0:
        os.chown(path, UID, GID)
    return path


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_new_account(system: t.Any, tmp_path: Path) -> None:
    path = f"{system.sudoers}/95-pyhost-ann"
    again = gather(system, tmp_path)
    commands = [
        *gather(system, tmp_path, joined=False, exists=False),
        visudo(),
        sshd(),
        system.make(tmp_path),
        system.password,
        Expected(["sudo", "-n", "-l", "-U", "ann"], out=LISTED),
        *again,
        sshd(),
        *again,
        sshd(),
    ]
    host = fake(system, tmp_path, commands)
    with_rule_mode(host, path)
    run = host.run

    def running(argv: t.Sequence[str], **options: t.Any) -> t.Any:
        ran = run(argv, **options)
        if "useradd" in argv:
            made(tmp_path)
        if options.get("data"):
            assert not (tmp_path / "ann" / ".ssh").exists(), "the password comes before the keys"
            host.files[system.shadow] = f"ann:{HASH}:0\n"
        if argv[0] == "sudo":
            assert not (tmp_path / "ann" / ".ssh").exists(), "the rule comes before the keys"
        return ran

    host.run = running  # type: ignore[method-assign]  # The commands have effects.
    outcome = ensure(host, AccountRequest("ann", (KEY,), password=HASH))
    host.done()
    assert host.files[path] == "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert host.laid_out["/scratch/sudoers"] == f"#includedir /scratch{system.sudoers}\n"
    keys = tmp_path / "ann" / ".ssh" / "authorized_keys"
    assert keys.read_text() == f"{KEY.line}\n"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (keys.parent, keys)] == [0o700, 0o600]
    assert {one.stat().st_uid for one in (keys.parent, keys)} == {UID}
    assert set(outcome.result) == set(yaml.safe_load(RETURN)) - {"option", "where", "hint"}
    assert outcome.result["created"] and outcome.result["uid"] == UID
    assert HASH not in repr((outcome.diff, outcome.result, outcome.warnings))
    assert "password: as requested (not shown)" in repr(outcome.diff)


def prepared(system: t.Any, tmp_path: Path) -> Path:
    ssh = made(tmp_path) / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "authorized_keys").write_text(f"{KEY.line}\n")
    (ssh / "authorized_keys").chmod(0o600)
    if os.getuid() == 0:
        for path in (ssh, ssh / "authorized_keys"):
            os.chown(path, UID, GID)
    return ssh


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_change_costs_three_commands(system: t.Any, tmp_path: Path) -> None:
    prepared(system, tmp_path)
    host = fake(system, tmp_path, [*gather(system, tmp_path), sshd()], password=HASH)
    path = f"{system.sudoers}/95-pyhost-ann"
    host.files[path] = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    with_rule_mode(host, path)
    outcome = ensure(host, AccountRequest("ann", (KEY,), password=HASH))
    host.done()
    assert not outcome.changed
    assert outcome.diff == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_check_mode_on_a_bare_host(system: t.Any, tmp_path: Path) -> None:
    commands = [*gather(system, tmp_path, exists=False), Expected(SSHD, rc=127)]
    host = fake(system, tmp_path, commands, check_mode=True)
    # Its package is not there yet.
    del host.files[f"{os.path.dirname(system.sudoers)}/sudoers"]
    outcome = ensure(host, REQUEST)
    host.done()
    assert outcome.changed and outcome.result["uid"] is None
    assert {one["after_header"] for one in outcome.diff} == {
        f"{system.sudoers}/95-pyhost-ann",
        f"{tmp_path}/ann/.ssh",
        f"{tmp_path}/ann/.ssh/authorized_keys",
        "account",
    }
    assert list(tmp_path.iterdir()) == []


def test_pw_gets_all_groups_because_it_replaces_them(tmp_path: Path) -> None:
    prepared(Bsd, tmp_path)
    groups = f"wheel:*:0:root\nann:*:{GID}:\noperator:*:5:ann\n"
    commands = [
        Expected(["getent", "passwd", "ann"], out=f"ann:x:{UID}:{GID}::{tmp_path}/ann:/bin/sh\n"),
        Expected(["getent", "group"], out=groups),
        sshd(),
        Expected(["pw", "usermod", "ann", "-G", "operator,wheel"], rc=67, err="pw: no such thing"),
    ]
    host = fake(Bsd, tmp_path, commands)
    path = f"{Bsd.sudoers}/95-pyhost-ann"
    host.files[path] = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    with_rule_mode(host, path)
    with pytest.raises(
        BaselineError,
        match=r"ann cannot be completed: pw: no such thing.*; the account may have been changed in part; its password",
    ):
        ensure(host, REQUEST)
    host.done()


def test_a_refused_rule_changes_nothing(tmp_path: Path) -> None:
    prepared(Debian, tmp_path)
    refused = Expected(
        ["visudo", "-c", "-f", "/scratch/sudoers"], rc=1, err="/scratch/etc/sudoers.d/90-x:1:3: syntax error\n"
    )
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), refused])
    host.files["/etc/sudoers.d/90-x"] = "x\n"
    with pytest.raises(BaselineError) as caught:
        ensure(host, REQUEST)
    assert str(caught.value) == (
        "visudo refuses the rules of sudo: /etc/sudoers.d/90-x:1:3: syntax error; this task changed nothing"
    )
    assert host.written == []


def test_a_rule_that_sudo_does_not_go_by_leaves_the_keys_alone(tmp_path: Path) -> None:
    ssh = prepared(Debian, tmp_path)
    (ssh / "authorized_keys").unlink()
    unheard = Expected(["sudo", "-n", "-l", "-U", "ann"], out="User ann is not allowed to run sudo on h.\n")
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), visudo(), sshd(), unheard])
    with_rule_mode(host, "/etc/sudoers.d/95-pyhost-ann")
    with pytest.raises(
        BaselineError,
        match=r"sudo does not list its rule for ann: User ann is not .*; its sudo rule may have been changed, its keys",
    ):
        ensure(host, REQUEST)
    assert list(ssh.iterdir()) == []


def test_a_folder_that_does_not_include_the_rules(tmp_path: Path) -> None:
    prepared(Debian, tmp_path)
    host = fake(Debian, tmp_path, gather(Debian, tmp_path))
    host.files["/etc/sudoers"] = "root ALL=(ALL) ALL\n"
    with pytest.raises(BaselineError, match="does not include /etc/sudoers.d, so sudo would not read the rule"):
        ensure(host, REQUEST)


def test_a_link_is_named_and_nothing_changed(tmp_path: Path) -> None:
    (made(tmp_path) / ".ssh").symlink_to("/etc")
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), visudo(), sshd()])
    with pytest.raises(BaselineError) as caught:
        ensure(host, REQUEST)
    assert str(caught.value) == (
        f"{tmp_path}/ann/.ssh is a symlink, not a folder; this task changed nothing; check what it is, remove it, "
        "and run again"
    )
    assert host.written == []


def test_the_former_file_of_the_rule_goes(tmp_path: Path) -> None:
    prepared(Debian, tmp_path)
    line = f"a.b:x:{UID}:{GID}::{tmp_path}/ann:/bin/bash\n"
    group = f"ann:x:{GID}:\n"
    own = [Expected(["getent", "passwd", "a.b"], out=line), Expected(["getent", "group"], out=group)]
    asked = Expected([*SSHD[:3], SSHD[3].replace("ann", "a.b")], rc=1)
    listing = Expected(["sudo", "-n", "-l", "-U", "a.b"], out=LISTED)
    host = fake(Debian, tmp_path, [*own, visudo(), asked, listing, *own, asked])
    former, path = "/etc/sudoers.d/95-pyhost-a_b", "/etc/sudoers.d/95-pyhost-a+b"
    host.files[former] = "a.b ALL=(ALL:ALL) ALL\n"
    with_rule_mode(host, path)
    outcome = ensure(host, AccountRequest("a.b", (KEY,)))
    host.done()
    assert former not in host.files
    assert host.files[path] == "a.b ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert former not in "".join(host.laid_out)
    assert {one["before_header"] for one in outcome.diff} == {former, path}


def test_a_home_that_others_could_write_is_closed_in_the_end(tmp_path: Path) -> None:
    ssh = prepared(Debian, tmp_path)
    (tmp_path / "ann").chmod(0o777)
    ssh.chmod(0o777)
    (ssh / "rc").write_text("evil\n")
    path = "/etc/sudoers.d/95-pyhost-ann"
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), sshd(), *gather(Debian, tmp_path), sshd()])
    host.files[path] = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    with_rule_mode(host, path)
    outcome = ensure(host, REQUEST)
    host.done()
    assert [stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "ann", ssh)] == [0o755, 0o755]
    assert f"{ssh}/rc" in outcome.warnings[0]


def test_an_unknown_system(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="does not manage accounts of Arch; this task changed nothing"):
        ensure(FakeHost({"/etc/os-release": "ID=arch\nPRETTY_NAME=Arch\n"}), REQUEST)


def test_a_password_that_cannot_be_set_leaves_rule_and_keys_alone(tmp_path: Path) -> None:
    made(tmp_path)
    refused = Expected(["chpasswd", "-e"], rc=1, err="chpasswd: no\n", data=f"ann:{HASH}\n")
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), visudo(), sshd(), refused])
    with pytest.raises(BaselineError) as caught:
        ensure(host, AccountRequest("ann", (KEY,), password=HASH))
    assert str(caught.value) == "the password of ann cannot be set: chpasswd: no (rc=1); this task changed nothing"
    assert host.written == []


def test_a_password_that_cannot_be_set_after_the_account_was_created(tmp_path: Path) -> None:
    refused = Expected(["chpasswd", "-e"], rc=1, data=f"ann:{HASH}\n")
    commands = [*gather(Debian, tmp_path, exists=False), visudo(), sshd(), Debian.make(tmp_path), refused]
    host = fake(Debian, tmp_path, commands)
    with pytest.raises(BaselineError, match="the account was created; its sudo rule and keys were not changed"):
        ensure(host, AccountRequest("ann", (KEY,), password=HASH))
    assert host.written == []


def test_an_account_that_is_unknown_after_it_was_created(tmp_path: Path) -> None:
    rule = f"{Debian.sudoers}/95-pyhost-ann"
    listing = Expected(["sudo", "-n", "-l", "-U", "ann"], out=LISTED)
    absent = gather(Debian, tmp_path, exists=False)
    commands = [*absent, visudo(), sshd(), Debian.make(tmp_path), listing, *absent, sshd()]
    host = fake(Debian, tmp_path, commands)
    with_rule_mode(host, rule)
    with pytest.raises(BaselineError, match="the system does not know it; the account and its sudo rule are as reque"):
        ensure(host, REQUEST)
    host.done()


def test_a_home_that_was_changed_by_somebody_else_afterwards(tmp_path: Path) -> None:
    ssh = prepared(Debian, tmp_path)
    (ssh / "authorized_keys").write_text("")
    rule = f"{Debian.sudoers}/95-pyhost-ann"
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), sshd(), *gather(Debian, tmp_path), sshd()])
    host.files[rule] = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    with_rule_mode(host, rule)
    run = host.run

    def running(argv: t.Sequence[str], **options: t.Any) -> t.Any:
        if len(host.commands) == 1:
            (ssh / "authorized_keys").write_text("")
        return run(argv, **options)

    host.run = running  # type: ignore[method-assign]  # Another process writes too.
    with pytest.raises(BaselineError, match="not as requested after the change: .*; all changes were made; find out"):
        ensure(host, REQUEST)
    host.done()


def test_what_is_missing_may_be_upcoming_in_check_mode(tmp_path: Path) -> None:
    prepared(Debian, tmp_path)
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), visudo(), sshd()], check_mode=True)
    assert ensure(host, AccountRequest("ann", (KEY,), groups=("docker",))).warnings == []
    assert host.known_after_apply == ["not there yet: there is no group docker; create it first"]
    again = fake(Debian, tmp_path, gather(Debian, tmp_path))
    with pytest.raises(BaselineError, match="there is no group docker; this task changed nothing; create it first"):
        ensure(again, AccountRequest("ann", (KEY,), groups=("docker",)))


@pytest.mark.parametrize("keyword", ["authorizedkeysfile", "AuthorizedKeysFile"], ids=["OpenSSH 10.5", "OpenSSH 10.6"])
def test_a_file_of_keys_that_sshd_does_not_read_is_a_warning(tmp_path: Path, keyword: str) -> None:
    prepared(Debian, tmp_path)
    elsewhere = Expected(SSHD, out=f"{keyword} /etc/keys/%u\n")
    host = fake(Debian, tmp_path, [*gather(Debian, tmp_path), visudo(), elsewhere], check_mode=True)
    (warning,) = ensure(host, REQUEST).warnings
    assert warning.endswith("AuthorizedKeysFile of its configuration is /etc/keys/%u")


def with_rule(host: FakeHost) -> FakeHost:
    """Let sudo's rule be there, so that a run is about the keys."""
    rule = f"{Debian.sudoers}/95-pyhost-ann"
    host.files[rule] = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    with_rule_mode(host, rule)
    return host


def test_keys_outside_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Everybody can write to /tmp, which is above the file here.
    monkeypatch.setattr(accounts_key_file, "_unfit_folders", lambda *_arguments: [])
    home = made(tmp_path)
    path = tmp_path / "etc" / "keys" / "ann"
    request = AccountRequest("ann", (KEY,), key_file=str(path))
    reads = Expected(SSHD, out=f"authorizedkeysfile {tmp_path}/etc/keys/%u\n")
    host = with_rule(fake(Debian, tmp_path, [*gather(Debian, tmp_path), sshd(), *gather(Debian, tmp_path), reads]))
    outcome = ensure(host, request)
    host.done()
    assert path.read_text() == f"{KEY.line}\n"
    assert not (home / ".ssh").exists()
    assert (outcome.changed, outcome.result["key_file"]) == (True, str(path))
    (warning,) = outcome.warnings
    assert warning.startswith(
        f"sshd does not read {path}: AuthorizedKeysFile of its configuration is .ssh/authorized_k"
    )

    again = with_rule(fake(Debian, tmp_path, [*gather(Debian, tmp_path), reads]))
    second = ensure(again, request)
    assert (second.changed, second.warnings) == (False, [])


def test_a_folder_above_the_keys_that_others_can_write(tmp_path: Path) -> None:
    made(tmp_path)
    host = with_rule(fake(Debian, tmp_path, [*gather(Debian, tmp_path), sshd()]))
    with pytest.raises(
        BaselineError, match=r"^key_file: not only root can write to /tmp .*; this task changed nothing"
    ):
        ensure(host, AccountRequest("ann", (KEY,), key_file="/tmp/keys/ann"))


def test_a_file_below_the_home_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    host = with_rule(fake(Debian, tmp_path, [*gather(Debian, tmp_path), sshd()]))
    with pytest.raises(BaselineError, match="is below the home .*; this task changed nothing; leave it out"):
        ensure(host, AccountRequest("ann", (KEY,), key_file=f"{tmp_path}/ann/.ssh/keys"))
