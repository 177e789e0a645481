"""What the guard reads of an account and of sudo, and what stops a change; real accounts are played by scenarios."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import MasterPasswd
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD, LINUX, Platform
from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import Upcoming
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard import Account, ShadowEntry
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_keys import KeyFile, RevokedKeys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import guard as guards
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.guard import (
    _root_groups,
    _sudo_broken,
    _sudo_unread,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost, FreeBsdHost


def test_a_sudo_without_its_setuid_bit_is_broken() -> None:
    host = FakeHost({"/usr/lib/cargo/bin/sudo": ""})
    host.links["/usr/bin/sudo"] = "/usr/lib/cargo/bin/sudo"
    assert _sudo_broken(host) == (  # type: ignore[arg-type]  # the fake stands in for the host
        "/usr/lib/cargo/bin/sudo has the owner 0 and the mode 0644, without root's setuid bit; "
        "`chown root /usr/lib/cargo/bin/sudo && chmod 4755 /usr/lib/cargo/bin/sudo` gives it back"
    )


def test_no_sudo_is_not_a_broken_one() -> None:
    assert _sudo_broken(FakeHost(programs=())) == ""  # type: ignore[arg-type]  # the fake


@pytest.mark.parametrize(("platform", "main"), [(LINUX, "/etc/sudoers"), (FREEBSD, "/usr/local/etc/sudoers")])
def test_a_rule_that_sudo_does_not_read_is_found(platform: Platform, main: str) -> None:
    rule = f"{main}.d/95-pyhost-ann"
    host: t.Any = FakeHost({main: "root ALL=(ALL) ALL\n", rule: "ann ALL=(ALL:ALL) ALL\n"}, platform=platform)
    assert _sudo_unread(host, "ann") == (
        f"{main} does not include {main}.d, so that sudo does not read {rule}",
        f"add the line '@includedir {main}.d' with visudo",
    )
    assert _sudo_unread(host, "bob") == ("", "")
    without: t.Any = FakeHost({rule: "ann ALL=(ALL:ALL) ALL\n"}, platform=platform)
    assert _sudo_unread(without, "ann") == ("", "")


def test_the_groups_of_root_have_their_numbers_too() -> None:
    found = _root_groups()
    assert "#0" in found
    assert {grp.getgrgid(gid).gr_name for gid in os.getgrouplist("root", 0)} <= set(found)


class Finding(t.NamedTuple):
    text: str
    is_undecided: bool = False
    is_pending: bool = False
    key_files: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("finding", "check_mode", "warning"),
    [
        pytest.param(Finding("no key"), False, None, id="an error"),
        pytest.param(Finding("no key"), True, None, id="an error in check mode too"),
        pytest.param(
            Finding("a certificate", is_undecided=True), False, "not judged before the change", id="the login decides"
        ),
        pytest.param(Finding("no account", is_pending=True), True, "not there yet", id="an earlier task would make it"),
        pytest.param(Finding("no account", is_pending=True), False, None, id="an earlier task did not make it"),
    ],
)
def test_what_stops_a_change(
    monkeypatch: pytest.MonkeyPatch, finding: Finding, check_mode: bool, warning: str | None
) -> None:
    monkeypatch.setattr(guards, "_judge", lambda *_arguments: [finding])
    sshd: t.Any = type("Sshd", (), {"host": FakeHost(check_mode=check_mode)})()
    base = guards.Connection("root", address="192.0.2.7")
    if warning:
        warnings: list[str] = guards.guard(sshd, "", base, ["deploy"])
        (found,) = warnings + sshd.host.known_after_apply
        assert found.startswith(warning) and found.endswith(f"deploy from 192.0.2.7: {finding.text}")
        return
    with pytest.raises(BaselineError) as caught:
        guards.guard(sshd, "", base, ["deploy"])
    assert caught.value.problem == f"this configuration could lock you out: deploy from 192.0.2.7: {finding.text}"
    assert (caught.value.option, caught.value.state) == ("guard_users", UNCHANGED)
    assert caught.value.details == {"refused": [f"deploy from 192.0.2.7: {finding.text}"]}


@pytest.mark.parametrize(
    ("written", "is_refused"),
    [
        pytest.param(frozenset({"/etc/keys/deploy"}), False, id="that file"),
        pytest.param(frozenset({"/home/deploy/.ssh/authorized_keys"}), True, id="another file"),
        pytest.param(frozenset(), True, id="none"),
        pytest.param(None, False, id="nobody knows"),
    ],
)
def test_keys_outside_of_the_home_are_upcoming_where_that_file_is(
    monkeypatch: pytest.MonkeyPatch, written: frozenset[str] | None, is_refused: bool
) -> None:
    finding = Finding("no key", is_pending=True, key_files=("/etc/keys/deploy",))
    monkeypatch.setattr(guards, "_judge", lambda *_arguments: [finding])
    host = FakeHost(check_mode=True)
    # The account itself is upcoming in any case.
    host.planned_after = Upcoming(accounts=frozenset({"deploy"}), key_files=written)
    sshd: t.Any = type("Sshd", (), {"host": host})()
    base = guards.Connection("root", address="192.0.2.7")
    if is_refused:
        with pytest.raises(BaselineError, match="could lock you out"):
            guards.guard(sshd, "", base, ["deploy"])
    else:
        assert guards.guard(sshd, "", base, ["deploy"]) == []
        assert host.known_after_apply


def test_each_user_is_judged_on_the_same_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[t.Any] = []

    def judge(_sshd: object, root: str, connection: Connection, become: str) -> list[Finding]:
        judged.append((root, connection.user, connection.address, connection.exists, become))
        return [Finding(f"no key of {connection.user}")]

    monkeypatch.setattr(guards, "_judge", judge)
    sshd: t.Any = types.SimpleNamespace(host=FakeHost())
    with pytest.raises(BaselineError) as caught:
        guards.guard(sshd, "/staged", Connection("ann", address="192.0.2.7"), ["root", "no-such-user"], become="su")
    assert judged == [
        ("/staged", "root", "192.0.2.7", True, "su"),
        ("/staged", "no-such-user", "192.0.2.7", False, "su"),
    ]
    findings = ["root from 192.0.2.7: no key of root", "no-such-user from 192.0.2.7: no key of no-such-user"]
    assert caught.value.details == {"refused": findings}
    assert caught.value.problem.endswith(". ".join(findings))


def test_an_error_beside_a_warning_still_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("a certificate", is_undecided=True), Finding("no key"), Finding("sudo", is_pending=True)]
    monkeypatch.setattr(guards, "_judge", lambda *_arguments: findings)
    sshd: t.Any = types.SimpleNamespace(host=FakeHost(check_mode=True))
    with pytest.raises(BaselineError) as caught:
        guards.guard(sshd, "", Connection("root", address="192.0.2.7"), ["root"])
    assert caught.value.details == {"refused": ["root from 192.0.2.7: no key"]}


def test_nobody_to_guard_is_no_error() -> None:
    sshd: t.Any = types.SimpleNamespace(host=FakeHost())
    assert guards.guard(sshd, "", Connection("root"), []) == []


# What is read of an account.


def with_entry(monkeypatch: pytest.MonkeyPatch, *, home: str = "/home/deploy", shell: str = "/bin/sh") -> None:
    """Let the system know the account ``deploy`` alone, and root."""
    entry = pwd.struct_passwd(("deploy", "x", 1000, 1000, "", home, shell))

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name != "deploy":
            raise KeyError(name)
        return entry

    known = types.SimpleNamespace(getpwnam=getpwnam, getpwuid=pwd.getpwuid)
    monkeypatch.setattr(guards, "pwd", known)


SHADOW = Expected(["getent", "shadow", "deploy"], out="deploy:*:20000:0:99999:7:::\n")
ENTRY = ShadowEntry("*", 20000, 99999)


def account(host: FakeHost) -> Account:
    found = guards._account(host, "deploy")  # type: ignore[arg-type]  # the fake
    host.done()
    return found


def test_an_account_that_does_not_exist_has_no_home_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry(monkeypatch)
    host = FakeHost()
    found = guards._account(host, "ann")  # type: ignore[arg-type]  # the fake
    assert found == Account("ann") and not found.home


def test_the_parts_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry(monkeypatch)
    rules = Expected(["sudo", "-n", "-l", "-U", "deploy"], out="the rules")
    found = account(FakeHost({"/etc/shells": "/bin/sh\n", "/usr/bin/sudo": ""}, [rules, SHADOW]))
    assert (found.name, found.home, found.shell, found.shadow) == ("deploy", "/home/deploy", "/bin/sh", ENTRY)
    assert (found.sudo, found.shell_runs, found.shell_listed, found.master) == ("the rules", True, True, None)
    # The file in the fake's memory has no setuid bit.
    assert "without root's setuid bit" in found.sudo_broken
    assert found.root_groups == _root_groups()


def test_without_sudo_there_are_no_rules_and_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry(monkeypatch)
    found = account(FakeHost({}, [SHADOW], programs=()))
    assert (found.sudo, found.sudo_broken) == (None, "")


def test_an_account_without_a_home_or_a_shell_has_those_of_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry(monkeypatch, home="", shell="")
    found = account(FakeHost({}, [SHADOW], programs=()))
    assert (found.home, found.shell) == ("/", "/bin/sh")


@pytest.mark.parametrize(
    ("kind", "runs"),
    [("executable", True), ("not executable", False), ("folder", False), ("absent", False)],
)
def test_a_shell_runs_if_it_is_a_file_that_may_be_executed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, runs: bool
) -> None:
    shell = tmp_path / "shell"
    if kind == "folder":
        shell.mkdir()
    elif kind != "absent":
        shell.write_text("#!/bin/sh\n")
        shell.chmod(0o755 if kind == "executable" else 0o644)
    with_entry(monkeypatch, shell=str(shell))
    assert account(FakeHost({}, [SHADOW], programs=())).shell_runs is runs


@pytest.mark.parametrize(
    ("shells", "listed"),
    [
        pytest.param("# shells\n/bin/bash\n/bin/sh\n", True, id="listed"),
        pytest.param("/bin/bash\n/bin/sh2\n", False, id="another one begins alike"),
        pytest.param("", True, id="empty"),
        pytest.param(None, True, id="no list"),
    ],
)
def test_a_shell_is_listed(monkeypatch: pytest.MonkeyPatch, shells: str | None, listed: bool) -> None:
    with_entry(monkeypatch)
    files = {} if shells is None else {"/etc/shells": shells}
    assert account(FakeHost(files, [SHADOW], programs=())).shell_listed is listed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("deploy:*:20000:0:99999:7:::\n", ENTRY, id="no dates"),
        pytest.param("deploy:!$y$x:1:2:3:4:5:6:7\n", ShadowEntry("!$y$x", 1, 3, 5, 6), id="each field"),
        pytest.param("deploy:x:0::::0:0:\n", ShadowEntry("x", 0, None, 0, 0), id="zero is a day"),
        pytest.param("deploy:x:-1:x:3x:7:x:²:\n", ShadowEntry("x"), id="what is no number"),
        pytest.param("", ShadowEntry(), id="no entry"),
        pytest.param("deploy:*:20000:0:99999:7::\n", ShadowEntry(), id="a field is missing"),
        pytest.param("deploy:*:20000:0:99999:7::::\n", ShadowEntry(), id="a field too many"),
    ],
)
def test_the_line_of_shadow(monkeypatch: pytest.MonkeyPatch, line: str, expected: ShadowEntry) -> None:
    with_entry(monkeypatch)
    found = account(FakeHost({}, [replace(SHADOW, out=line)], programs=()))
    assert (found.shadow, found.master) == (expected, None)


@pytest.mark.parametrize(
    ("text", "shadow", "master"),
    [
        pytest.param(
            "root:*:0:0::0:0:r:/root:/bin/sh\ndeploy:*LOCKED*$6$x:1000:1000::5:9:d:/home/deploy:/bin/sh\n",
            ShadowEntry("*LOCKED*$6$x"),
            MasterPasswd("*LOCKED*$6$x", 5, 9),
            id="an entry",
        ),
        pytest.param("root:*:0:0::0:0:r:/root:/bin/sh\n", ShadowEntry(""), None, id="kept elsewhere"),
        pytest.param(None, ShadowEntry(""), None, id="no file"),
    ],
)
def test_freebsd_keeps_passwords_in_master_passwd(
    monkeypatch: pytest.MonkeyPatch, text: str | None, shadow: ShadowEntry, master: MasterPasswd | None
) -> None:
    with_entry(monkeypatch)
    found = account(FreeBsdHost({} if text is None else {"/etc/master.passwd": text}, programs=()))
    assert (found.shadow, found.master) == (shadow, master)


# sudo itself.


class SudoHost(FakeHost):
    """A host whose sudo has an owner and a mode."""

    def __init__(self, owner: int, mode: int) -> None:
        super().__init__({"/usr/bin/sudo": ""})
        self._entry = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))

    def stat(self, path: str) -> os.stat_result | None:
        assert path == "/usr/bin/sudo"
        return self._entry


BROKEN = (
    "/usr/bin/sudo has the owner {} and the mode {}, without root's setuid bit; "
    "`chown root /usr/bin/sudo && chmod 4755 /usr/bin/sudo` gives it back"
)
NOSUID = "/usr/bin/sudo is on a file system that is mounted with nosuid; mount it without"


@pytest.mark.parametrize(
    ("owner", "mode", "flags", "broken"),
    [
        pytest.param(0, 0o4755, 0, "", id="as it is shipped"),
        pytest.param(0, 0o4111, os.ST_RDONLY, "", id="readable by nobody, and read-only"),
        pytest.param(0, 0o4755, ~os.ST_NOSUID & 0xFFFF, "", id="mounted with all but nosuid"),
        pytest.param(0, 0o2755, 0, BROKEN.format(0, "2755"), id="setgid alone"),
        pytest.param(0, 0o755, 0, BROKEN.format(0, "0755"), id="no setuid bit"),
        pytest.param(1000, 0o4755, 0, BROKEN.format(1000, "4755"), id="setuid to another user"),
        pytest.param(1000, 0o755, os.ST_NOSUID, BROKEN.format(1000, "0755"), id="all of it"),
        pytest.param(0, 0o4755, os.ST_NOSUID | os.ST_RDONLY, NOSUID, id="nosuid"),
    ],
)
def test_what_breaks_sudo(monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, flags: int, broken: str) -> None:
    monkeypatch.setattr(guards.os, "statvfs", lambda path: types.SimpleNamespace(f_flag=flags))
    assert _sudo_broken(SudoHost(owner, mode)) == broken  # type: ignore[arg-type]  # the fake


def test_a_sudo_whose_file_is_gone_is_not_judged() -> None:
    assert _sudo_broken(FakeHost()) == ""  # type: ignore[arg-type]  # the fake


def test_a_group_of_root_without_a_name_has_its_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[t.Any] = []

    def getgrouplist(*arguments: t.Any) -> list[int]:
        asked.append(arguments)
        return [7, 0]

    def getgrgid(number: int) -> t.Any:
        if number:
            raise KeyError(number)
        return types.SimpleNamespace(gr_name="wheel")

    monkeypatch.setattr(guards.os, "getgrouplist", getgrouplist)
    monkeypatch.setattr(guards, "grp", types.SimpleNamespace(getgrgid=getgrgid))
    root = pwd.struct_passwd(("toor", "x", 0, 3, "", "/root", "/bin/sh"))
    monkeypatch.setattr(guards, "pwd", types.SimpleNamespace(getpwuid=lambda uid: {0: root}[uid]))
    assert _root_groups() == ("#7", "#0", "wheel")
    assert asked == [("toor", 3)]


# One user, all of it.

FROM = Connection("deploy", address="192.0.2.7", local_address="192.0.2.1")
EFFECTIVE = {"listenaddress": ("0.0.0.0:22",), "port": ("22",)}


class Judged:
    """A call of ``_judge`` whose parts are stand-ins, and what these were given."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, effective: t.Mapping[str, tuple[str, ...]], known: Account
    ) -> None:
        self.given: dict[str, t.Any] = {}
        self.files = [KeyFile("/home/deploy/.ssh/authorized_keys", exists=True)]
        self.revoked = RevokedKeys(frozenset({"blob"}))
        with_entry(monkeypatch)
        monkeypatch.setattr(guards, "time", Clock())
        monkeypatch.setattr(guards, "_account", lambda _host, user: self._note("account", user, known))
        monkeypatch.setattr(
            guards,
            "read_key_files",
            lambda _sshd, entry, found: self._note("files", (entry.pw_name, found), self.files),
        )
        monkeypatch.setattr(
            guards,
            "read_revoked_keys",
            lambda _sshd, path, files: self._note("revoked", (path, files), self.revoked),
        )

        def lockout_findings(*arguments: t.Any, **named: t.Any) -> list[guards.LockoutFinding]:
            return [*self._note("findings", (arguments, named), []), guards.LockoutFinding("one of the account")]

        monkeypatch.setattr(guards, "lockout_findings", lockout_findings)
        sshd: t.Any = types.SimpleNamespace(
            host=FakeHost(), effective=lambda one, *, root: self._note("effective", (one, root), effective)
        )
        self.found = [one.problem for one in guards._judge(sshd, "/staged", FROM)]

    def _note(self, name: str, given: t.Any, answer: t.Any) -> t.Any:
        self.given[name] = given
        return answer


