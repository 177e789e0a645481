# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm for the firewall, and what of it this controller sees from outside.

Documented in plugins/modules/firewall.py. A run that changes nothing stays one process on the host.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import (
    UNCHANGED,
    state_of_errors,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.confirmation import parse_firewall_confirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.probes import Probes
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.commit import CommitConfirm, ModuleRun
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login import VerifiedLogin, find_working_login
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.outside import (
    OPEN,
    REFUSED,
    UNANSWERED,
    try_ports,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import ProofRequest, confirm_seconds
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import (
    become_password,
    client_settings,
    is_ssh,
    target_of,
)

Result = t.Dict[str, t.Any]


class ActionModule(CommitConfirm):
    """Runs the module in the phases ``plan`` and ``apply`` where a login can confirm the change, else at once."""

    topic = "firewall"

    def _change(self) -> Result:
        unconfirmed = self._without_login()
        if unconfirmed:
            result = self._run_module("").result
            if result.get("changed") and not self._task.check_mode:
                return {**result, "confirmed_by": unconfirmed}
            return result
        run = self._run_module("plan")
        if not run.is_change:
            return run.result
        request = ProofRequest((), confirm_seconds(self._task.args), frozenset())
        with state_of_errors(UNCHANGED):
            probes = parse_firewall_confirmation(run.confirmation, seconds=request.seconds).probes
            login = self._login(request)
        done = self._apply_and_confirm(request, lambda _run: login)
        if "confirmed_by" in done:
            done = self._with_outside(done, probes)
        warnings = dict.fromkeys([*run.result.get("warnings", []), *done.get("warnings", [])])
        return {**done, **({"warnings": list(warnings)} if warnings else {})}

    def _without_login(self) -> dict[str, str] | None:
        """Return why no login is to confirm the change, ``None`` where one is."""
        if self._task.check_mode:
            return {"method": "none", "reason": "check mode changes nothing"}
        if not boolean(self._task.args.get("confirm", True), strict=False):
            return {"method": "none", "reason": "confirm is false"}
        if not is_ssh(self._connection):
            reason = f"the connection is {self._connection.transport}: the kernel was asked, no login was made"
            return {"method": "checks", "reason": reason}
        return None

    def _login(self, request: ProofRequest) -> VerifiedLogin:
        """Return a login as the user of the connection that works before the change."""
        own = target_of(self._connection)
        return find_working_login(
            own,
            (),
            password=become_password(self, self._vars),
            confirmation=Confirmation("", own.port or 22),
            limits=request.limits,
        )

    def _armed(self, run: ModuleRun, *, seconds: int) -> ArmedRollback | None:
        return parse_firewall_confirmation(run.confirmation, seconds=seconds).armed

    def _with_outside(self, done: Result, probes: Probes) -> Result:
        """Return the result with what this controller sees of the ports, and a warning for what it should not see."""
        settings = client_settings(self._connection)
        seen: Result = {"open": [], UNANSWERED: [], "closed": [], REFUSED: [], "skipped": ""}
        if settings.is_proxied:
            seen["skipped"] = "the connection leads through another host (ProxyJump, ProxyCommand)"
            return {**done, "seen_from_outside": seen}
        host = settings.host or self._connection.get_option("host")
        answers = try_ports(host, [*probes.open, *([probes.closed] if probes.closed else [])])
        warnings = list(done.get("warnings", []))
        for port, answer in answers.items():
            if port != probes.closed:
                seen["open" if answer == OPEN else UNANSWERED].append(port)
            else:
                seen["closed" if answer == UNANSWERED else REFUSED].append(port)
        if seen[UNANSWERED]:
            ports = ", ".join(map(str, seen[UNANSWERED]))
            warnings.append(
                f"these ports of TCP are let in and something listens there, but they do not answer this controller: "
                f"{ports}; something on the way filters them, or the service itself does"
            )
        if seen[REFUSED]:
            warnings.append(
                f"port {probes.closed} of TCP is closed by these rules, but its connections are answered: they do not "
                "come to this host, as where a gateway forwards the port of sshd alone"
            )
        return {**done, "seen_from_outside": seen, **({"warnings": warnings} if warnings else {})}
