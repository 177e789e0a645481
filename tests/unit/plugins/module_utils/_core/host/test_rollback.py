"""Whether an undo still counts; that it is carried out is seen on hosts."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import rollback as host_undo
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX_WITHOUT_SYSTEMD,
    Platform,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.rollback import PLACE, counts
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import Daemon, Undo, armed_text
from tests.unit.fake_host import FakeHost


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({PLACE.armed: armed_text("mine", 0.0)}, True, id="armed"),
        pytest.param({PLACE.armed: armed_text("another's", 0.0)}, False, id="of another run"),
        pytest.param({PLACE.undoing: ""}, False, id="begun"),
        pytest.param({}, False, id="done"),
    ],
)
def test_counts(files: dict[str, str], expected: bool) -> None:
    assert counts(FakeHost(files), "mine") is expected  # type: ignore[arg-type]  # the fake stands in for the host


@pytest.mark.parametrize(
    ("platform", "covered", "path"),
    [
        pytest.param(FREEBSD, "rc", PLACE.rc_script, id="FreeBSD"),
        pytest.param(LINUX_WITHOUT_SYSTEMD, "cron", PLACE.crontab, id="a Linux without systemd"),
    ],
)
def test_the_next_boot_is_covered(platform: Platform, covered: str, path: str) -> None:
    host = FakeHost(platform=platform)
    assert host_undo._cover_boot(host, Undo(PLACE, "t", 45, (), Daemon())) == covered  # type: ignore[arg-type]  # the fake stands in for the host
    assert host.written == [path]
