"""Plan, apply and confirm over a connection that is played: who is asked, in which order, and what a failure leaves."""

from __future__ import annotations

import json
import types
import typing as t
from dataclasses import dataclass, field, replace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.action import sshd_config
from ansible_collections.pyhost.baseline.plugins.action.sshd_config import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT, ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import commit as commits
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import login as logins
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm import proof as proofs
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import login as connections
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import MARK, Reply, SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import Login, PasswordWanted

PLAIN = Confirmation("", 22)
TOKEN = "0123456789abcdef0123456789abcdef"
ARMED = replace(PLAIN, armed=ArmedRollback(45, "systemd", BASE, TOKEN, "sshd"))
LESS = replace(PLAIN, preflight=Preflight({"KexAlgorithms": ("curve25519-sha256",)}, keys=("ssh-rsa 3072 SHA256:a",)))
IN = f"{MARK}\npyhost.baseline: root\n"
RECORD = f"token={TOKEN}\ntrigger=asked\nwhen=0\nproblems=\n"
KEPT = RECORD.replace("asked", "confirmed")
SILENT = "Timeout, server 192.0.2.7 not responding."
LATER = (
    "unless it was applied and confirmed, the host rolls the change back by itself within 45 seconds, or at its next "
    "boot"
)


def answer(confirmation: Confirmation | None = None, *, ports: list[int] | None = None, **more: t.Any) -> t.Any:
    """What an honest module answers, as it comes over the wire."""
    parts = {"confirmation": confirmation.as_json()} if confirmation else {}
    return json.loads(json.dumps({"changed": True, "ports": ports or [22], **parts, **more}))


@dataclass
class Play:
    """One task over one connection; ``events`` is what happened, in its order."""

    monkeypatch: pytest.MonkeyPatch
    transport: str = "ssh"
    check_mode: bool = False
    arguments: dict[str, t.Any] = field(default_factory=lambda: {"settings": {"PasswordAuthentication": False}})
    options: dict[str, t.Any] = field(default_factory=dict)
    variables: dict[str, t.Any] | None = field(default_factory=lambda: {"inventory_hostname": "box"})
    control: tuple[str | None, str | None] = ("%(directory)s/x", "/tmp/cp")
    answers: dict[str, t.Any] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    login_errors: dict[str, Exception] = field(default_factory=dict)
    confirms: t.Any = None
    client: ClientSettings = ClientSettings()
    become: t.Any = None
    phases: list[dict[str, str]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    targets: list[SshTarget] = field(default_factory=list)
    masters: list[str | None] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
        self.monkeypatch.setattr(logins, "log_in", self._log_in)
        # What the client of this controller has for the host is of interest in some tests only.
        self.monkeypatch.setattr(connections, "ask_client", lambda *_given, **_user: self.client)
        self.monkeypatch.setattr(proofs, "run", self._run)
        clock = types.SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep)
        self.monkeypatch.setattr(proofs, "time", clock)
        self.monkeypatch.setattr(commits, "time", clock)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _log_in(self, target: SshTarget, **_options: t.Any) -> Login:
        self.events.append(f"log in as {target.user}")
        self.targets.append(target)
        error = self.login_errors.get(str(target.user))
        if error:
            raise error
        return Login(0.1, "nopasswd")

    def _run(self, target: SshTarget, script: str, *, master: str | None = None, **_options: t.Any) -> Reply:
        words = [word for word in ("confirm", "asked", "grep", "cat") if f"{word} " in script]
        self.events.append(f"run {words[0] if words else 'nothing'} as {target.user}")
        self.targets.append(target)
        self.masters.append(master)
        self.now += 1.26
        return self.replies.pop(0)

    def _module(self, module_args: dict[str, t.Any], task_vars: t.Any, *, in_background: bool) -> t.Any:
        assert not in_background
        phase = module_args.pop(PHASE_ARGUMENT, {"phase": ""})
        if len(phase) > 1:
            self.phases.append(dict(phase))
        assert module_args == self.arguments
        assert task_vars == (self.variables or {})
        self.events.append(f"module {phase['phase'] or 'at once'}")
        if phase["phase"]:
            assert (phase["login_user"], sorted(phase)) == ("ops", ["become", "login_user", "phase"])
        found = self.answers[phase["phase"]]
        if isinstance(found, Exception):
            raise found
        return found

    def _low_level(self, command: str) -> dict[str, t.Any]:
        self.events.append("confirm over the connection" if f"rollback confirm {TOKEN};" in command else command)
        if isinstance(self.confirms, Exception):
            raise self.confirms
        return dict(self.confirms)

    def result(self) -> dict[str, t.Any]:
        options = {"remote_user": "ops", "host": "192.0.2.7", "ssh_executable": "ssh", **self.options}
        action = ActionModule.__new__(ActionModule)
        action._task = types.SimpleNamespace(
            check_mode=self.check_mode, args=self.arguments, action="pyhost.baseline.sshd_config"
        )
        action._connection = types.SimpleNamespace(transport=self.transport, get_option=options.get, become=self.become)
        action._connection.control_path, action._connection.control_path_dir = self.control
        action._play_context = types.SimpleNamespace(become_pass=None)
        action.__dict__["_execute_cached"] = self._module
        action.__dict__["_low_level_execute_command"] = self._low_level
        found = action.run(None, self.variables)
        assert self.replies == []
        return found


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(monkeypatch, answers={"plan": answer(PLAIN), "apply": answer(ARMED)}, replies=[Reply(0, IN + KEPT, "")])


