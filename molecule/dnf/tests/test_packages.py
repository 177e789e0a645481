"""Packages by a real dnf 4 and dnf 5: the transactions, the errors, and that dnf is not started without need."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import typing as t

from testinfra.host import Host

from tests.hosts.paths import FLEETS, ROOT

INVENTORY = FLEETS / "molecule-dnf" / "inventory.yml"
CONFIGURATION = "/etc/dnf/dnf.conf"
HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(600)"
Result = dict[str, t.Any]


def packages(host: Host, *names: str, check: bool = False, **options: t.Any) -> Result:
    """Run the module on ``host`` as a user would, and return its result, that of a failure too."""
    name = host.backend.get_hostname()
    arguments = json.dumps({"name": names, **options})
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "adhoc", "-i", str(INVENTORY), "-u", "root", name),
            *("-m", "pyhost.baseline.packages", "-a", arguments, *(["--check"] if check else [])),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    _status, arrow, result = ran.stdout.partition(" => ")
    assert arrow, ran.stdout + ran.stderr
    found: Result = json.JSONDecoder().raw_decode(result)[0]
    return {"failed": ran.returncode != 0, **found}


def refused(host: Host, *names: str, **options: t.Any) -> str:
    """Return the words of the refusal; nothing may have been changed."""
    before = host.check_output("rpm -qa | sort")
    found = packages(host, *names, **options)
    assert found["failed"], found
    assert host.check_output("rpm -qa | sort") == before
    return str(found["msg"])


def is_rocky(host: Host) -> bool:
    return host.file("/etc/rocky-release").exists


@contextlib.contextmanager
def changed(host: Host, path: str, command: str) -> t.Iterator[None]:
    """Change the file ``path`` by a shell's ``command`` for a while."""
    host.check_output(f"if test -e {path}; then cp -a {path} /root/kept; fi; {command}")
    try:
        yield
    finally:
        host.check_output(f"if test -e /root/kept; then mv /root/kept {path}; else rm {path}; fi")


def test_nothing_to_do_does_not_start_dnf(host: Host) -> None:
    dnf = host.check_output("command -v dnf")
    host.check_output(f"mv {dnf} /root/dnf-away")
    try:
        present = packages(host, "yaml-headers", "sodium-headers", "automatic-updates", "/usr/bin/env")
        absent = packages(host, "no-such-package", state="absent")
        missing = packages(host, "no-such-package")
    finally:
        host.check_output(f"mv /root/dnf-away {dnf}")
    assert (present["failed"], present["changed"]) == (False, False)
    assert (absent["failed"], absent["changed"]) == (False, False)
    # dnf was really away.
    assert "has no dnf" in missing["msg"]


def test_installing_and_removing(host: Host) -> None:
    packages(host, "rsync", state="absent")
    predicted = packages(host, "rsync", check=True)
    assert not host.package("rsync").is_installed
    installed = packages(host, "rsync")
    assert predicted["installed"] == installed["installed"]
    assert "rsync" in installed["installed"]
    assert host.package("rsync").is_installed

    predicted = packages(host, "rsync", state="absent", check=True)
    assert host.package("rsync").is_installed
    removed = packages(host, "rsync", state="absent")
    assert predicted["removed"] == removed["removed"]
    assert list(removed["removed"]) == ["rsync"]
    assert not host.package("rsync").is_installed


def test_the_newest_version(host: Host) -> None:
    assert not packages(host, "plain")["changed"]
    predicted = packages(host, "plain", state="latest", check=True)
    upgraded = packages(host, "plain", state="latest")
    assert upgraded["upgraded"] == {"plain": {"before": "1.0-1.el9", "after": "2.0-1.el9"}}
    assert predicted["upgraded"] == upgraded["upgraded"]
    assert not packages(host, "plain", state="latest")["changed"]


def test_a_disabled_repository(host: Host) -> None:
    if not is_rocky(host):
        assert packages(host, "yaml-headers")["repositories_enabled"] == []
        return
    host.check_output("dnf -q -y remove libyaml-devel && dnf config-manager --set-disabled crb")
    message = refused(host, "yaml-headers", enable_repositories=False)
    assert "libyaml-devel: needs the disabled repository crb; this task changed nothing; " in message
    assert "(crb: dnf config-manager --set-enabled crb)" in message
    predicted = packages(host, "yaml-headers", check=True)
    assert predicted["repositories_enabled"] == ["crb"]
    assert packages(host, "yaml-headers")["repositories_enabled"] == ["crb"]


def test_whoever_holds_the_lock_is_named_and_waited_for(host: Host) -> None:
    lock = host.check_output("rpm -E '%{_rpmlock_path}'")
    host.check_output("systemd-run --unit=holder python3 -c %s %s", HOLD, lock)
    try:
        assert f" holds {lock}, still after 1 seconds" in refused(host, "rsync", lock_timeout=1)
        host.check_output("systemd-run --on-active=3 --timer-property=AccuracySec=100ms systemctl stop holder")
        assert "rsync" in packages(host, "rsync", lock_timeout=120)["installed"]
    finally:
        host.run("systemctl stop holder")
        packages(host, "rsync", state="absent")


def test_packages_that_dnf_cannot_install_are_named_although_its_configuration_skips_them(host: Host) -> None:
    lax = "strict=0" if is_rocky(host) else "skip_unavailable=1"
    with changed(host, CONFIGURATION, f"printf '{lax}\\nexcludepkgs=rsync\\n' >>{CONFIGURATION}"):
        message = refused(host, "rsync", "gettxt")
    assert "'rsync' is in a repository, but excluded" in message
    assert "unknown package 'gettxt'; did you mean 'gettext'" in message
