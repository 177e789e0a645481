"""An existing account keeps everything that is not managed, and the managed parts work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from tests.hosts.runs import ad_hoc

ROOT = Path(__file__).resolve().parents[3]


def as_ann(host: Host) -> Host:
    """The same host, by a login of its own with the first key."""
    fleet = ROOT / ".cache" / "hosts" / f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}"
    return testinfra.get_host(f"ssh://ann.ops@{host.backend.hostname}", ssh_config=str(fleet / "ssh_config"))


def test_the_key_logs_in_although_the_home_was_open_to_others(host: Host) -> None:
    assert as_ann(host).check_output("id -un") == "ann.ops"


def test_the_shell_is_kept(host: Host) -> None:
    assert host.user("ann.ops").shell == "/bin/dash"


def test_groups_are_added_and_none_is_left(host: Host) -> None:
    assert {"Old-team", "systemd-journal"} <= set(host.user("ann.ops").groups)


def test_only_the_given_keys_remain(host: Host) -> None:
    lines = host.file("/home/ann.ops/.ssh/authorized_keys").content_string.splitlines()
    assert [line.split()[-1] for line in lines] != []
    assert not any("old key" in line for line in lines)
    assert len(lines) == 3
    assert any(line.startswith('restrict,from="192.0.2.0/24,!192.0.2.7",command="echo \\"a, b\\""') for line in lines)


def test_sshd_may_read_the_keys(host: Host) -> None:
    for path in ("", "/.ssh", "/.ssh/authorized_keys"):
        file = host.file(f"/home/ann.ops{path}")
        assert file.user == "ann.ops"
        assert file.mode & 0o022 == 0, path


def test_sudo_asks_for_the_password(host: Host) -> None:
    ann = as_ann(host)
    assert ann.run("sudo -n true").rc != 0
    assert ann.run("echo wrong | sudo -k -S -p '' id -u").rc != 0
    assert ann.check_output("echo 'correct horse' | sudo -k -S -p '' id -u") == "0"


@pytest.mark.parametrize("command", ["mkpasswd --method=yescrypt --stdin", "openssl passwd -6 -stdin"])
def test_a_hash_of_the_recommended_commands_is_set_once(host: Host, command: str) -> None:
    wait = "-o DPkg::Lock::Timeout=120"
    host.check_output(f"command -v mkpasswd || {{ apt-get -qq update && apt-get -qqy {wait} install whois; }}")
    key = (ROOT / ".cache" / "hosts" / "id_ed25519.pub").read_text().strip()
    request = {
        "name": "bea",
        "authorized_keys": [key],
        "sudo": "password",
        "password": host.check_output(f"echo 'battery staple' | {command}").strip(),
    }
    fleet = f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}"
    for changed in (True, False):
        done = ad_hoc(fleet, "pyhost.baseline.admin_user", request, user="root", host=host.backend.hostname)
        assert done["changed"] is changed, done
    ask = "runuser -u bea -- sh -c \"echo 'battery staple' | sudo -k -S -p '' id -u\""
    assert host.check_output(ask).strip() == "0"