def test_a_login_works_before_the_change_and_confirms_it_after(play: Play) -> None:
    play.arguments["guard_users"] = ["deploy"]
    found = play.result()
    assert play.events == ["module plan", "log in as deploy", "module apply", "run confirm as deploy"]
    assert found["changed"] and "failed" not in found
    assert found["confirmed_by"] == {"method": "login", "user": "deploy", "port": 22, "sudo": True, "seconds": 1.3}
    assert "confirmation" not in found


def test_a_task_without_variables(play: Play) -> None:
    play.variables = None
    assert play.result()["changed"]


def test_a_task_in_the_background_is_refused() -> None:
    """Nobody would be there to confirm the change."""
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(async_val=60, action="pyhost.baseline.sshd_config")
    with pytest.raises(AnsibleActionFail, match="does not support async"):
        action.run(None, {})


def test_a_run_that_changes_nothing_is_one_process(play: Play) -> None:
    play.answers = {"plan": {"changed": False}}
    play.replies = []
    assert play.result() == {"changed": False}
    assert play.events == ["module plan"]


@pytest.mark.parametrize("end", [{"failed": True, "msg": "no"}, {"unreachable": True, "msg": "no"}])
def test_a_plan_that_fails_is_the_end(play: Play, end: dict[str, t.Any]) -> None:
    play.answers = {"plan": answer(PLAIN, **end)}
    play.replies = []
    assert play.result()["msg"] == "no"
    assert play.events == ["module plan"]


def test_nobody_can_log_in_so_nothing_is_changed(play: Play) -> None:
    play.login_errors = {"ops": sshd_config.BaselineError("no key", state="")}
    play.replies = []
    found = play.result()
    assert found["failed"] and not found["changed"]
    assert "could confirm the change: no key; this task changed nothing; give this controller" in found["msg"]
    assert play.events == ["module plan", "log in as ops"]


def test_the_connections_user_is_not_tried_where_the_change_would_lock_it_out(play: Play) -> None:
    play.answers["plan"] = answer(replace(PLAIN, refusal="PermitRootLogin no"))
    play.replies = []
    assert "as ops: PermitRootLogin no" in play.result()["msg"]
    assert play.events == ["module plan"]


def test_the_preflight_login_does_without_what_goes(play: Play) -> None:
    play.answers["plan"] = answer(LESS)
    assert "confirmed_by" in play.result()
    assert play.targets[0].options == ("KexAlgorithms=-curve25519-sha256",)
    # The login after the change is the client's own.
    assert play.targets[1].options == ()


