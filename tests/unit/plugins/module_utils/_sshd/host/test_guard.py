"""What the guard sees of sudo itself; its rules and everything else are played by scenarios."""

from __future__ import annotations

import grp
import os

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.guard import _root_groups, _sudo_broken
from tests.unit.fake_host import FakeHost


def test_a_sudo_without_its_setuid_bit_is_broken() -> None:
    host = FakeHost({"/usr/lib/cargo/bin/sudo": ""})
    host.links["/usr/bin/sudo"] = "/usr/lib/cargo/bin/sudo"
    assert _sudo_broken(host) == (  # type: ignore[arg-type]  # the fake stands in for the host
        "/usr/lib/cargo/bin/sudo has the owner 0 and the mode 0644, without root's setuid bit; "
        "`chown root /usr/lib/cargo/bin/sudo && chmod 4755 /usr/lib/cargo/bin/sudo` gives it back"
    )


def test_no_sudo_is_not_a_broken_one() -> None:
    assert _sudo_broken(FakeHost(programs=())) == ""  # type: ignore[arg-type]  # the fake


def test_the_groups_of_root_have_their_numbers_too() -> None:
    found = _root_groups()
    assert "#0" in found
    assert {grp.getgrgid(gid).gr_name for gid in os.getgrouplist("root", 0)} <= set(found)
