# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the user and port that answer, with Ansible's own connection plugin, so that every ssh setting counts."""

from __future__ import annotations

import re
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import (
    Answer,
    escalation_complaint,
    host_complaint,
    host_warning,
    parse_answer,
    probe_script,
    said,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.bootstrap import install_python
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import (
    WINDOWS,
    Candidate,
    Refusal,
    Verdict,
    candidates,
    judge,
    no_answer,
    port_complaint,
    search,
    silent_answer,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.target import target_error

# Every variable that sets the option of the ssh connection plugin.
_VARIABLES = {"user": ("ansible_user", "ansible_ssh_user"), "port": ("ansible_port", "ansible_ssh_port")}
# Of what a login prints; the probe's answer is much shorter, whatever a profile or a banner puts before it.
_LONGEST_OUTPUT = 200_000
_WINDOWS_TRANSPORTS = ("winrm", "psrp")


class ActionModule(ActionBase):
    """The controller's half is the whole: the probe is a shell script, for hosts that may have no Python."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        wish = self.validate_argument_spec(
            argument_spec={
                "users": {"type": "list", "elements": "str", "default": []},
                "ports": {"type": "list", "elements": "int", "default": []},
                "python_required": {"type": "bool", "default": True},
                "allow_end_of_life": {"type": "bool", "default": False},
                "allow_unproven": {"type": "bool", "default": False},
            }
        )[1]
        if refused := port_complaint(wish["ports"]) or self._target_error(wish["users"]):
            return {**result, "failed": True, "msg": refused}
        named = self._named_python(task_vars or {})
        least, pythons = _python_wish(named)
        forced = self._forced() if self._is_ssh() else set()
        script = probe_script(pythons, least=least)

        def unfit(answer: Answer) -> str | None:
            return host_complaint(
                answer,
                least_python=least,
                python_needed=wish["python_required"],
                python_named=named,
                allow_end_of_life=wish["allow_end_of_life"],
                allow_unproven=wish["allow_unproven"],
            )

        powerless: list[str] = []

        def probe(candidate: Candidate) -> Answer | Refusal:
            answer = self._probe(candidate, script)
            if isinstance(answer, Refusal) or unfit(answer):
                return answer
            complaint = self._escalation_complaint(answer)
            if complaint is None:
                return answer
            # The next user may be root: an account that exists already need not have sudo yet.
            powerless.append(complaint)
            return Refusal(complaint, Verdict.NEXT_USER)

        outcome = search(self._candidates(wish, forced), probe)
        result["tried"] = [
            {"user": candidate.user, "port": candidate.port, "reason": refusal.words}
            for candidate, refusal in outcome.tried
        ]
        if outcome.answer is None or outcome.candidate is None:
            if powerless:
                return {**result, "failed": True, "msg": powerless[0]}
            return self._unreachable(result, outcome.tried, forced)
        if complaint := unfit(outcome.answer):
            return {**result, "failed": True, "msg": complaint}
        if warning := host_warning(outcome.answer):
            result["warnings"] = [warning]
        return {**result, "changed": False, **_facts(outcome.candidate, outcome.answer, least, is_ssh=self._is_ssh())}

    def _is_ssh(self) -> bool:
        return str(self._connection.transport).rpartition(".")[2] == "ssh"

    def _target_error(self, users: t.Sequence[str]) -> str:
        if not self._is_ssh():
            return ""
        return target_error(self._connection.get_option("host"), [*users, self._connection.get_option("remote_user")])

    def _candidates(self, wish: dict[str, t.Any], forced: set[str]) -> list[Candidate]:
        """Other connections than ssh have no users and ports to choose from: their one candidate is themselves."""
        if not self._is_ssh():
            return [Candidate(None, None)]
        given = Candidate(self._connection.get_option("remote_user"), self._connection.get_option("port"))
        return candidates(users=wish["users"], ports=wish["ports"], given=given, forced=forced)

    def _forced(self) -> set[str]:
        """What extra variables decide: no fact that follows from the answer could beat them."""
        extra = load_extra_vars(self._loader)
        return {option for option, names in _VARIABLES.items() if any(name in extra for name in names)}

    def _named_python(self, task_vars: dict[str, t.Any]) -> str | None:
        """The interpreter that somebody set; ``None`` where Ansible would look for one."""
        value = C.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars)
        text = to_text(self._templar.template(value))
        return None if text.startswith("auto") else text

    def _probe(self, candidate: Candidate, script: str) -> Answer | Refusal:
        connection = self._connection
        if connection.transport in _WINDOWS_TRANSPORTS or getattr(connection._shell, "_IS_WINDOWS", False):
            return WINDOWS
        try:
            if self._is_ssh():
                self._aim(candidate)
            code, out, err = connection.exec_command("/bin/sh -s", in_data=script.encode(), sudoable=False)
        except AnsibleError as error:
            return judge(to_text(error.message))
        output, errors = to_text(out[:_LONGEST_OUTPUT]), to_text(err[:_LONGEST_OUTPUT])
        try:
            return parse_answer(output) or silent_answer(f"{output}\n{errors}\n(rc={code})")
        except BaselineError as error:
            return Refusal(str(error), Verdict.UNFIT)

    def _aim(self, candidate: Candidate) -> None:
        """Point the connection at ``candidate``, one attempt, by a login of its own.

        A master connection of an earlier run would answer for a door that has been closed since.
        """
        self._connection.set_option("remote_user", candidate.user)
        self._connection.set_option("port", candidate.port)
        self._connection.set_option("reconnection_retries", 0)
        self._connection.reset()

    def _unreachable(
        self, result: dict[str, t.Any], tried: t.Sequence[tuple[Candidate, Refusal]], forced: set[str]
    ) -> dict[str, t.Any]:
        last = tried[-1][1]
        if last.verdict is Verdict.UNFIT:
            return {**result, "failed": True, "msg": last.words}
        return {**result, "unreachable": True, "msg": no_answer(tried, forced=forced)}

    def _escalation_complaint(self, answer: Answer) -> str | None:
        """Prove that the tasks to come can become root; without ``become`` they do not ask for it."""
        become = self._connection.become
        if become is None or answer.uid == 0 or (become.name.endswith("sudo") and answer.sudo == "ok"):
            return None
        try:
            ran = self._low_level_execute_command("id -u", sudoable=True)
            words = said(ran["stdout"], ran["stderr"])
            if ran["rc"] == 0 and ran["stdout"].split()[-1:] == ["0"]:
                return None
        except AnsibleConnectionFailure as error:
            words = f"{become.name} asks for something unexpected: {judge(to_text(error.message)).words}"
        except AnsibleError as error:
            words = said(to_text(error.message))
        return escalation_complaint(answer, words)


def _python_wish(named: str | None) -> tuple[tuple[int, int], list[str]]:
    """Return the least version that this Ansible runs on, and where to look; the system's own Python comes first."""
    fallback = [str(name) for name in C.config.get_config_value("INTERPRETER_PYTHON_FALLBACK")]
    versions = [re.fullmatch(r"python(\d+)\.(\d+)", name) for name in fallback]
    least = min(((int(match[1]), int(match[2])) for match in versions if match), default=(3, 8))
    return least, [named] if named else list(dict.fromkeys(["/usr/bin/python3", "python3", *fallback]))


def _facts(candidate: Candidate, answer: Answer, least: tuple[int, int], *, is_ssh: bool) -> dict[str, t.Any]:
    python = answer.python(least)
    return {
        "user": (candidate.user or answer.login) if is_ssh else None,
        "port": candidate.port,
        "login": answer.login,
        "uid": answer.uid,
        "sudo": answer.sudo,
        "system": answer.system,
        "version": answer.version,
        "python": python,
        "install_python": None if python else install_python(System(answer.system, answer.version)),
    }
