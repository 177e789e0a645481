from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sudo import rights

FREE, ASKED, NONE = (True, False), (True, True), (False, True)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param("(ALL : ALL) NOPASSWD: ALL", FREE, id="without a password"),
        pytest.param("(ALL) ALL", ASKED, id="with a password"),
        pytest.param("(root) SETENV: NOPASSWD: ALL", FREE, id="several tags"),
        pytest.param("(ALL) NOPASSWD: /bin/ls, ALL", FREE, id="a tag holds for what follows"),
        pytest.param("(ALL) NOPASSWD: /bin/ls, PASSWD: ALL", ASKED, id="until it is taken back"),
        pytest.param("(ALL) NOPASSWD: ALL\n    (ALL) ALL", ASKED, id="the last rule asks"),
        pytest.param("(ALL) NOPASSWD: ALL\n    (ALL) !ALL", (False, False), id="the last rule takes all back"),
        pytest.param("(ALL) NOPASSWD: ALL, !/usr/bin/sh", (False, False), id="all but a shell"),
        pytest.param("(ALL) NOPASSWD: ALL, !/usr/bin/passwd root", FREE, id="all but another command"),
        pytest.param("(www-data) NOPASSWD: ALL", NONE, id="as somebody else"),
        pytest.param("(ALL) NOPASSWD: /bin/ls", NONE, id="one command"),
    ],
)
def test_rights(rules: str, expected: tuple[bool, bool]) -> None:
    assert rights(f" on box:\n    {rules}\n") == expected
