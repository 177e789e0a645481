"""What runs a rollback at the next boot. The script of rc(8) is run in test_rollback_script.py."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import RollbackPaths, SavedFile
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_boot import boot_unit, cron_line
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_sandbox import once_more_outside, sandbox


def test_the_boot_unit_comes_before_those_that_read_the_files() -> None:
    lines = boot_unit(RollbackPaths("sshd")).splitlines()
    units = "ssh.service sshd.service ssh.socket sshd.socket"
    firewalls = "firewalld.service ufw.service nftables.service pyhost-baseline-firewall.service"
    assert f"Before={units} {firewalls} sysinit.target shutdown.target" in lines
    assert "DefaultDependencies=no" in lines
    assert "ConditionPathExists=|/var/lib/pyhost.baseline/rollback-sshd/armed" in lines
    assert "ExecStart=/bin/sh /var/lib/pyhost.baseline/rollback-sshd/rollback boot sandboxed" in lines
    assert once_more_outside(RollbackPaths("sshd"), "boot") in lines
    assert set(sandbox(RollbackPaths("sshd"))) < set(lines)


def test_cron_starts_it_where_there_is_no_systemd() -> None:
    assert (
        cron_line(RollbackPaths("sshd"))
        == "@reboot root /bin/sh /var/lib/pyhost.baseline/rollback-sshd/rollback booted\n"
    )


def test_the_boot_unit_may_write_where_the_saved_files_are() -> None:
    assert "-/opt/ssh" in boot_unit(RollbackPaths("sshd"), [SavedFile("/opt/ssh/sshd_config", "0")])


def test_only_root_reads_the_paths_of_the_cron_line_as_one_word() -> None:
    assert "'/var lib/rollback-sshd/rollback'" in cron_line(RollbackPaths("sshd", base="/var lib"))