def test_an_apply_that_changes_nothing_any_more_is_the_end(play: Play) -> None:
    play.answers["apply"] = {"changed": False}
    play.replies = []
    assert play.result() == {"changed": False}


def test_an_apply_that_fails_is_not_confirmed(play: Play) -> None:
    play.answers["apply"] = {"changed": False, "failed": True, "msg": "sshd rejects the configuration"}
    play.replies = []
    found = play.result()
    assert found["failed"] and found["msg"] == "sshd rejects the configuration"
    assert play.events[-1] == "module apply"


def test_warnings_of_both_phases_are_shown_once(play: Play) -> None:
    play.answers = {"plan": answer(PLAIN, warnings=["a", "b"]), "apply": answer(ARMED, warnings=["b", "c"])}
    assert play.result()["warnings"] == ["a", "b", "c"]


# Where the login is made.


def moved(play: Play, ports: list[int], *, then: list[int] | None = None) -> dict[str, t.Any]:
    play.arguments["settings"] = {"Port": 2222}
    play.answers = {"plan": answer(PLAIN, ports=ports), "apply": answer(ARMED, ports=then or ports)}
    return play.result()


def test_the_login_after_a_move_is_on_the_new_port(play: Play) -> None:
    found = moved(play, [2222])
    assert [target.port for target in play.targets] == [None, 2222]
    assert found["confirmed_by"]["port"] == 2222


def test_a_move_that_a_local_user_prevented_is_confirmed_on_the_old_port(play: Play) -> None:
    assert moved(play, [2222], then=[22])["confirmed_by"]["port"] == 22


def test_a_port_that_nobody_asked_for_stops_before_the_change(play: Play) -> None:
    play.replies = []
    found = moved(play, [2200])
    assert found["option"] == "settings" and found["hint"].startswith("name the port in settings")
    assert "; this task changed nothing; " in found["msg"]
    assert play.events == ["module plan"]


def test_a_port_that_nobody_asked_for_after_the_change_is_not_believed(play: Play) -> None:
    play.replies = []
    found = moved(play, [2222], then=[2200])
    assert "not one of this module: ports: according to the host" in found["msg"] and LATER in found["msg"]
    assert play.events[-1] == "module apply"


# What can go wrong once the change is made.


def test_the_connection_is_lost_while_sshd_is_changed(play: Play) -> None:
    play.answers["apply"] = AnsibleConnectionFailure("Shared connection\x1b[2J closed")
    play.replies = []
    found = play.result()
    assert found["failed"]
    assert found["msg"] == (
        f"the connection was lost while the sshd configuration was changed (Shared connection\\x1b[2J closed); {LATER}"
    )


def test_an_unfit_answer_after_the_change_says_what_the_host_does(play: Play) -> None:
    play.answers["apply"] = answer(replace(ARMED, armed=ArmedRollback(3600, "systemd", BASE, TOKEN, "sshd")))
    play.replies = []
    found = play.result()
    assert "confirmation.armed.seconds" in found["msg"] and LATER in found["msg"]


def test_a_login_that_fails_has_the_host_roll_back_over_the_connection_that_is_open(play: Play) -> None:
    play.replies = [
        Reply(255, "", "ops@192.0.2.7: Permission denied (publickey)."),
        Reply(0, IN + RECORD, ""),
        Reply(0, IN, ""),
    ]
    found = play.result()
    assert play.events[-3:] == ["run confirm as ops", "run asked as ops", "run grep as ops"]
    assert play.masters == [None, "/tmp/cp/x", "/tmp/cp/x"]
    assert (found["failed"], found["changed"], found["rolled_back"]) == (True, False, True)
    assert found["msg"].startswith(
        "the new configuration was applied, but a new key login as ops@192.0.2.7 fails: ops@192.0.2.7: Permission "
        "denied (publickey); the host rolled the change back at once, over the connection that was still open: its "
        "files are as they were and sshd runs with them; sshd accepts none of the keys"
    )


