"""The controller's half of commit-confirm, with logins that are played."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils import _sshd_confirm as confirm
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_client import MARK, Reply, Target
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_login import Login, SudoRefused
from ansible_collections.pyhost.baseline.plugins.plugin_utils._sshd_confirm import Door, Outcome

OWN = Target("192.0.2.7", user="root")
DOOR = Door(Target("192.0.2.7", user="deploy"), sudo=True)
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
    assert confirm.new_port(own, server=server, ports=ports) == expected


def logins(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Exception | None]) -> list[str]:
    """Let the users of ``answers`` log in or fail as said; return the list of those who try."""
    tried: list[str] = []

    def log_in(target: Target, **_options: t.Any) -> Login:
        tried.append(str(target.user))
        error = answers[str(target.user)]
        if error:
            raise error
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    return tried


def test_the_first_guarded_user_who_gets_in_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": None, "root": None})
    door = confirm.find_door(OWN, ["deploy"], password=None, own_refusal="")
    assert (door.target.user, door.sudo, tried) == ("deploy", True, ["deploy"])


REHEARSAL = {"without": {"HostKeyAlgorithms": ["ecdsa-sha2-nistp256"]}, "keys": ["ssh-rsa 3072 SHA256:a"]}


def test_a_login_that_only_goes_by_what_goes_away_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def log_in(target: Target, **_options: t.Any) -> Login:
        if target.options:
            raise BaselineError("a new key login fails: Host key verification failed")
        return Login(0.1, "nopasswd")

    monkeypatch.setattr(confirm, "log_in", log_in)
    with pytest.raises(BaselineError, match=r"knows none of the host keys .* SHA256:a.* Nothing was changed"):
        confirm.find_door(OWN, ["deploy"], password=None, own_refusal="", rehearsal=REHEARSAL)


def test_a_login_that_fails_now_too_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    door = confirm.find_door(OWN, ["deploy"], password=None, own_refusal="", rehearsal=REHEARSAL)
    assert door.target == OWN


def test_a_host_that_shows_no_key_of_before_is_not_verified_by_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"root": None})
    rehearsal: dict[str, t.Any] = {"without": {}, "keys": [], "new_keys": ["/etc/ssh/ssh_host_ed25519_key"]}
    with pytest.raises(BaselineError, match="none of its present host keys"):
        confirm.find_door(OWN, [], password=None, own_refusal="", rehearsal=rehearsal)
    assert tried == []
    # Who does not look at host keys has decided that already.
    unchecked = Target("192.0.2.7", user="root", check_host_key=False)
    assert confirm.find_door(unchecked, [], password=None, own_refusal="", rehearsal=rehearsal).target == unchecked


def test_sudo_that_was_not_to_be_had_before_is_no_reason_after(monkeypatch: pytest.MonkeyPatch) -> None:
    logins(monkeypatch, {"deploy": SudoRefused("a password is required")})
    assert confirm.find_door(OWN, ["deploy"], password=None, own_refusal="").sudo is False


def test_the_user_of_the_connection_steps_in_where_the_wish_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("no key"), "root": None})
    assert confirm.find_door(OWN, ["deploy"], password=None, own_refusal="").target.user == "root"
    assert tried == ["deploy", "root"]


def test_nothing_is_changed_where_nobody_could_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = logins(monkeypatch, {"deploy": BaselineError("a new key login as deploy@192.0.2.7 fails: no key")})
    with pytest.raises(BaselineError) as raised:
        confirm.find_door(OWN, ["deploy"], password=None, own_refusal="PermitRootLogin no shuts root out")
    assert tried == ["deploy"]
    assert str(raised.value) == (
        "no new login from this controller could confirm the change: a new key login as deploy@192.0.2.7 fails: no "
        "key. as root: PermitRootLogin no shuts root out. Nothing was changed; give this controller the private "
        "key of one of these users, or set confirm to false to change sshd without a proof"
    )


def replies(monkeypatch: pytest.MonkeyPatch, *answers: Reply) -> list[str]:
    """Play the answers of ssh one after the other, without waiting; return what was run."""
    left, ran = list(answers), []

    def run(_target: Target, script: str, **_options: t.Any) -> Reply:
        ran.append(script)
        return left.pop(0)

    monkeypatch.setattr(confirm, "run", run)
    monkeypatch.setattr(confirm.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(confirm.time, "monotonic", lambda: 100.0)
    return ran


def test_the_new_login_itself_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(0, f"{MARK}\n", ""))
    assert confirm.prove(DOOR, armed=True, until=110) == ""
    assert "sudo -n sh -c 'sh /var/lib/pyhost.baseline/undo-sshd/undo confirm'" in ran[0]


def test_a_connection_that_is_not_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection refused")
    ran = replies(monkeypatch, refused, Reply(0, f"{MARK}\n", ""))
    assert confirm.prove(DOOR, armed=True, until=110) == ""
    assert len(ran) == 2


def test_a_refused_key_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(255, "", "deploy@192.0.2.7: Permission denied (publickey)."))
    assert "Permission denied (publickey); sshd takes none of the keys" in confirm.prove(DOOR, armed=True, until=110)
    assert len(ran) == 1


@pytest.mark.parametrize("status", [0, 1], ids=["succeeds", "fails"])
def test_a_login_that_runs_another_command_is_final(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    ran = replies(monkeypatch, Reply(status, "Sun Nov 22 18:00:00 UTC 2026\n", ""))
    assert confirm.prove(DOOR, armed=True, until=110)
    assert len(ran) == 1


def test_a_login_that_comes_too_late_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    replies(monkeypatch, Reply(3, f"{MARK}\n", "too late to confirm"))
    expected = "a new login as deploy@192.0.2.7 worked, but later than confirm_timeout allows"
    assert confirm.prove(DOOR, armed=True, until=110) == expected


def test_a_login_without_sudo_proves_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = replies(monkeypatch, Reply(0, f"{MARK}\n", ""))
    assert confirm.prove(Door(DOOR.target, sudo=False), armed=True, until=110) == ""
    assert "undo" not in ran[0]


@pytest.mark.parametrize(
    ("master", "answers", "outcome"),
    [
        pytest.param(
            "/tmp/master",
            [Reply(0, RECORD, "")],
            Outcome(
                True,
                "the host took the change back at once, over the connection that was still open: "
                "its files are as they were and sshd runs with them",
            ),
            id="asked",
        ),
        pytest.param(
            "/tmp/master",
            [Reply(255, "", "mux"), Reply(0, f"{MARK}\n{RECORD}", "")],
            Outcome(
                True, "the host took the change back by itself: its files are as they were and sshd runs with them"
            ),
            id="master-is-dead",
        ),
        pytest.param(
            None,
            [Reply(0, f"{MARK}\n" + RECORD.replace("problems=", "problems=x could not be restored"), "")],
            Outcome(False, "the host tried to take the change back, but not all went well: x could not be restored"),
            id="problems",
        ),
        pytest.param(
            None, [Reply(0, f"{MARK}\n", "")], Outcome(True, "a new login as root@192.0.2.7 works again"), id="in"
        ),
        pytest.param(
            None,
            [Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection refused")],
            Outcome(
                None,
                "a new key login as root@192.0.2.7 fails: ssh: connect to host 192.0.2.7 port 22: Connection refused; "
                "nothing listens there, or a firewall rejects the connection",
            ),
            id="not-seen",
        ),
    ],
)
def test_take_back(monkeypatch: pytest.MonkeyPatch, master: str | None, answers: list[Reply], outcome: Outcome) -> None:
    replies(monkeypatch, *answers)
    # The time is long over, so that what does not answer at once is not asked again.
    assert confirm.take_back(OWN, password=None, master=master, deadline=0) == outcome
