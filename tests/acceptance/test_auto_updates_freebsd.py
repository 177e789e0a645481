"""Automatic updates on FreeBSD: cron runs and has the job, the shell reads the script, its commands are there."""

from __future__ import annotations

import pytest
from testinfra.host import Host

pytestmark = pytest.mark.family("freebsd")

JOB = "/usr/local/etc/cron.d/pyhost-baseline-updates"
SCRIPT = "/usr/local/libexec/pyhost-baseline-updates"


def test_cron_runs_and_starts_at_boot(host: Host) -> None:
    cron = host.service("cron")
    assert cron.is_running
    assert cron.is_enabled


def test_only_root_can_change_what_cron_starts(host: Host) -> None:
    for path in (JOB, SCRIPT):
        file = host.file(path)
        assert (file.user, file.mode & 0o022) == ("root", 0), path


def test_the_job_starts_the_script(host: Host) -> None:
    (line,) = [line for line in host.file(JOB).content_string.splitlines() if "root" in line.split()]
    assert line.split()[5:] == ["root", "/bin/sh", SCRIPT, "cron"]


def test_freebsds_own_shell_reads_the_script(host: Host) -> None:
    assert host.run("/bin/sh -n %s", SCRIPT).rc == 0


def test_its_commands_are_those_of_freebsd(host: Host) -> None:
    """Each command that the script calls is there, and knows the words that it is called with."""
    assert all(host.exists(name) for name in ("lockf", "jot", "logger", "comm", "pgrep", "shutdown", "freebsd-version"))
    assert host.run("lockf -k -s -t 0 /var/run/pyhost-test.lock true").rc == 0
    assert len(host.check_output("freebsd-version -k -r -u").splitlines()) == 3
    audit = host.run("pkg audit -F -q")
    assert audit.rc in (0, 1), audit.stderr