@pytest.mark.parametrize(("boot", "more"), [("systemd", ", or at its next boot"), ("none", "")])
def test_a_rollback_that_is_not_seen_is_announced(play: Play, boot: str, more: str) -> None:
    play.answers["apply"] = answer(replace(ARMED, armed=ArmedRollback(45, boot, BASE, TOKEN, "sshd")))
    refused = Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: No route to host")
    started = play.now
    looks: list[tuple[float, str | None]] = []

    def run(*_given: t.Any, **options: t.Any) -> Reply:
        looks.append((play.now - started, options.get("master")))
        play.now += 1
        return refused

    play.monkeypatch.setattr(proofs, "run", run)
    play.replies = []
    found = play.result()
    assert found["rolled_back"] is None
    assert (
        f"the host rolls the change back by itself, 45 seconds after it was made{more}, which could not" in found["msg"]
    )
    # The login is tried again every 3 seconds for half of the time, and the host asked until its time is over.
    assert looks[:9] == [*((when, None) for when in range(0, 22, 3)), (22, "/tmp/cp/x")]
    assert looks[-1][0] > 45


@pytest.mark.parametrize("control", [(None, "/tmp/cp"), ("%(directory)s/x", None)], ids=["no path", "no folder"])
def test_a_connection_without_a_control_master_is_not_asked(play: Play, control: tuple[str | None, str | None]) -> None:
    play.control = control
    play.replies = [
        Reply(255, "", "ops@192.0.2.7: Permission denied (publickey)."),
        Reply(0, IN + RECORD, ""),
        Reply(0, IN, ""),
    ]
    found = play.result()
    assert play.masters == [None, None, None]
    assert "the host rolled the change back by itself" in found["msg"] and found["rolled_back"] is True


def test_files_that_were_there_before_have_nothing_to_go_back_to(play: Play) -> None:
    play.answers["apply"] = answer(PLAIN)
    play.replies = [Reply(255, "", "ops@192.0.2.7: Permission denied (publickey).")]
    found = play.result()
    assert found["msg"].startswith("sshd was made to read its files, which had been there before, and now a new key")
    assert "; there is no earlier configuration to go back to; " in found["msg"]
    assert "rolled_back" not in found


def test_a_reload_alone_is_confirmed_without_a_rollback(play: Play) -> None:
    play.answers["apply"] = answer(PLAIN)
    assert play.result()["confirmed_by"]["method"] == "login"
    assert play.events[-1] == "run nothing as ops"


# The network goes while the host confirms.


def lost(play: Play, *replies: Reply) -> dict[str, t.Any]:
    """Play a confirmation whose answer is lost, and what answers after it; without a control master."""
    play.control = (None, None)
    play.arguments["guard_users"] = ["deploy"]
    play.replies = [Reply(255, IN, SILENT), *replies]
    return play.result()


WARNING = (
    "the answer to the confirmation was lost (Timeout, server 192.0.2.7 not responding); the record on the host says "
    "that the change is confirmed"
)
GONE = Reply(255, "", "ssh: connect to host 192.0.2.7 port 22: Connection timed out")


def test_a_confirmation_whose_answer_is_lost_is_asked_for_again(play: Play) -> None:
    found = lost(play, Reply(0, IN + KEPT, ""))
    assert play.events[-2:] == ["run confirm as deploy"] * 2
    assert found["changed"] and not found.get("failed") and "rolled_back" not in found
    assert found["warnings"] == [WARNING] and found["confirmed_by"]["user"] == "deploy"


def test_a_network_that_is_gone_for_long_makes_no_rollback(play: Play) -> None:
    """It comes back after the time for the confirmation is over, and the change is in force."""
    found = lost(play, *[GONE] * 10, Reply(0, IN + KEPT, ""))
    assert not found.get("failed") and found["warnings"] == [WARNING]
    # On the new port and as the new user first, as the old ones may be shut.
    assert play.events[-1] == "run cat as deploy" and "run cat as ops" in play.events


