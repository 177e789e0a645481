"""The one choice of the platform."""

from __future__ import annotations

import types
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import platform as platforms
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX,
    LINUX_WITHOUT_SYSTEMD,
    Platform,
    detect_platform,
)

PLUGINS = Path(__file__).resolve().parents[6] / "plugins"


@pytest.mark.parametrize(
    ("kernel", "folders", "expected"),
    [
        pytest.param("Linux", ["/run/systemd/system"], LINUX, id="Linux that systemd has booted"),
        pytest.param("Linux", [], LINUX_WITHOUT_SYSTEMD, id="Linux with another init"),
        pytest.param("FreeBSD", [], FREEBSD, id="FreeBSD"),
    ],
)
def test_the_platform_is_detected(
    kernel: str, folders: list[str], expected: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platforms.os, "uname", lambda: types.SimpleNamespace(sysname=kernel))
    monkeypatch.setattr(platforms.os.path, "isdir", lambda path: path in folders)
    assert detect_platform() == expected
    assert expected.is_freebsd is (kernel == "FreeBSD")


def test_no_other_file_asks_for_the_kernel() -> None:
    asking = {path.name for path in PLUGINS.rglob("*.py") if "uname().sysname" in path.read_text(encoding="utf-8")}
    assert asking == {"platform.py"}
