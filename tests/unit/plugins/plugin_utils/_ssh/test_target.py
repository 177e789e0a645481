# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that ssh could read as anything else than a name are refused before it is started."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.target import target_error


@pytest.mark.parametrize(
    ("host", "users"),
    [
        ("web1.example.org", ["deploy", None, ""]),
        ("192.0.2.7", []),
        ("fe80::1%eth0", ["DOMAIN\\ann@example.org"]),
        (None, ["root"]),
    ],
)
def test_names(host: str | None, users: list[str | None]) -> None:
    assert target_error(host, users) is None


@pytest.mark.parametrize(
    ("host", "users", "sentence"),
    [
        (
            "-oProxyCommand=touch /tmp/x",
            [],
            "the address of this host is '-oProxyCommand=touch /tmp/x', which ssh would read as an option; no "
            "connection was made; correct its name in the inventory or its ansible_host",
        ),
        (
            "web1\u2028",
            [],
            r"the address of this host is 'web1\u2028', which contains U+2028 (LINE SEPARATOR) at character 5; no "
            "connection was made; correct its name in the inventory or its ansible_host",
        ),
        (
            "",
            [],
            "the address of this host is '', which is empty; no connection was made; correct its name in the inventory "
            "or its ansible_host",
        ),
        (
            "web1",
            ["deploy", "-oProxyCommand=x"],
            "the user is '-oProxyCommand=x', which ssh would read as an option; no connection was made; correct the "
            "user's name",
        ),
        (
            "web1",
            ['a" ProxyCommand="x'],
            "the user is 'a\" ProxyCommand=\"x', which contains a quotation mark; no connection was made; correct the "
            "user's name",
        ),
    ],
)
def test_what_is_not_a_name(host: str | None, users: list[str | None], sentence: str) -> None:
    assert str(target_error(host, users)) == sentence
