from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.sudo import rights

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
        # Runas lists: of the members that fit root, the last decides.
        pytest.param("(root) NOPASSWD: ALL", FREE, id="root"),
        pytest.param("(#0) NOPASSWD: ALL", FREE, id="uid 0"),
        pytest.param("(www-data, root) NOPASSWD: ALL", FREE, id="root after another"),
        pytest.param("(root, www-data) NOPASSWD: ALL", FREE, id="root before another"),
        pytest.param("(ALL, !root) NOPASSWD: ALL", NONE, id="all but root"),
        pytest.param("(ALL, !#0) NOPASSWD: ALL", NONE, id="all but uid 0"),
        pytest.param("(root, !root) NOPASSWD: ALL", NONE, id="root and then not"),
        pytest.param("(!root, root) NOPASSWD: ALL", FREE, id="not root and then root"),
        pytest.param("(!root, ALL) NOPASSWD: ALL", FREE, id="not root and then all"),
        pytest.param("(ALL, !ALL) NOPASSWD: ALL", NONE, id="nobody"),
        pytest.param("(ALL, !www-data) NOPASSWD: ALL", FREE, id="all but another"),
        pytest.param("(!!root) NOPASSWD: ALL", FREE, id="not not root"),
        pytest.param("(ALL, !root : ALL) NOPASSWD: ALL", NONE, id="all but root, any group"),
        pytest.param("(www-data, root : ALL) NOPASSWD: ALL", FREE, id="with groups"),
        pytest.param("(deploy : root) NOPASSWD: ALL", NONE, id="the group of root alone"),
        pytest.param("( : root) NOPASSWD: ALL", NONE, id="no user, the group of root"),
        pytest.param("(rooted, root-data) NOPASSWD: ALL", NONE, id="names that begin like root"),
        pytest.param("(#01, #10) NOPASSWD: ALL", NONE, id="other uids"),
        pytest.param("(%root) NOPASSWD: ALL", FREE, id="the members of root's group"),
        pytest.param("(%#0) NOPASSWD: ALL", FREE, id="by its gid"),
        pytest.param("(%www-data) NOPASSWD: ALL", NONE, id="the members of another group"),
        pytest.param("(ALL, !%root) NOPASSWD: ALL", NONE, id="all but root's group"),
        pytest.param("(ALL, %!root) NOPASSWD: ALL", NONE, id="all but root's group, as sudo prints it"),
        pytest.param("(ALL, %!#0) NOPASSWD: ALL", NONE, id="all but its gid, as sudo prints it"),
        pytest.param("(ALL, %!www-data) NOPASSWD: ALL", FREE, id="all but another group, as sudo prints it"),
        pytest.param("(ALL, !%www-data) NOPASSWD: ALL", FREE, id="all but another group"),
        pytest.param("(+admins) NOPASSWD: ALL", NONE, id="a netgroup"),
        pytest.param("(ALL, !+admins) NOPASSWD: ALL", NONE, id="all but a netgroup"),
        pytest.param("(%:admins) NOPASSWD: ALL", NONE, id="a group of a directory"),
        pytest.param("(ALL, !%:admins) NOPASSWD: ALL", NONE, id="all but a group of a directory"),
        pytest.param("(OPERATORS) NOPASSWD: ALL", NONE, id="an alias that is not resolved"),
        pytest.param("(ALL, !OPERATORS) NOPASSWD: ALL", NONE, id="all but such an alias"),
        # A list that leaves root out says nothing about root.
        pytest.param("(ALL) NOPASSWD: ALL\n    (ALL, !root) ALL", FREE, id="another rule leaves root out"),
        pytest.param("(ALL, !root) NOPASSWD: ALL\n    (root) ALL", ASKED, id="another rule has root"),
        # Commands.
        pytest.param("(root) NOEXEC: NOPASSWD: ALL", (False, False), id="a shell that runs nothing"),
        pytest.param("(root) NOEXEC: /bin/vi, EXEC: NOPASSWD: ALL", FREE, id="until it may"),
        pytest.param("(root) NOTAFTER=20200101000000Z NOPASSWD: ALL", (False, False), id="until a date"),
        pytest.param("(root) ROLE=sysadm_r TYPE=sysadm_t NOPASSWD: ALL", FREE, id="with a role of SELinux"),
        pytest.param("(root) CHROOT=/srv NOPASSWD: ALL", (False, False), id="in another root"),
        pytest.param("(ALL) NOPASSWD: ALL, !/bin/", (False, False), id="all but a folder"),
        pytest.param("(ALL) NOPASSWD: ALL, !/usr/*/*sh", (False, False), id="all but a pattern"),
        pytest.param("(ALL) NOPASSWD: ALL, !^/bin/.*sh$", (False, False), id="all but an expression"),
        pytest.param("(ALL) NOPASSWD: ALL, !/bin/sh -c *", (False, False), id="all but a shell's commands"),
        pytest.param('(ALL) NOPASSWD: ALL, !/bin/sh ""', FREE, id="all but a shell without arguments"),
        pytest.param("(ALL) NOPASSWD: ALL, !SHELLS", (False, False), id="all but an alias that is not resolved"),
        pytest.param("(ALL) NOPASSWD: ALL, !/usr/bin/su, !/usr/sbin/visudo", FREE, id="all but other programs"),
        pytest.param("(ALL) NOPASSWD: /bin/ls, /bin/cat,\n        ALL", FREE, id="over two lines"),
        pytest.param("(root) NOPASSWD: sha224:aGVsbG8= ALL", FREE, id="a digest"),
        pytest.param("(root) NOPASSWD: /bin/echo a\\, ALL", NONE, id="a comma of a command"),
    ],
)
def test_rights(rules: str, expected: tuple[bool, bool]) -> None:
    assert rights(f" on box:\n    {rules}\n") == expected


def test_the_groups_of_root_are_those_of_the_host() -> None:
    rules = " on box:\n    (%wheel) NOPASSWD: ALL\n"
    assert rights(rules) == NONE
    assert rights(rules, groups=("wheel", "operator")) == FREE


def test_what_sudo_says_to_who_has_nothing() -> None:
    assert rights("User deploy is not allowed to run sudo on box.\n") == NONE
