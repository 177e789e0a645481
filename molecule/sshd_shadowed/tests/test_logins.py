"""A real client from outside: which logins the host refuses, and which one it accepts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def client(host: Host, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words of an ssh call to the host, with the test key and without any connection that is open already."""
    ssh_config = ROOT / ".cache" / "hosts" / f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}" / "ssh_config"
    return ["ssh", "-F", str(ssh_config), "-o", "ControlPath=none", "-o", "LogLevel=ERROR", host.backend.host.name]


def knock(client: list[str], *options: str, password: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if password:
        environment.update(SSH_ASKPASS=str(password), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0")
    return subprocess.run(
        [*client[:-1], *options, client[-1], "id -un"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def password(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("askpass") / "say"
    script.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    script.chmod(0o700)
    return script


def test_the_password_is_valid_elsewhere(host: Host) -> None:
    """The refusal below means nothing if the account had no such password; su(1) asks PAM for it."""
    said = host.check_output(f"echo '{PASSWORD}' | runuser -u nobody -- su walter -c 'id -un' 2>/dev/null")
    assert said == "walter"


def test_the_admin_comes_in_by_key(client: list[str]) -> None:
    came = knock(client, "-l", "deploy")
    assert (came.returncode, came.stdout.strip()) == (0, "deploy")


def test_root_is_refused_though_the_key_is_known(client: list[str]) -> None:
    refused = knock(client, "-l", "root", "-o", "BatchMode=yes")
    assert refused.returncode == 255
    assert "Permission denied (publickey)." in refused.stderr


@pytest.mark.parametrize("way", ["password", "keyboard-interactive"])
def test_a_valid_password_is_refused(client: list[str], password: Path, way: str) -> None:
    refused = knock(
        client,
        "-l",
        "walter",
        "-o",
        f"PreferredAuthentications={way}",
        "-o",
        "PubkeyAuthentication=no",
        password=password,
    )
    assert refused.returncode == 255
    assert "Permission denied (publickey)." in refused.stderr