def test_a_confirmation_that_never_arrived_is_a_rollback_by_the_record(play: Play) -> None:
    found = lost(play, *[GONE] * 10, Reply(0, IN + RECORD.replace("asked", "timeout"), ""), Reply(0, IN, ""))
    assert found["failed"] and found["rolled_back"] is True
    assert "the host rolled the change back by itself" in found["msg"]


def test_a_network_that_does_not_come_back_leaves_it_open(play: Play) -> None:
    play.replies = []
    play.control = (None, None)
    answers = iter([Reply(255, IN, SILENT)])

    def run(*_given: t.Any, **_options: t.Any) -> Reply:
        play.now += 10
        return next(answers, GONE)

    play.monkeypatch.setattr(proofs, "run", run)
    started = play.now
    found = play.result()
    assert found["failed"] and found["rolled_back"] is None
    assert (
        "the host may have confirmed the change before the connection was lost; if it has not, it rolls the change "
        "back by itself, 45 seconds after it was made, or at its next boot; its record "
        "(/var/lib/pyhost.baseline/rollback-sshd.record) says which, and could not be read from here: "
    ) in found["msg"]
    assert "sudo" not in found["msg"]
    # Longer than for a host that answers.
    assert play.now - started > 45 + 90


def test_a_login_that_works_again_is_no_rollback(play: Play) -> None:
    """The record is gone: another run has read it."""
    found = lost(play, *[Reply(0, IN, "")] * 3)
    assert found["failed"]
    assert found["rolled_back"] is None and "the host has no record of this change" in found["msg"]


def test_somebody_on_the_console_confirms(play: Play) -> None:
    """The login from here fails, and the admin decides to keep the change."""
    play.control = (None, None)
    play.replies = [Reply(255, "", "ops@192.0.2.7: Permission denied (publickey)."), Reply(0, IN + KEPT, "")]
    found = play.result()
    assert not found.get("failed")
    assert "Permission denied (publickey)); the record on the host says that the change" in found["warnings"][0]


# A user whose sudo asks for a password that the play does not have.


def without_sudo(play: Play) -> dict[str, t.Any]:
    play.login_errors = {"ops": PasswordWanted("a password is required", state="")}
    play.replies = [Reply(1, f"{MARK}\n", "sudo: a password is required")]
    return play.result()


def test_without_sudo_the_connection_of_the_play_confirms(play: Play) -> None:
    play.confirms = {"rc": 0, "stdout": KEPT, "stderr": ""}
    found = without_sudo(play)
    assert play.events[-2:] == ["run nothing as ops", "confirm over the connection"]
    assert found["confirmed_by"]["sudo"] is False
    assert found["warnings"] == [
        "only the login of ops is verified, not that ops becomes root: sudo asks for a password that the play does not "
        "have; give that of ops (--ask-become-pass) to verify both"
    ]


@pytest.mark.parametrize(
    ("confirms", "problem"),
    [
        pytest.param(
            {"rc": 3, "stdout": "", "stderr": "too late to confirm\n"},
            "the change could not be confirmed: too late to confirm",
            id="too late",
        ),
        pytest.param(
            {"rc": 0, "stdout": "", "stderr": ""},
            "the change could not be confirmed: the host has no record of it",
            id="an exit status is no record",
        ),
        pytest.param(
            AnsibleConnectionFailure("closed"),
            "a new login works, but the connection of the play, which should confirm the change, does not: closed",
            id="a lost connection",
        ),
    ],
)
def test_a_connection_that_cannot_confirm(play: Play, confirms: t.Any, problem: str) -> None:
    play.confirms = confirms
    play.login_errors = {"ops": PasswordWanted("a password is required", state="")}
    play.replies = [Reply(1, f"{MARK}\n", "sudo: a password is required"), Reply(0, IN + RECORD, ""), Reply(0, IN, "")]
    found = play.result()
    assert found["msg"].startswith(f"the new configuration was applied, but {problem}; the host rolled the change back")
    assert found["rolled_back"] is True


