"""The controller's login before a change of sshd, with logins that are played."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import login as confirm
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import LoginLimits
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import Login, PasswordWanted, SudoRefused

OWN = SshTarget("192.0.2.7", user="root")
OPEN = Confirmation("", 22)


@pytest.mark.parametrize(
    ("own", "server", "ports", "expected"),
    [
        pytest.param(None, 22, [22], None, id="stays-by-ssh_config"),
        pytest.param(22, 22, [22, 2222], 22, id="one-more"),
        pytest.param(None, 22, [2222], 2222, id="moves"),
        pytest.param(2222, 2222, [22], 22, id="moves-back"),
        pytest.param(10022, 22, [22], 10022, id="forwarded"),
        pytest.param(10022, 22, [2222], 10022, id="forwarded-and-moved"),
        pytest.param(22, 22, [], 22, id="socket"),
    ],
)
def test_new_port(own: int | None, server: int, ports: list[int], expected: int | None) -> None:
    assert confirm.new_port(own, server=server, ports=ports, requested=ports) == expected


def test_a_host_sends_a_login_to_no_port_that_nobody_asked_for() -> None:
    assert confirm.new_port(None, server=22, ports=[2200, 2222], requested={2222}) == 2222
    with pytest.raises(BaselineError, match=r"listen on 2200 alone, .*; name the port in settings"):
        confirm.new_port(None, server=22, ports=[2200], requested={2222})


def logins(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Exception | None]) -> list[str]:
    """Let the users of ``answers`` log in or fail as said; return the list of those who try."""
    tried: list[str] = []

    def log_in(target: SshTarget, **_options: t.Any) -> Login:
        tried.append(str(target.user))
        error = answers[str(target.user)]
        if error:
            raise error
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    return tried


def test_the_first_guarded_user_who_gets_in_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": None, "root": None})
    verified = confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=OPEN)
    assert (verified.target.user, verified.sudo, tried) == ("deploy", True, ["deploy"])


PREFLIGHT = Preflight({"HostKeyAlgorithms": ("ecdsa-sha2-nistp256",)}, keys=("ssh-rsa 3072 SHA256:a",))
LESS = replace(OPEN, preflight=PREFLIGHT)


def test_a_login_that_only_goes_by_what_goes_away_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def log_in(target: SshTarget, **_options: t.Any) -> Login:
        if target.options:
            raise BaselineError("a new key login fails: Host key verification failed")
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    with pytest.raises(BaselineError, match=r"none of the host keys .* SHA256:a.*; this task changed nothing; let"):
        confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=LESS)


def test_a_slow_host_has_the_time_that_the_task_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def log_in(target: SshTarget, *, seconds: int, **_options: t.Any) -> Login:
        given.append(seconds)
        if target.options:
            raise BaselineError("a new key login fails: Connection timed out during banner exchange")
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    with pytest.raises(BaselineError, match="if the algorithms that this change removes are left out"):
        confirm.find_working_login(
            OWN,
            ["deploy"],
            password=None,
            confirmation=LESS,
            limits=LoginLimits(60, 120),
        )
    assert given == [60, 60]


def test_a_login_that_fails_now_too_is_no_matter_of_the_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    verified = confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=LESS)
    assert verified.target == OWN


def test_a_host_that_shows_no_key_of_before_is_not_verified_by_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"root": None})
    preflight = Preflight({}, new_keys=("/etc/ssh/ssh_host_ed25519_key",))
    with pytest.raises(BaselineError, match="none of its present host keys"):
        confirm.find_working_login(OWN, [], password=None, confirmation=Confirmation("", 22, preflight=preflight))
    assert tried == []
    # Who does not look at host keys has decided that already.
    unchecked = SshTarget("192.0.2.7", user="root", check_host_key=False)
    assert (
        confirm.find_working_login(
            unchecked, [], password=None, confirmation=Confirmation("", 22, preflight=preflight)
        ).target
        == unchecked
    )


@pytest.mark.parametrize(
    ("password", "wants"), [(None, "a password that the play does not have"), ("x", "another password than the play's")]
)
def test_only_a_password_that_is_not_there_leaves_the_login_alone(
    monkeypatch: pytest.MonkeyPatch, password: str | None, wants: str
) -> None:
    logins(monkeypatch, {"deploy": PasswordWanted("a password is required")})
    verified = confirm.find_working_login(OWN, ["deploy"], password=password, confirmation=OPEN)
    assert verified.sudo is False
    assert verified.warning.startswith(
        f"only the login of deploy is verified, not that deploy becomes root: sudo asks for {wants}"
    )


def test_a_guarded_user_who_does_not_become_root_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": SudoRefused("sudo there does not: no setuid bit"), "root": None})
    with pytest.raises(
        BaselineError,
        match=r"^guard_users: the task asks that deploy .*no setuid bit; this task",
    ):
        confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=OPEN)
    assert tried == ["deploy"]


@pytest.mark.parametrize(
    ("password", "error"),
    [
        pytest.param(None, SudoRefused("is not in the sudoers file"), id="no rule"),
        pytest.param("x", PasswordWanted("was not accepted"), id="the play's own password is wrong"),
    ],
)
def test_the_connections_user_who_does_not_become_root_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, password: str | None, error: SudoRefused
) -> None:
    logins(monkeypatch, {"ops": error})
    with pytest.raises(BaselineError, match=rf"no new login .* {error.problem}; this task changed nothing"):
        confirm.find_working_login(SshTarget("192.0.2.7", user="ops"), [], password=password, confirmation=OPEN)


SHUT = BaselineError("a new key login as deploy@192.0.2.7 fails: Permission denied (publickey)", hint="check the keys")
OPENED = Confirmation("PermitRootLogin no", 22, opened=("deploy",))


def test_a_user_whom_the_change_lets_in_is_verified_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """AllowUsers root, or keys in another place: today's sshd refuses whom the new one would let in."""
    tried = logins(monkeypatch, {"deploy": SHUT})
    verified = confirm.find_working_login(OWN, ["deploy"], password="x", confirmation=OPENED)
    assert tried == ["deploy"]
    assert (verified.target.user, verified.sudo, verified.password) == ("deploy", True, "x")
    assert verified.warning == (
        "deploy could not log in before the change, by which sshd lets deploy in (a new key login as "
        "deploy@192.0.2.7 fails: Permission denied (publickey)), so that only the login after it was verified"
    )


