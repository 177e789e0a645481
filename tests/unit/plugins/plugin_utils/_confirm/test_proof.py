"""The controller's logins after a change of sshd, with replies that are played: nothing but the record decides."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import proof as proofs
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import VerifiedLogin
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.proof import Proof, RecordLogin, RollbackOutcome
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import LIMITS, LoginLimits
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import MARK, Reply, SshTarget

OWN = SshTarget("192.0.2.7", user="root")
NEW = SshTarget("192.0.2.7", user="deploy", port=2222)
VERIFIED = VerifiedLogin(NEW, sudo=True)
TOKEN = "0123456789abcdef0123456789abcdef"
ARMED = ArmedRollback(45, "systemd", BASE, TOKEN, "sshd")
IN = f"{MARK}\npyhost.baseline: root\n"
SILENT = "Timeout, server 192.0.2.7 not responding."
REFUSED = Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection refused")


def record(trigger: str, *, token: str = TOKEN, problems: str = "") -> str:
    return f"{IN}token={token}\ntrigger={trigger}\nwhen=0\nproblems={problems}\n"


CONFIRMED = Reply(0, record("confirmed"), "")


@dataclass
class Played:
    """The answers of ssh, one after the other; ``ran`` is what was run where, ``now`` the clock."""

    answers: list[Reply]
    takes: float = 0.0
    now: float = 100.0
    ran: list[tuple[str, str]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def run(
        self, target: SshTarget, script: str, *, seconds: int, master: str | None = None, **_options: t.Any
    ) -> Reply:
        words = [
            word
            for word in ("confirm", "asked", "grep")
            if f" {word} " in f" {script} " or f" {word} {TOKEN}" in script
        ]
        where = f"{target.user}:{target.port or 22}{' over the master' if master else ''}"
        self.ran.append((where, script))
        self.did.append(f"{words[0] if words else 'ask'} {where}")
        self.limits.append(seconds)
        self.now += self.takes
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    did: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(name="played")
def _played(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Played]:
    def play(*answers: Reply, takes: float = 0.0) -> Played:
        found = Played(list(answers), takes)
        monkeypatch.setattr(proofs, "run", found.run)
        monkeypatch.setattr(proofs, "time", found)
        return found

    return play


Player = t.Callable[..., Played]


def confirm(verified: VerifiedLogin = VERIFIED, *, armed: ArmedRollback | None = ARMED, until: float = 122) -> Proof:
    return proofs.confirm_by_login(verified, armed=armed, until=until)


def problem_of(verified: VerifiedLogin = VERIFIED, *, armed: ArmedRollback | None = ARMED) -> str:
    """Confirm by a login and return what is wrong with that, an empty text on success."""
    error = confirm(verified, armed=armed, until=110).error
    return "; ".join(filter(None, [error.problem, error.hint])) if error else ""


def test_the_new_login_itself_confirms(played: Player) -> None:
    play = played(CONFIRMED)
    assert confirm() == Proof()
    assert "sudo -n -u root sh -c '" in play.ran[0][1]
    assert f"sh /var/lib/pyhost.baseline/rollback-sshd/rollback confirm {TOKEN};" in play.ran[0][1]
    assert len(play.ran) == 1


@pytest.mark.parametrize("armed", [ARMED, None], ids=["armed", "nothing to confirm"])
def test_an_exit_status_alone_confirms_nothing(played: Player, armed: ArmedRollback | None) -> None:
    played(Reply(0, f"{MARK}\n", ""))
    assert "but sudo there does not" in problem_of(armed=armed)


def test_a_reload_alone_needs_a_login_that_becomes_root(played: Player) -> None:
    play = played(Reply(0, IN, ""))
    assert problem_of(armed=None) == ""
    assert "rollback" not in play.ran[0][1]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(0, IN, ""), id="no record"),
        pytest.param(Reply(0, record("confirmed", token="f" * 32), ""), id="the record of another change"),
        pytest.param(Reply(0, f"{IN}pending={TOKEN}\n", ""), id="still pending"),
    ],
)
def test_root_without_a_record_has_confirmed_nothing(played: Player, reply: Reply) -> None:
    play = played(reply)
    assert "became root, but could not confirm the change" in problem_of()
    assert len(play.ran) == 1


def test_root_who_cannot_confirm_says_so(played: Player) -> None:
    played(Reply(1, IN, "mv: cannot move: Read-only file system"))
    assert "became root, but could not confirm the change: mv: cannot" in problem_of()


def test_a_record_that_root_has_not_shown_is_none(played: Player) -> None:
    """A login shell that prints what it likes."""
    played(Reply(0, record("confirmed").replace("pyhost.baseline: root\n", ""), ""))
    assert "but sudo there does not" in problem_of()


@pytest.mark.parametrize(
    ("first", "is_lost"),
    [
        pytest.param(REFUSED, False, id="refused"),
        pytest.param(Reply(255, "", "Connection timed out during banner exchange"), False, id="no banner"),
        pytest.param(Reply(255, "", "ssh: 192.0.2.7 did not answer within 25 seconds"), True, id="silent"),
        pytest.param(Reply(255, f"{MARK}\n", SILENT), True, id="lost before sudo"),
        pytest.param(Reply(255, IN, SILENT), True, id="lost after sudo"),
        pytest.param(Reply(255, IN, "client_loop: send disconnect: Broken pipe"), True, id="reset"),
        pytest.param(Reply(255, f"{IN}token={TOKEN}\ntrig", SILENT), True, id="lost within the record"),
    ],
)
def test_a_connection_that_is_not_made_or_is_lost_is_tried_again(played: Player, first: Reply, is_lost: bool) -> None:
    """The same command confirms what is not confirmed yet, and reads the record of what is."""
    play = played(first, CONFIRMED)
    proof = confirm()
    assert proof.error is None and bool(proof.lost) is is_lost
    assert play.did == ["confirm deploy:2222"] * 2
    assert play.now == 102


def test_a_record_that_arrived_before_the_connection_was_lost_is_an_answer(played: Player) -> None:
    play = played(Reply(255, record("confirmed"), SILENT))
    assert confirm().error is None
    assert len(play.ran) == 1


def test_a_connection_that_is_lost_is_no_refusal_by_sudo(played: Player) -> None:
    played(Reply(255, f"{MARK}\n", SILENT))
    proof = confirm()
    assert proof.error and proof.error.problem == (
        "the connection of a new login as deploy@192.0.2.7 port 2222 was lost before its answer: Timeout, server "
        "192.0.2.7 not responding"
    )
    assert proof.lost == "Timeout, server 192.0.2.7 not responding"


def test_what_was_lost_once_stays_lost(played: Player) -> None:
    """The network is gone from then on: the change may be confirmed."""
    play = played(Reply(255, IN, SILENT), REFUSED, takes=3)
    proof = confirm()
    assert proof.error and "Connection refused" in proof.error.problem
    assert proof.lost == "Timeout, server 192.0.2.7 not responding"
    # Until its half of the time is over: each takes 3 seconds and a pause of 2.
    assert (len(play.ran), play.now) == (5, 123)


def test_nothing_is_lost_where_nothing_was_to_be_confirmed(played: Player) -> None:
    played(Reply(255, IN, SILENT))
    proof = confirm(armed=None)
    assert proof.error and proof.lost == ""


def test_a_login_is_tried_again_up_to_its_last_moment(played: Player) -> None:
    play = played(REFUSED)
    confirm(until=102)
    assert len(play.ran) == 2


@pytest.mark.parametrize(
    ("password", "said", "hint"),
    [
        ("x", "Sorry, try again.\nsudo: 1 incorrect password attempt", "correct the become password"),
        (None, "sudo: a password is required", "give the become password"),
    ],
)
def test_what_to_do_about_a_password_depends_on_whether_there_is_one(
    played: Player, password: str | None, said: str, hint: str
) -> None:
    played(Reply(1, f"{MARK}\n", said))
    assert f"; {hint}" in problem_of(VerifiedLogin(NEW, sudo=True, password=password))


def test_a_refused_key_is_final(played: Player) -> None:
    play = played(Reply(255, "", "deploy@192.0.2.7: Permission denied (publickey)."))
    assert "Permission denied (publickey); sshd accepts none of the keys" in problem_of()
    assert len(play.ran) == 1


@pytest.mark.parametrize("status", [0, 1], ids=["succeeds", "fails"])
def test_a_login_that_runs_another_command_is_final(played: Player, status: int) -> None:
    play = played(Reply(status, "Sun Nov 22 18:00:00 UTC 2026\n", ""))
    assert problem_of()
    assert len(play.ran) == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(0, record("timeout"), ""), Reply(0, IN, "too late to confirm: the change is being rolled back or was")],
    ids=["it was rolled back", "it is being rolled back"],
)
def test_a_login_that_comes_too_late_says_so(played: Player, reply: Reply) -> None:
    played(reply)
    assert problem_of() == (
        "a new login as deploy@192.0.2.7 port 2222 worked, but later than confirm_timeout allows; give it more time "
        "(confirm_timeout)"
    )


def test_a_login_without_sudo_proves_itself_alone(played: Player) -> None:
    play = played(Reply(1, f"{MARK}\n", "sudo: a password is required"))
    assert problem_of(VerifiedLogin(NEW, sudo=False)) == ""
    assert "rollback" not in play.ran[0][1]


def test_a_sudo_that_has_stopped_asking_for_a_password_is_no_proof(played: Player) -> None:
    played(Reply(1, f"{MARK}\n", "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set"))
    assert "must be owned by uid 0" in problem_of(VerifiedLogin(NEW, sudo=False))


def test_a_slow_host_has_the_time_that_the_task_gives_it(played: Player) -> None:
    play = played(CONFIRMED)
    proofs.confirm_by_login(VERIFIED, armed=ARMED, until=110, limits=LoginLimits(60, 120))
    assert play.limits == [60]


# What became of it.

AT_ONCE = RollbackOutcome(
    True,
    "the host rolled the change back at once, over the connection that was still open: its files are as they were and "
    "sshd runs with them",
)
BY_ITSELF = RollbackOutcome(
    True, "the host rolled the change back by itself: its files are as they were and sshd runs with them"
)
KEPT = RollbackOutcome(False, "the record on the host says that the change is confirmed", is_confirmed=True)


def outcome_of(
    *, also: bool = False, master: str | None = None, deadline: float = 0, limits: LoginLimits = LIMITS
) -> RollbackOutcome:
    logins = [*([RecordLogin(NEW)] if also else []), RecordLogin(OWN, "secret", master)]
    return proofs.roll_back(logins, armed=ARMED, deadline=deadline, limits=limits)


def test_the_open_connection_asks_for_a_rollback(played: Player) -> None:
    play = played(Reply(0, record("asked"), ""))
    assert outcome_of(master="/tmp/master") == AT_ONCE
    # What this run reports the next one does not report again: but only after its answer has arrived.
    assert play.did == ["asked root:22 over the master", "grep root:22 over the master"]
    assert f"rollback asked {TOKEN};" in play.ran[0][1]


def test_the_open_connection_is_that_of_the_play(played: Player) -> None:
    """Not that of the user who was to confirm."""
    play = played(REFUSED)
    found = outcome_of(also=True, master="/tmp/master")
    assert play.did[:3] == ["asked root:22 over the master", "ask deploy:2222", "ask root:22"]
    assert found.message.startswith("a new key login as root@192.0.2.7 fails")


def test_an_open_connection_that_is_dead_is_no_answer(played: Player) -> None:
    play = played(Reply(255, "", "mux"), Reply(0, record("timeout"), ""))
    assert outcome_of(master="/tmp/master") == BY_ITSELF
    assert play.did == ["asked root:22 over the master", "ask root:22", "grep root:22"]


def test_only_the_record_makes_a_change_a_confirmed_one() -> None:
    assert not RollbackOutcome(True, "").is_confirmed and not RollbackOutcome(None, "").is_confirmed


def test_problems_of_a_rollback_are_named(played: Player) -> None:
    played(Reply(0, record("timeout", problems="x could not be restored"), ""))
    message = "the host tried to roll the change back, but some of it failed: x could not be restored"
    assert outcome_of() == RollbackOutcome(False, message)


def test_a_change_that_is_confirmed_is_not_reported_as_rolled_back(played: Player) -> None:
    play = played(CONFIRMED)
    assert outcome_of(master="/tmp/master") == KEPT
    assert play.did == ["asked root:22 over the master"]


def test_a_record_that_was_about_to_be_written_is_asked_for_once_more(played: Player) -> None:
    nothing, gone = Reply(0, IN, ""), Reply(0, record("timeout"), "")
    play = played(nothing, gone)
    assert outcome_of(deadline=145) == BY_ITSELF
    assert play.did == ["ask root:22", "ask root:22", "grep root:22"]
    play = played(nothing)
    assert outcome_of(deadline=145).rolled_back is None
    assert play.did == ["ask root:22"] * 2
    # One that is pending is waited for.
    play = played(Reply(0, f"{IN}pending={TOKEN}\n", ""))
    assert outcome_of(deadline=145).rolled_back is None
    assert play.now > 145 + 30


def test_a_change_that_may_be_confirmed_is_asked_for_where_it_would_be(played: Player) -> None:
    """On the new port and as the verified user first: the old ones may be shut."""
    play = played(REFUSED, REFUSED, CONFIRMED)
    assert outcome_of(also=True, deadline=145) == KEPT
    assert play.did == ["ask deploy:2222", "ask root:22", "ask deploy:2222"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(
            Reply(0, IN, ""),
            "a new login as root@192.0.2.7 works, but the host has no record of this change "
            "(/var/lib/pyhost.baseline/rollback-sshd.record)",
            id="a login that works is no proof",
        ),
        pytest.param(
            Reply(0, f"{IN}pending={TOKEN}\n", ""),
            "a new login as root@192.0.2.7 works, and the rollback is still armed there",
            id="pending",
        ),
        pytest.param(
            Reply(0, record("asked", token="f" * 32), ""),
            "a new login as root@192.0.2.7 works, but the host has no record of this change "
            "(/var/lib/pyhost.baseline/rollback-sshd.record)",
            id="the record of another change",
        ),
        pytest.param(
            Reply(1, f"{MARK}\n", "sudo: unable to initialize policy plugin"),
            "a new login as root@192.0.2.7 works, but sudo there does not: sudo: unable to initialize policy plugin; "
            "give the user a rule in /etc/sudoers.d that allows every command as root",
            id="in and no further",
        ),
        pytest.param(
            Reply(0, f"{MARK}\ntoken=$(x)\nwhen=99999999999999\ntrigger=\x1b[2J\nproblems=\x1b[2J\n", ""),
            "a new login as root@192.0.2.7 works, but sudo there does not: when=99999999999999; trigger=\\x1b[2J; "
            "problems=\\x1b[2J; give the user a rule in /etc/sudoers.d that allows every command as root",
            id="a record of no rollback",
        ),
        pytest.param(
            Reply(1, record("asked").replace("pyhost.baseline: root\n", ""), "sudo: a terminal is required"),
            "a new login as root@192.0.2.7 works, but sudo there does not: sudo: a terminal is required; give the user "
            "a rule in /etc/sudoers.d that allows every command as root",
            id="a record that root has not shown",
        ),
        pytest.param(
            REFUSED,
            "a new key login as root@192.0.2.7 fails: ssh: connect to host 192.0.2.7 port 22: Connection refused; "
            "nothing listens there, or a firewall rejects the connection",
            id="not seen",
        ),
    ],
)
def test_without_a_record_nothing_is_said_about_the_change(played: Player, reply: Reply, message: str) -> None:
    played(reply)
    assert outcome_of() == RollbackOutcome(None, message)


@pytest.mark.parametrize(
    ("limits", "until"),
    [(LoginLimits(), 178), (LoginLimits().after_lost_answer, 238), (LoginLimits(60, 120), 268)],
    ids=["usual", "an answer was lost", "a slow host"],
)
def test_the_record_is_waited_for_past_the_time_of_the_rollback(
    played: Player, limits: LoginLimits, until: float
) -> None:
    play = played(REFUSED, takes=1)
    assert outcome_of(deadline=145, limits=limits).rolled_back is None
    assert until - 3 <= play.now <= until
    assert set(play.limits) == {limits.connect}


def test_when_the_record_is_asked_for(played: Player) -> None:
    """Every ten seconds, right after the rollback is due, and then every two."""
    play = played(Reply(0, f"{IN}pending={TOKEN}\n", ""))
    asked: list[float] = []
    sleep = play.sleep

    def record_sleep(seconds: float) -> None:
        sleep(seconds)
        asked.append(play.now)

    play.sleep = record_sleep  # type: ignore[method-assign]  # the clock
    outcome_of(deadline=145, limits=LoginLimits(10, 31))
    # Up to the last moment.
    assert asked == [110, 120, 130, 140, 148, *range(150, 180, 2)]