DEPLOY = Account("deploy", "/home/deploy", "/bin/sh", shell_runs=True)


def test_the_staged_configuration_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, EFFECTIVE, DEPLOY)
    assert judged.found == ["one of the account"]
    assert judged.given == {
        "effective": (FROM, "/staged"),
        "account": "deploy",
        "files": ("deploy", EFFECTIVE),
        # An sshd that does not print the keyword has none.
        "revoked": ("none", judged.files),
        "findings": ((DEPLOY, FROM, EFFECTIVE, judged.files), {"now": float(NOW), "revoked": judged.revoked}),
    }


def test_the_list_of_revoked_keys_is_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, {**EFFECTIVE, "revokedkeys": ("/etc/ssh/revoked", "x")}, DEPLOY)
    assert judged.given["revoked"][0] == "/etc/ssh/revoked"


def test_the_key_files_of_an_account_that_does_not_exist_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, EFFECTIVE, Account("deploy"))
    assert "files" not in judged.given
    assert judged.given["findings"][0][3] == []


def test_an_address_on_which_sshd_would_not_listen_is_the_first_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, {"listenaddress": ("198.51.100.1:22",), "port": ("22",)}, DEPLOY)
    assert len(judged.found) == 2 and judged.found[1] == "one of the account"
    assert judged.found[0].startswith("sshd would listen on 198.51.100.1 alone")


