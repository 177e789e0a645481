# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's rule of sudo, by transcripts of visudo and sudo."""

from __future__ import annotations

import os
import stat
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.host.sudo import SudoChange, plan_sudo
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from tests.unit.fake_host import Expected, FakeHost

RULES = "/etc/sudoers.d"
PATH = f"{RULES}/95-pyhost-ann"
RULE = "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
MAIN = f"@includedir {RULES}\n"
VISUDO = ["visudo", "-c", "-f", "/scratch/sudoers"]
LIST = ["sudo", "-n", "-l", "-U", "ann"]
LISTED = "    (ALL : ALL) NOPASSWD: ALL\n"


class SudoHost(FakeHost):
    """A host whose files have modes and owners: those of ``access``, else 0440 of root."""

    access: t.ClassVar[dict[str, tuple[int, int, int]]] = {}

    def stat(self, path: str) -> os.stat_result | None:
        if path not in self.files:
            return None
        mode, uid, gid = self.access.get(path, (0o440, 0, 0))
        return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def plan(host: FakeHost, sudo: str = "nopasswd", name: str = "ann") -> SudoChange:
    return plan_sudo(t.cast(Host, host), name, sudo, RULES)


def ensure(host: FakeHost, change: SudoChange, name: str = "ann") -> None:
    change.ensure(t.cast(Host, host), name)


def test_no_change_runs_no_command() -> None:
    host = SudoHost({"/etc/sudoers": MAIN, PATH: RULE})
    change = plan(host)
    ensure(host, change)
    assert (change.before, change.after, host.written) == ({PATH: RULE}, {PATH: RULE}, [])


def test_a_rule_that_is_there_and_that_sudo_does_not_read_is_an_error() -> None:
    with pytest.raises(BaselineError, match=f"does not include {RULES}, so sudo would not read the rule") as caught:
        plan(SudoHost({"/etc/sudoers": "root ALL=(ALL:ALL) ALL\n", PATH: RULE}))
    assert caught.value.hint == f"add the line '@includedir {RULES}' with visudo"


def test_a_new_rule_is_checked_in_a_staged_copy_written_and_listed() -> None:
    files = {
        "/etc/sudoers": MAIN,
        f"{RULES}/90-other": "x\n",
        f"{RULES}/a.dpkg": "ignored\n",
        f"{RULES}/b~": "ignored\n",
    }
    host = SudoHost(files, [Expected(VISUDO), Expected(LIST, out=LISTED)])
    change = plan(host)
    assert host.laid_out == {
        "/scratch/sudoers": f"@includedir /scratch{RULES}\n",
        f"/scratch{PATH}": RULE,
        f"/scratch{RULES}/90-other": "x\n",
    }
    assert (change.before, change.after, host.written) == ({}, {PATH: RULE}, [])
    ensure(host, change)
    host.done()
    assert (host.files[PATH], host.modes[PATH]) == (RULE, 0o440)


def test_another_kind_of_rule_replaces_the_file() -> None:
    host = SudoHost({"/etc/sudoers": MAIN, PATH: RULE}, [Expected(VISUDO), Expected(LIST, out="    (ALL : ALL) ALL\n")])
    change = plan(host, "password")
    ensure(host, change)
    host.done()
    assert (change.before[PATH], host.files[PATH]) == (RULE, "ann ALL=(ALL:ALL) ALL\n")


@pytest.mark.parametrize("access", [(0o644, 0, 0), (0o440, 1000, 0), (0o440, 0, 1000)])
def test_owner_and_mode_are_corrected(access: tuple[int, int, int]) -> None:
    chown, chmod = Expected(["chown", "0:0", PATH]), Expected(["chmod", "0440", PATH])
    host = SudoHost({"/etc/sudoers": MAIN, PATH: RULE}, [chown, chmod, Expected(LIST, out=LISTED)])
    host.access = {PATH: access}  # type: ignore[misc]  # of this host alone
    change = plan(host)
    ensure(host, change)
    host.done()
    assert change.after[f"{PATH} (access)"] == "owner: 0:0\nmode: 0440\n"
    assert change.before[f"{PATH} (access)"] == f"owner: {access[1]}:{access[2]}\nmode: {access[0]:04o}\n"


def test_a_mode_that_cannot_be_set_is_an_error() -> None:
    host = SudoHost({"/etc/sudoers": MAIN, PATH: RULE}, [Expected(["chown", "0:0", PATH], rc=1, err="no\n")])
    host.access = {PATH: (0o644, 0, 0)}  # type: ignore[misc]  # of this host alone
    with pytest.raises(BaselineError, match="the mode of .* cannot be set: no") as caught:
        ensure(host, plan(host))
    assert caught.value.hint == "sudo ignores a rule file with another owner or mode"


def test_the_former_file_is_removed_after_the_new_one_is_written() -> None:
    former, path = f"{RULES}/95-pyhost-a_b", f"{RULES}/95-pyhost-a+b"
    rule = RULE.replace("ann", "a.b")
    listing = Expected([*LIST[:-1], "a.b"], out=LISTED)
    host = SudoHost({"/etc/sudoers": MAIN, former: rule}, [Expected(VISUDO), listing])
    ensure(host, plan(host, name="a.b"), "a.b")
    host.done()
    assert host.written == [path, former]
    assert (former in host.files, host.files[path]) == (False, rule)
    foreign = SudoHost({"/etc/sudoers": MAIN, former: "a_b ALL=(ALL) ALL\n", path: rule})
    assert plan(foreign, name="a.b").former == ""


def test_a_rule_that_sudo_does_not_list_is_an_error() -> None:
    host = SudoHost({"/etc/sudoers": MAIN}, [Expected(VISUDO), Expected(LIST, out="ann is not allowed\n")])
    with pytest.raises(BaselineError, match="but sudo does not list its rule for ann: ann is not allowed") as caught:
        ensure(host, plan(host))
    assert caught.value.hint == "find the rule that takes precedence with `sudo -l -U ann`"


@pytest.mark.parametrize(
    ("files", "commands", "problem", "hint"),
    [
        ({}, [], "sudo is not installed: there is no /etc/sudoers", "install the package sudo"),
        (
            {"/etc/sudoers": "root ALL=(ALL) ALL\n"},
            [],
            f"/etc/sudoers does not include {RULES}, so sudo would not read the rule",
            f"add the line '@includedir {RULES}' with visudo",
        ),
        (
            {"/etc/sudoers": MAIN},
            [Expected(VISUDO, rc=1, err="/scratch/sudoers:3:1: syntax error\n", out=f"/scratch{RULES}/x:1: bad\n")],
            f"visudo refuses the rules of sudo: /etc/sudoers:3:1: syntax error {RULES}/x:1: bad",
            "",
        ),
    ],
    ids=["absent", "not included", "refused"],
)
def test_rules_that_would_be_invalid(files: dict[str, str], commands: list[Expected], problem: str, hint: str) -> None:
    host = SudoHost(files, commands)
    with pytest.raises(BaselineError) as caught:
        plan(host)
    assert (caught.value.problem, caught.value.hint, host.written) == (problem, hint, [])
    assert "; this task changed nothing" in str(caught.value)


def test_check_mode_without_sudo_plans_the_rule() -> None:
    assert plan(SudoHost(check_mode=True)).after == {PATH: RULE}
