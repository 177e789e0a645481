# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback's sandbox: the folders that it may write, and the second attempt outside."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths, SavedFile
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_sandbox import once_more_outside, sandbox

COMMON = "-/etc -/run -/var/lib"


@pytest.mark.parametrize(
    ("saved", "folders"),
    [
        pytest.param([], COMMON, id="nothing"),
        pytest.param(
            [SavedFile("/etc/ssh/sshd_config", "0"), SavedFile("/etc/ufw/user.rules", "f0")], COMMON, id="etc"
        ),
        pytest.param([SavedFile("/opt/ssh/sshd_config", "0")], f"{COMMON} -/opt/ssh", id="elsewhere"),
        pytest.param(
            [SavedFile("/opt/a/b/00.conf", None, new_directories=("/opt/a/b", "/opt/a"))],
            f"{COMMON} -/opt",
            id="new-folders",
        ),
        pytest.param(
            [SavedFile("/etcetera/x", "0"), SavedFile("/opt/a b/x", "1")], f"{COMMON} -/etcetera", id="odd-names"
        ),
    ],
)
def test_folders_that_it_may_write(saved: list[SavedFile], folders: str) -> None:
    assert sandbox(RollbackPaths("sshd"), saved)[-1] == f"ReadWritePaths={folders}"


def test_no_property_is_given_twice() -> None:
    names = [one.partition("=")[0] for one in sandbox(RollbackPaths("sshd"))]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_second_attempt_runs_the_script_where_it_is_still_there(tmp_path: Path, is_there: bool) -> None:
    paths = RollbackPaths("sshd", base=str(tmp_path))
    if is_there:
        Path(paths.folder).mkdir()
        Path(paths.script).write_text('echo "$@"')
    option, _prefixes, command = once_more_outside(paths, "boot").partition("=-+")
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert option == "ExecStopPost"
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "boot\n" if is_there else "", "")
