# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the user and port that answer, with Ansible's own connection plugin, so that every ssh setting applies."""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import (
    HostRequirements,
    ProbeAnswer,
    command_message,
    escalation_error,
    host_error,
    host_warning,
    parse_answer,
    probe_script,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.bootstrap import install_python
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.identity import (
    SeenMachine,
    identity_error,
    machine_of,
    wrong_key_error,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import (
    WINDOWS,
    Candidate,
    Escalation,
    LoginRefusal,
    Verdict,
    candidates,
    judge,
    no_login_error,
    port_error,
    search,
    unusable_shell,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.seen import SeenMachines
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.known_hosts import known_keys
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import client_settings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.messages import has_changed_key
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.own_connection import over_own_ssh
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.target import target_error

# The variables that set the option of the ssh connection plugin.
_VARIABLES = {"user": ("ansible_user", "ansible_ssh_user"), "port": ("ansible_port", "ansible_ssh_port")}
# Limit for the output of a login; the probe's answer is much shorter, even after the output of a profile or a banner.
_LONGEST_OUTPUT = 200_000
_WINDOWS_TRANSPORTS = ("winrm", "psrp")
_USUAL_PORT = 22

_OPTIONS: dict[str, dict[str, t.Any]] = {
    "users": {"type": "list", "elements": "str", "default": []},
    "ports": {"type": "list", "elements": "int", "default": []},
    "python_required": {"type": "bool", "default": True},
    "allow_end_of_life": {"type": "bool", "default": False},
    "allow_unproven": {"type": "bool", "default": False},
    "login_required": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Runs on the controller alone: the probe is a shell script, for hosts that may have no Python."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False
    _key_changed = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        if own := over_own_ssh(self, ActionModule):
            return own.run(tmp, task_vars)
        options = self.validate_argument_spec(argument_spec=_OPTIONS)[1]
        error = port_error(options["ports"]) or self._target_error(options["users"])
        if error:
            return {**result, "failed": True, **error.as_result()}
        required, script = self._required(options, task_vars or {})
        settings = client_settings(self._connection) if self._is_ssh() else ClientSettings()
        forced = self._forced() if self._is_ssh() else set()
        name = str((task_vars or {}).get("inventory_hostname", ""))

        def wrong_machine(candidate: Candidate, answer: ProbeAnswer) -> BaselineError | None:
            return self._wrong_machine(candidate, answer, settings, name) if self._is_ssh() else None

        found = search(
            self._candidates(options, forced, settings),
            lambda candidate: self._probe_to_root(candidate, script, required, wrong_machine),
        )
        result["tried"] = [
            {"user": candidate.user, "port": candidate.port, "reason": refusal.reason}
            for candidate, refusal in found.refused
        ]
        if found.answer is None or found.candidate is None:
            failure = _failure(found.refused, forced)
            if not options["login_required"]:
                return {**result, **self._warned(failure["msg"]), "changed": False, "found": False}
            return {**result, **self._warned(), **failure}
        if error := host_error(found.answer, required):
            return {**result, **self._warned(), "failed": True, **error.as_result()}
        result.update(self._warned(host_warning(found.answer)))
        facts = _facts(found.candidate, found.answer, required.least_python, is_ssh=self._is_ssh())
        return {**result, "changed": False, **facts}

    def _warned(self, *more: str | None) -> dict[str, t.Any]:
        """Return the warnings of the result: ``more``, and that ssh went on with a key that is not the known one."""
        warnings = [warning for warning in more if warning]
        if self._key_changed:
            address = printable(str(self._connection.get_option("host")))
            warnings.append(
                f"the host key of {address} is another one than this controller knows, and the check is off "
                "(host_key_checking): make sure that it is the host, and remove the old key with 'ssh-keygen -R'"
            )
        return {"warnings": warnings} if warnings else {}

    def _wrong_machine(
        self, candidate: Candidate, answer: ProbeAnswer, settings: ClientSettings, name: str
    ) -> BaselineError | None:
        """Return why the machine that answered is another one than the inventory's; else note it for the next run."""
        given = settings.port or _USUAL_PORT
        # The inventory's own port comes first, unless it is the usual one: so it does not answer.
        is_other_port = candidate.is_desired and given != _USUAL_PORT
        if is_other_port:
            known = [one.key for one in known_keys(settings, given) if not one.is_authority]
            if error := wrong_key_error(answer, known, given=given, port=candidate.port):
                return error
        machine = machine_of(answer)
        if machine is None:
            return None
        notes, seen = self._notes(), SeenMachine(name, str(self._connection.get_option("host")), machine)
        earlier, path = notes.earlier(seen.name, seen.address), notes.path(seen.name, seen.address)
        error = identity_error(seen, earlier, notes.all() if is_other_port else [], path=path)
        if error is None and not self._task.check_mode:
            notes.note(seen)
        return error

    @staticmethod
    def _notes() -> SeenMachines:
        return SeenMachines(str(C.config.get_config_value("ANSIBLE_HOME")))

    def _required(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> tuple[HostRequirements, str]:
        """Return the requirements for the host, and the script of the probe."""
        named = self._named_python(task_vars)
        least, pythons = _python_candidates(named)
        names = ("python_required", "allow_end_of_life", "allow_unproven")
        required = HostRequirements(least, python_named=named, **{name: options[name] for name in names})
        return required, probe_script(pythons, least=least)

    def _probe_to_root(
        self,
        candidate: Candidate,
        script: str,
        required: HostRequirements,
        wrong_machine: t.Callable[[Candidate, ProbeAnswer], BaselineError | None],
    ) -> ProbeAnswer | LoginRefusal:
        """Probe ``candidate``, and refuse a user of a fit host who cannot become root."""
        answer = self._probe(candidate, script)
        if isinstance(answer, LoginRefusal) or host_error(answer, required):
            return answer
        # Before the become password goes there.
        if error := wrong_machine(candidate, answer):
            return LoginRefusal(error, Verdict.UNFIT)
        error = self._escalation_error(answer)
        # The next user may be root: an account that exists already need not have sudo yet.
        return Escalation(error, Verdict.NEXT_USER) if error else answer

    def _is_ssh(self) -> bool:
        return str(self._connection.transport).rpartition(".")[2] == "ssh"

    def _target_error(self, users: t.Sequence[str]) -> BaselineError | None:
        if not self._is_ssh():
            return None
        return target_error(self._connection.get_option("host"), [*users, self._connection.get_option("remote_user")])

    def _candidates(self, options: dict[str, t.Any], forced: set[str], settings: ClientSettings) -> list[Candidate]:
        """Return the logins to try. A connection other than ssh has no users and ports to choose from."""
        if not self._is_ssh():
            return [Candidate(None, None)]
        given = Candidate(self._connection.get_option("remote_user"), settings.port)
        fixed = {*forced, *(["port"] if settings.is_forced else [])}
        return candidates(users=options["users"], ports=options["ports"], given=given, forced=fixed)

    def _forced(self) -> set[str]:
        """Return what extra variables set: no fact can override them."""
        extra = load_extra_vars(self._loader)
        return {option for option, names in _VARIABLES.items() if any(name in extra for name in names)}

    def _named_python(self, task_vars: dict[str, t.Any]) -> str | None:
        """Return the interpreter that the user set, ``None`` if Ansible would look for one."""
        value = C.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars)
        text = to_text(self._templar.template(value))
        return None if text.startswith("auto") else text

    def _probe(self, candidate: Candidate, script: str) -> ProbeAnswer | LoginRefusal:
        connection = self._connection
        if connection.transport in _WINDOWS_TRANSPORTS or getattr(connection._shell, "_IS_WINDOWS", False):
            return WINDOWS
        try:
            if self._is_ssh():
                self._aim(candidate)
            if connection.has_pipelining:
                code, out, err = connection.exec_command("/bin/sh -s", in_data=script.encode(), sudoable=False)
            else:
                # paramiko takes no standard input.
                code, out, err = connection.exec_command(f"/bin/sh -c {shlex.quote(script)}", sudoable=False)
        except AnsibleError as error:
            message = to_text(error.message)
            refusal = judge(message)
            self._key_changed |= has_changed_key(message) and refusal.verdict is not Verdict.STOP
            return refusal
        self._key_changed |= has_changed_key(to_text(err[:_LONGEST_OUTPUT]))
        output, errors = to_text(out[:_LONGEST_OUTPUT]), to_text(err[:_LONGEST_OUTPUT])
        try:
            return parse_answer(output) or unusable_shell(f"{output}\n{errors}\n(rc={code})")
        except BaselineError as error:
            return LoginRefusal(error, Verdict.UNFIT)

    def _aim(self, candidate: Candidate) -> None:
        """Set the connection to ``candidate``, with one attempt and a login of its own.

        A control master of an earlier run would answer for a login that has been closed since.
        """
        self._connection.set_option("remote_user", candidate.user)
        self._connection.set_option("port", candidate.port)
        self._connection.set_option("reconnection_retries", 0)
        self._connection.reset()

    def _escalation_error(self, answer: ProbeAnswer) -> BaselineError | None:
        """Return why the following tasks could not become root. Without ``become`` they do not need to."""
        become = self._connection.become
        if become is None or answer.uid == 0 or (become.name.endswith("sudo") and answer.sudo == "ok"):
            return None
        try:
            ran = self._low_level_execute_command("id -u", sudoable=True)
            message = command_message(ran["stdout"], ran["stderr"])
            if ran["rc"] == 0 and ran["stdout"].split()[-1:] == ["0"]:
                return None
        except AnsibleConnectionFailure as error:
            message = f"{become.name} asks for something unexpected: {judge(to_text(error.message)).reason}"
        except AnsibleError as error:
            message = command_message(to_text(error.message))
        return escalation_error(answer, message)


def _failure(refused: t.Sequence[tuple[Candidate, LoginRefusal]], forced: set[str]) -> dict[str, t.Any]:
    """Return the result of a search without an answer: the first user without root, else why no login works."""
    powerless = [refusal for _candidate, refusal in refused if isinstance(refusal, Escalation)]
    last = refused[-1][1]
    if powerless or last.verdict is Verdict.UNFIT:
        cause = last if last.verdict is Verdict.UNFIT else powerless[0]
        return {"failed": True, **cause.error.as_result()}
    return {"unreachable": True, **no_login_error(refused, forced=forced).as_result()}


def _python_candidates(named: str | None) -> tuple[tuple[int, int], list[str]]:
    """Return the least version that this Ansible supports, and where to look. The system's own Python comes first."""
    fallback = [str(name) for name in C.config.get_config_value("INTERPRETER_PYTHON_FALLBACK")]
    versions = [re.fullmatch(r"python(\d+)\.(\d+)", name) for name in fallback]
    least = min(((int(match[1]), int(match[2])) for match in versions if match), default=(3, 8))
    return least, [named] if named else list(dict.fromkeys(["/usr/bin/python3", "python3", *fallback]))


def _facts(candidate: Candidate, answer: ProbeAnswer, least: tuple[int, int], *, is_ssh: bool) -> dict[str, t.Any]:
    python = answer.python(least)
    system = System(answer.system, answer.version, title=f"{answer.system} {answer.version}".strip())
    return {
        "found": True,
        "user": (candidate.user or answer.login) if is_ssh else None,
        "port": candidate.port,
        "login": answer.login,
        "uid": answer.uid,
        "sudo": answer.sudo,
        "system": answer.system,
        "version": answer.version,
        "python": python,
        "install_python": None if python else install_python(system),
        "ansible_facts": {"pyhost_system": system.as_fact()},
    }