def test_a_login_that_works_now_is_the_better_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": SHUT, "alice": None, "root": None})
    opened = replace(OPENED, refusal="")
    assert confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=opened).target == OWN
    found = confirm.find_working_login(OWN, ["deploy", "alice"], password=None, confirmation=opened)
    assert (found.target.user, found.warning) == ("alice", "")


@pytest.mark.parametrize(
    ("users", "confirmation"),
    [
        pytest.param(["deploy"], replace(OPENED, opened=()), id="refused by what stays as it is"),
        pytest.param(["deploy"], replace(OPENED, opened=("root", "mallory")), id="users whom the task does not guard"),
        pytest.param([], OPENED, id="nobody is guarded"),
    ],
)
def test_a_login_that_the_change_does_not_open_stops_it(
    monkeypatch: pytest.MonkeyPatch, users: list[str], confirmation: Confirmation
) -> None:
    logins(monkeypatch, {"deploy": SHUT})
    with pytest.raises(BaselineError, match="no new login from this controller could confirm the change"):
        confirm.find_working_login(OWN, users, password=None, confirmation=confirmation)


def test_the_first_user_whom_the_change_lets_in_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": SHUT, "alice": SHUT})
    opened = replace(OPENED, opened=("alice", "deploy"))
    found = confirm.find_working_login(OWN, ["deploy", "alice"], password=None, confirmation=opened)
    assert found.target.user == "deploy"


def test_a_password_goes_only_where_sudo_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": None})
    assert confirm.find_working_login(OWN, ["deploy"], password="x", confirmation=OPEN).password is None


def test_the_user_of_the_connection_is_tried_after_the_guarded_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    assert confirm.find_working_login(OWN, ["deploy"], password=None, confirmation=OPEN).target.user == "root"
    assert tried == ["deploy", "root"]


def test_nothing_is_changed_where_nobody_could_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("a new key login as deploy@192.0.2.7 fails: no key")})
    with pytest.raises(BaselineError) as raised:
        confirm.find_working_login(
            OWN, ["deploy"], password=None, confirmation=Confirmation("PermitRootLogin no shuts root out", 22)
        )
    assert tried == ["deploy"]
    assert str(raised.value) == (
        "no new login from this controller could confirm the change: a new key login as deploy@192.0.2.7 fails: no "
        "key. as root: PermitRootLogin no shuts root out; this task changed nothing; give this controller the private "
        "key of one of these users, or set confirm to false to change sshd without a confirmation"
    )
