"""Which connections a configuration is checked for."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.connections import connections_to_check
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings

ROOT = Connection("root", address="192.0.2.7")


def test_connections_to_check() -> None:
    desired = build_settings(
        {"Port": 22},
        [
            {"criteria": {"user": "upload"}, "settings": {"X11Forwarding": False}},
            {"criteria": {"group": "no-such-group"}, "settings": {"X11Forwarding": False}},
        ],
    )
    asked, mute = connections_to_check(desired, ROOT, ["root", "nobody-such"])
    assert [one.user for one in asked] == ["root", "root", "nobody-such", "upload"]
    assert mute == ["group no-such-group"]
