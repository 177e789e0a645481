"""The controller's half of commit-confirm, with logins that are played."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import login as confirm
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import RollbackOutcome, VerifiedLogin
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import MARK, Reply, SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import Login, PasswordWanted, SudoRefused

OWN = SshTarget("192.0.2.7", user="root")
VERIFIED = VerifiedLogin(SshTarget("192.0.2.7", user="deploy"), sudo=True)
IN = f"{MARK}\npyhost.baseline: root\n"
RECORD = "token=a\ntrigger=asked\nwhen=0\nproblems=\n"


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
    verified = confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="")
    assert (verified.target.user, verified.sudo, tried) == ("deploy", True, ["deploy"])


PREFLIGHT = Preflight({"HostKeyAlgorithms": ("ecdsa-sha2-nistp256",)}, keys=("ssh-rsa 3072 SHA256:a",))


def test_a_login_that_only_goes_by_what_goes_away_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def log_in(target: SshTarget, **_options: t.Any) -> Login:
        if target.options:
            raise BaselineError("a new key login fails: Host key verification failed")
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    with pytest.raises(BaselineError, match=r"none of the host keys .* SHA256:a.*; this task changed nothing; let"):
        confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="", preflight=PREFLIGHT)


def test_a_login_that_fails_now_too_is_no_matter_of_the_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    verified = confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="", preflight=PREFLIGHT)
    assert verified.target == OWN


def test_a_host_that_shows_no_key_of_before_is_not_verified_by_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"root": None})
    preflight = Preflight({}, new_keys=("/etc/ssh/ssh_host_ed25519_key",))
    with pytest.raises(BaselineError, match="none of its present host keys"):
        confirm.find_working_login(OWN, [], password=None, own_refusal="", preflight=preflight)
    assert tried == []
    # Who does not look at host keys has decided that already.
    unchecked = SshTarget("192.0.2.7", user="root", check_host_key=False)
    assert (
        confirm.find_working_login(unchecked, [], password=None, own_refusal="", preflight=preflight).target
        == unchecked
    )


@pytest.mark.parametrize(
    ("password", "wants"), [(None, "a password that the play does not have"), ("x", "another password than the play's")]
)
def test_only_a_password_that_is_not_there_leaves_the_login_alone(
    monkeypatch: pytest.MonkeyPatch, password: str | None, wants: str
) -> None:
    logins(monkeypatch, {"deploy": PasswordWanted("a password is required")})
    verified = confirm.find_working_login(OWN, ["deploy"], password=password, own_refusal="")
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
        confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="")
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
        confirm.find_working_login(SshTarget("192.0.2.7", user="ops"), [], password=password, own_refusal="")


def test_a_password_goes_only_where_sudo_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": None})
    assert confirm.find_working_login(OWN, ["deploy"], password="x", own_refusal="").password is None


def test_the_user_of_the_connection_is_tried_after_the_guarded_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    assert confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="").target.user == "root"
    assert tried == ["deploy", "root"]


def test_nothing_is_changed_where_nobody_could_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("a new key login as deploy@192.0.2.7 fails: no key")})
    with pytest.raises(BaselineError) as raised:
        confirm.find_working_login(OWN, ["deploy"], password=None, own_refusal="PermitRootLogin no shuts root out")
    assert tried == ["deploy"]
    assert str(raised.value) == (
        "no new login from this controller could confirm the change: a new key login as deploy@192.0.2.7 fails: no "
        "key. as root: PermitRootLogin no shuts root out; this task changed nothing; give this controller the private "
        "key of one of these users, or set confirm to false to change sshd without a confirmation"
    )


def replies(monkeypatch: pytest.MonkeyPatch, *answers: Reply) -> list[str]:
    """Play the answers of ssh one after the other, without waiting; return what was run."""
    left, ran = list(answers), []

    def run(_target: SshTarget, script: str, **_options: t.Any) -> Reply:
        ran.append(script)
        return left.pop(0)

    monkeypatch.setattr(confirm, "run", run)
    monkeypatch.setattr(confirm.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(confirm.time, "monotonic", lambda: 100.0)
    return ran


def problem_of(verified: VerifiedLogin = VERIFIED, *, armed: bool = True) -> str:
    """Confirm by a login and return what is wrong with that, an empty text on success."""
    error = confirm.confirm_by_login(verified, armed=armed, until=110)
    return "; ".join(filter(None, [error.problem, error.hint])) if error else ""


def test_the_new_login_itself_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(0, IN, ""))
    assert problem_of() == ""
    assert "sudo -n -u root sh -c '" in ran[0]
    assert "sh /var/lib/pyhost.baseline/rollback-sshd/rollback confirm'" in ran[0]


@pytest.mark.parametrize("armed", [True, False])
def test_an_exit_status_alone_confirms_nothing(monkeypatch: pytest.MonkeyPatch, armed: bool) -> None:
    replies(monkeypatch, Reply(0, f"{MARK}\n", ""))
    assert "but sudo there does not" in problem_of(armed=armed)


def test_root_who_cannot_confirm_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    replies(monkeypatch, Reply(1, IN, "mv: cannot move: Read-only file system"))
    assert "became root, but could not confirm the change: mv: cannot" in problem_of()


def test_a_connection_that_is_not_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection refused")
    ran = replies(monkeypatch, refused, Reply(0, IN, ""))
    assert problem_of() == ""
    assert len(ran) == 2


def test_a_refused_key_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(255, "", "deploy@192.0.2.7: Permission denied (publickey)."))
    assert "Permission denied (publickey); sshd accepts none of the keys" in problem_of()
    assert len(ran) == 1


@pytest.mark.parametrize("status", [0, 1], ids=["succeeds", "fails"])
def test_a_login_that_runs_another_command_is_final(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    ran = replies(monkeypatch, Reply(status, "Sun Nov 22 18:00:00 UTC 2026\n", ""))
    assert problem_of()
    assert len(ran) == 1


def test_a_login_that_comes_too_late_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    replies(monkeypatch, Reply(3, IN, "too late to confirm"))
    assert problem_of() == (
        "a new login as deploy@192.0.2.7 worked, but later than confirm_timeout allows; give it more time "
        "(confirm_timeout)"
    )


def test_a_login_without_sudo_proves_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(1, f"{MARK}\n", "sudo: a password is required"))
    assert problem_of(VerifiedLogin(VERIFIED.target, sudo=False)) == ""
    assert "rollback" not in ran[0]


def test_a_sudo_that_has_stopped_asking_for_a_password_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    replies(
        monkeypatch, Reply(1, f"{MARK}\n", "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set")
    )
    assert "must be owned by uid 0" in problem_of(VerifiedLogin(VERIFIED.target, sudo=False))


@pytest.mark.parametrize(
    ("master", "answers", "outcome"),
    [
        pytest.param(
            "/tmp/master",
            [Reply(0, RECORD, "")],
            RollbackOutcome(
                True,
                "the host rolled the change back at once, over the connection that was still open: "
                "its files are as they were and sshd runs with them",
            ),
            id="asked",
        ),
        pytest.param(
            "/tmp/master",
            [Reply(255, "", "mux"), Reply(0, f"{MARK}\n{RECORD}", "")],
            RollbackOutcome(
                True, "the host rolled the change back by itself: its files are as they were and sshd runs with them"
            ),
            id="master-is-dead",
        ),
        pytest.param(
            None,
            [Reply(0, f"{MARK}\n" + RECORD.replace("problems=", "problems=x could not be restored"), "")],
            RollbackOutcome(
                False, "the host tried to roll the change back, but some of it failed: x could not be restored"
            ),
            id="problems",
        ),
        pytest.param(
            None, [Reply(0, IN, "")], RollbackOutcome(True, "a new login as root@192.0.2.7 works again"), id="in"
        ),
        pytest.param(
            None,
            [Reply(1, f"{MARK}\n", "sudo: unable to initialize policy plugin")],
            RollbackOutcome(
                None,
                "a new login as root@192.0.2.7 works, but sudo there does not: sudo: unable to initialize policy "
                "plugin; give the user a rule in /etc/sudoers.d that allows every command as root",
            ),
            id="in-and-no-further",
        ),
        pytest.param(
            None,
            [Reply(0, f"{MARK}\ntoken=$(x)\nwhen=99999999999999\ntrigger=\x1b[2J\nproblems=\x1b[2J\n", "")],
            RollbackOutcome(
                None,
                "a new login as root@192.0.2.7 works, but sudo there does not: when=99999999999999; trigger=\\x1b[2J; "
                "problems=\\x1b[2J; give the user a rule in /etc/sudoers.d that allows every command as root",
            ),
            id="a-record-of-no-rollback",
        ),
        pytest.param(
            None,
            [Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection refused")],
            RollbackOutcome(
                None,
                "a new key login as root@192.0.2.7 fails: ssh: connect to host 192.0.2.7 port 22: Connection refused; "
                "nothing listens there, or a firewall rejects the connection",
            ),
            id="not-seen",
        ),
    ],
)
def test_roll_back(
    monkeypatch: pytest.MonkeyPatch, master: str | None, answers: list[Reply], outcome: RollbackOutcome
) -> None:
    replies(monkeypatch, *answers)
    # The time is long over, so that what does not answer at once is not asked again.
    assert confirm.roll_back(OWN, password=None, master=master, deadline=0) == outcome