def test_a_reload_alone_is_not_confirmed_over_the_connection(play: Play) -> None:
    play.answers["apply"] = answer(PLAIN)
    assert without_sudo(play)["confirmed_by"]["sudo"] is False
    assert play.events[-1] == "run nothing as ops"


# Without a login.


@pytest.mark.parametrize(
    ("changes", "method", "reason"),
    [
        pytest.param({"arguments": {"confirm": "no"}}, "none", "confirm is false", id="confirm"),
        pytest.param({"arguments": {"reload": False}}, "none", "reload is false", id="reload"),
        # The module refuses these with the error of every option.
        pytest.param({"arguments": {"confirm": "maybe"}}, "none", "confirm is false", id="confirm is no boolean"),
        pytest.param({"arguments": {"reload": "maybe"}}, "none", "reload is false", id="reload is no boolean"),
        pytest.param({"arguments": {"path": "/srv/sftp/sshd_config"}}, "checks", "is not of the sshd", id="path"),
        # Without an SSH connection there is nothing to log in by anew.
        *(
            pytest.param({"transport": kind}, "checks", f"the connection is {kind}", id=kind)
            for kind in ("local", "docker", "community.docker.docker_api", "chroot", "machinectl", "podman", "lxd")
        ),
    ],
)
def test_a_change_that_no_login_confirms(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, t.Any], method: str, reason: str
) -> None:
    play = Play(monkeypatch, answers={"": answer()}, **changes)
    found = play.result()
    assert play.events == ["module at once"]
    assert found["confirmed_by"]["method"] == method
    assert reason in found["confirmed_by"]["reason"]


def test_no_change_is_confirmed_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Play(monkeypatch, transport="local", answers={"": {"changed": False}}).result() == {"changed": False}


