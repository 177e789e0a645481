"""The command that adds an archive: run by a shell, it writes a stanza of sources.list(5)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.archive_sources import adding_command
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import PRESETS, AptDistribution

TRIXIE, NOBLE = AptDistribution("debian", "trixie"), AptDistribution("ubuntu", "noble")


@pytest.mark.parametrize(
    ("distribution", "preset", "uri", "suite"),
    [
        (TRIXIE, "security", "http://security.debian.org/debian-security", "trixie-security"),
        (TRIXIE, "stable", "http://deb.debian.org/debian", "trixie"),
        (TRIXIE, "backports", "http://deb.debian.org/debian", "trixie-backports"),
        (NOBLE, "security", "http://security.ubuntu.com/ubuntu", "noble-security"),
        (NOBLE, "updates", "http://archive.ubuntu.com/ubuntu", "noble-updates"),
    ],
)
def test_the_command_writes_a_stanza(
    tmp_path: Path, distribution: AptDistribution, preset: str, uri: str, suite: str
) -> None:
    command = adding_command(PRESETS[distribution.id][preset], distribution)
    folder = "/etc/apt/sources.list.d"
    assert command.endswith(f" >{folder}/{distribution.id}-{preset}.sources")
    subprocess.run(["sh", "-c", command.replace(folder, str(tmp_path))], check=True)
    [written] = tmp_path.iterdir()
    stanza = dict(line.split(": ", 1) for line in written.read_text().splitlines())
    assert (stanza["Types"], stanza["URIs"], stanza["Suites"]) == ("deb", uri, suite)
    assert stanza["Components"].startswith("main")
    assert stanza["Signed-By"] == f"/usr/share/keyrings/{distribution.id}-archive-keyring.gpg"


@pytest.mark.parametrize(
    ("pattern", "distribution", "command"),
    [
        pytest.param(PRESETS["ubuntu"]["esm-infra"], NOBLE, "pro attach TOKEN", id="a subscription"),
        pytest.param("origin=Nobody", TRIXIE, "", id="somebody else's"),
        pytest.param("origin=*", TRIXIE, "", id="all"),
        pytest.param(PRESETS["debian"]["security"], AptDistribution("debian", ""), "", id="without a codename"),
        pytest.param(PRESETS["debian"]["security"], AptDistribution("raspbian", "trixie"), "", id="a derivative"),
    ],
)
def test_others_have_no_such_command(pattern: str, distribution: AptDistribution, command: str) -> None:
    assert adding_command(pattern, distribution) == command
