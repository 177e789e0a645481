"""What the guard reads of an account and of sudo, and what stops a change; real accounts are played by scenarios."""

from __future__ import annotations

import grp
import os
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import guard as guards
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


class Finding(t.NamedTuple):
    text: str
    is_undecided: bool = False
    is_pending: bool = False


@pytest.mark.parametrize(
    ("finding", "check_mode", "warning"),
    [
        pytest.param(Finding("no key"), False, None, id="an error"),
        pytest.param(Finding("no key"), True, None, id="an error in check mode too"),
        pytest.param(
            Finding("a certificate", is_undecided=True), False, "not judged before the change", id="the login decides"
        ),
        pytest.param(Finding("no account", is_pending=True), True, "not there yet", id="an earlier task would make it"),
        pytest.param(Finding("no account", is_pending=True), False, None, id="an earlier task did not make it"),
    ],
)
def test_what_stops_a_change(
    monkeypatch: pytest.MonkeyPatch, finding: Finding, check_mode: bool, warning: str | None
) -> None:
    monkeypatch.setattr(guards, "_judge", lambda *_arguments: [finding])
    sshd: t.Any = type("Sshd", (), {"host": FakeHost(check_mode=check_mode)})()
    base = guards.Connection("root", address="192.0.2.7")
    if warning:
        (found,) = guards.guard(sshd, "", base, ["deploy"])
        assert found.startswith(warning) and found.endswith(f"deploy from 192.0.2.7: {finding.text}")
        return
    with pytest.raises(BaselineError) as caught:
        guards.guard(sshd, "", base, ["deploy"])
    assert caught.value.problem == f"this configuration could lock you out: deploy from 192.0.2.7: {finding.text}"
    assert (caught.value.option, caught.value.state) == ("guard_users", UNCHANGED)
    assert caught.value.details == {"refused": [f"deploy from 192.0.2.7: {finding.text}"]}