# From what is on the host to the message.

RULES = "User deploy may run the following commands on box:\n    (ALL : ALL) NOPASSWD: ALL\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO1cmL4ZXvZIn/FqOEZxqDZ39AyBzqzgTS4aaVLd0CEB a\n"


@pytest.mark.parametrize(
    ("shell", "shadow", "rules", "mode", "refused"),
    [
        pytest.param("/bin/sh", SHADOW.out, RULES, 0o4755, "", id="nothing"),
        pytest.param("/no/shell", SHADOW.out, RULES, 0o4755, "the shell /no/shell of deploy is missing", id="shell"),
        pytest.param("/bin/sh", "deploy:*:0::::::\n", RULES, 0o4755, "deploy must change the password", id="shadow"),
        pytest.param("/bin/sh", "deploy:*:::::9::\n", RULES, 0o4755, "", id="no date is no limit"),
        pytest.param("/bin/sh", "deploy:*::::::1:\n", RULES, 0o4755, "the account deploy has expired", id="expired"),
        pytest.param("/bin/sh", SHADOW.out, "", 0o4755, "sudo does not let deploy run", id="no rule"),
        pytest.param("/bin/sh", SHADOW.out, RULES, 0o755, "without root's setuid bit", id="setuid"),
        pytest.param(
            "/bin/sh", SHADOW.out, RULES.replace("NOPASSWD: ", ""), 0o4755, "asks deploy for a password", id="password"
        ),
    ],
)
def test_what_is_on_the_host_decides(
    monkeypatch: pytest.MonkeyPatch, shell: str, shadow: str, rules: str, mode: int, refused: str
) -> None:
    with_entry(monkeypatch, shell=shell)
    monkeypatch.setattr(guards, "connection_as", lambda base, user: replace(base, user=user))
    monkeypatch.setattr(guards.os, "statvfs", lambda _path: types.SimpleNamespace(f_flag=0))
    file = KeyFile("/home/deploy/.ssh/authorized_keys", exists=True, keys=tuple(parse_authorized_keys(KEY)))
    monkeypatch.setattr(guards, "read_key_files", lambda *_arguments: [file])
    host = SudoHost(0, mode)
    host.files["/etc/shells"] = "/bin/sh\n"
    host.commands = [Expected(["sudo", "-n", "-l", "-U", "deploy"], out=rules), replace(SHADOW, out=shadow)]
    effective = {**EFFECTIVE, "pubkeyauthentication": ("yes",), "pubkeyacceptedalgorithms": ("ssh-ed25519",)}
    sshd: t.Any = types.SimpleNamespace(host=host, effective=lambda *_arguments, **_named: effective)
    if not refused:
        assert guards.guard(sshd, "", FROM, ["deploy"]) == []
    else:
        with pytest.raises(BaselineError) as caught:
            guards.guard(sshd, "", FROM, ["deploy"])
        (found,) = caught.value.details["refused"]
        assert found.startswith("deploy from 192.0.2.7: ") and refused in found
    host.done()