def test_check_mode_runs_the_module_once(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(monkeypatch, check_mode=True, answers={"": answer()})
    assert "confirmed_by" not in play.result()
    assert play.events == ["module at once"]


# Without a value the module takes its default.
@pytest.mark.parametrize("path", ["/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config", None])
def test_a_login_confirms_the_server_that_ansible_comes_in_by(play: Play, path: str | None) -> None:
    play.arguments["path"] = path
    assert play.result()["confirmed_by"]["method"] == "login"


def test_a_task_cannot_give_the_phase_itself(play: Play) -> None:
    play.arguments[PHASE_ARGUMENT] = {"phase": "", "login_user": ""}
    play.replies = []
    found = play.result()
    assert found["failed"] and found["option"] == PHASE_ARGUMENT
    assert play.events == []


# A client with algorithms of its own.


@pytest.mark.parametrize("kind", ["paramiko", "paramiko_ssh", "libssh", "ansible.netcommon.libssh"])
def test_algorithms_of_another_client_are_not_removed_untried(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    play = Play(monkeypatch, transport=kind, answers={"plan": answer(LESS)})
    found = play.result()
    assert found["msg"] == (
        f"the connection is {kind}, and this controller cannot try whether that client logs in without the algorithms "
        "that this change removes (KexAlgorithms: curve25519-sha256); this task changed nothing; use the connection "
        "ssh, leave the algorithms alone (crypto: system), or set confirm to false"
    )
    assert play.events == ["module plan"]


@pytest.mark.parametrize(
    ("plan", "changes", "events"),
    [
        pytest.param({"changed": False}, {}, ["module plan", "module at once"], id="nothing changes"),
        pytest.param(answer(PLAIN), {}, ["module plan", "module at once"], id="nothing is known"),
        pytest.param(
            answer(replace(LESS, preflight=Preflight({}))), {}, ["module plan", "module at once"], id="nothing goes"
        ),
        pytest.param(answer(LESS), {"check_mode": True}, ["module at once"], id="check mode"),
        pytest.param(answer(LESS), {"arguments": {"confirm": "no"}}, ["module at once"], id="without confirm"),
        pytest.param(answer(LESS), {"arguments": {"confirm": "?"}}, ["module at once"], id="confirm is no boolean"),
    ],
)
def test_another_client_goes_on_otherwise(
    monkeypatch: pytest.MonkeyPatch, plan: t.Any, changes: dict[str, t.Any], events: list[str]
) -> None:
    play = Play(monkeypatch, transport="paramiko", answers={"plan": plan, "": answer()}, **changes)
    assert not play.result().get("failed")
    assert play.events == events


# The client's own settings: a port that is in ssh_config, and what known_hosts has.

MOVE = {"settings": {"Port": 2300}}
IN_CONFIG = ClientSettings(host="192.0.2.7", port=2200, strict="ask")


def test_a_move_from_the_port_of_ssh_config(play: Play) -> None:
    play.client, play.arguments = IN_CONFIG, dict(MOVE)
    at = replace(PLAIN, server_port=2200)
    play.answers = {"plan": answer(at, ports=[2300]), "apply": answer(replace(ARMED, server_port=2200), ports=[2300])}
    found = play.result()
    assert found["confirmed_by"]["port"] == 2300
    assert [target.port for target in play.targets] == [2200, 2300]


def test_a_move_that_known_hosts_cannot_follow_changes_nothing(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def error(_client: ClientSettings, *, old: int, new: int) -> sshd_config.BaselineError:
        asked.append((old, new))
        return sshd_config.BaselineError("ssh would refuse the host", hint="add this line")

    monkeypatch.setattr(sshd_config, "move_error", error)
    play.client, play.arguments, play.replies = IN_CONFIG, dict(MOVE), []
    play.answers = {"plan": answer(replace(PLAIN, server_port=2200), ports=[2300])}
    found = play.result()
    assert (found["failed"], found["changed"], asked) == (True, False, [(2200, 2300)])
    assert found["msg"] == "ssh would refuse the host; this task changed nothing; add this line"
    assert play.events == ["module plan"]


@pytest.mark.parametrize(
    ("client", "ports", "options"),
    [
        pytest.param(IN_CONFIG, [2200], {}, id="no move"),
        pytest.param(replace(IN_CONFIG, strict="no"), [2300], {}, id="the check is off in ssh_config"),
        pytest.param(IN_CONFIG, [2300], {"host_key_checking": False}, id="the check is off"),
    ],
)
def test_known_hosts_does_not_matter(
    play: Play, monkeypatch: pytest.MonkeyPatch, client: ClientSettings, ports: list[int], options: dict[str, t.Any]
) -> None:
    monkeypatch.setattr(sshd_config, "move_error", lambda *_given, **_ports: pytest.fail("asked"))
    play.client, play.arguments, play.options = client, dict(MOVE), options
    at, armed = replace(PLAIN, server_port=2200), replace(ARMED, server_port=2200)
    play.answers = {"plan": answer(at, ports=ports), "apply": answer(armed, ports=ports)}
    assert not play.result().get("failed")


# The become method of the play.


@pytest.mark.parametrize(("name", "become"), [("ansible.builtin.su", "su"), ("sudo", "sudo"), (None, "sudo")])
def test_the_module_gets_the_become_method(play: Play, name: str | None, become: str) -> None:
    play.become = types.SimpleNamespace(name=name, get_option=lambda *_given, **_more: None) if name else None
    play.phases = []
    assert not play.result().get("failed")
    assert [phase["become"] for phase in play.phases] == [become, become]
    assert {target.become for target in play.targets} == {become}


def test_without_a_phase_the_module_gets_another_method_only(play: Play) -> None:
    play.check_mode, play.replies, play.phases = True, [], []
    play.answers[""] = answer()
    play.result()
    assert play.phases == []
    play.become = types.SimpleNamespace(name="su")
    play.result()
    assert play.phases == [{"phase": "", "login_user": "", "become": "su"}]
