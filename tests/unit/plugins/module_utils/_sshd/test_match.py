from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import (
    Connection,
    Criteria,
    connection_for,
    implies,
    matches,
    pattern_list,
    read_criteria,
)

DEPLOY = Connection(
    "deploy",
    address="10.1.2.3",
    host="Box.Example.org",
    groups=("deploy", "sudo"),
    local_address="192.0.2.1",
    local_port="22",
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("all", True, id="all"),
        pytest.param("User deploy", True, id="user"),
        pytest.param("User=deploy", True, id="user with an equals sign"),
        pytest.param("USER d*,!dev*", True, id="criteria have no case, patterns may exclude"),
        pytest.param("User *,!deploy", False, id="excluded"),
        pytest.param("User Deploy", False, id="names have a case"),
        pytest.param("Group sudo,wheel", True, id="group"),
        pytest.param("Group *,!sudo", False, id="one excluded group is enough"),
        pytest.param("Host *.example.ORG", True, id="hosts have no case"),
        pytest.param("Address 10.0.0.0/8", True, id="network"),
        pytest.param("Address 10.0.0.0/8,!10.1.0.0/16", False, id="network with a hole"),
        pytest.param("Address 10.1.2.*", True, id="address pattern"),
        pytest.param("Address 2001:db8::/32", False, id="the other family"),
        pytest.param("LocalPort 22", True, id="port"),
        pytest.param("LocalPort 022", True, id="a port is a number"),
        pytest.param("User = deploy LocalPort = 22", True, id="equals signs with blanks, up to OpenSSH 9.8"),
        pytest.param("User !!deploy,*", True, id="only the first exclamation mark excludes"),
        pytest.param("LocalAddress 192.0.2.1", True, id="local address"),
        pytest.param("User deploy Address 172.16.0.0/12", False, id="all must hold"),
        pytest.param("RDomain blue", False, id="no routing domain"),
        pytest.param("Invalid-User", False, id="the user exists"),
    ],
)
def test_matches(line: str, expected: bool) -> None:
    assert matches(read_criteria(line.split(), where="f:1"), DEPLOY) is expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            "usr deploy",
            "f:1: unknown Match criterion 'usr'; this task changed nothing; did you mean 'user'?",
            id="unknown criterion",
        ),
        pytest.param(
            "user", "f:1: the Match criterion 'user' has no pattern; this task changed nothing", id="no pattern"
        ),
        pytest.param(
            "all user x",
            "f:1: Match takes either 'all' or criteria with a pattern; this task changed nothing",
            id="all and more",
        ),
        pytest.param(
            "", "f:1: Match takes either 'all' or criteria with a pattern; this task changed nothing", id="empty"
        ),
    ],
)
def test_bad_criteria(line: str, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        read_criteria(line.split(), where="f:1")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("User up*", "user=upx,host=10.1.2.3,addr=10.1.2.3", id="a pattern is filled"),
        pytest.param("Address 192.0.2.0/24", "user=root,host=192.0.2.1,addr=192.0.2.1", id="the first of a network"),
        pytest.param("Address 2001:db8::1", "user=root,host=2001:db8::1,addr=2001:db8::1", id="IPv6"),
        pytest.param("User upload LocalPort 2222", "user=upload,host=10.1.2.3,addr=10.1.2.3,lport=2222", id="two"),
        pytest.param("User !root,*", "user=x,host=10.1.2.3,addr=10.1.2.3", id="all but one"),
    ],
)
def test_connection_for(line: str, expected: str) -> None:
    made = connection_for(read_criteria(line.split(), where="f"), Connection("root", address="10.1.2.3"))
    assert made is not None and made.specification() == expected


@pytest.mark.parametrize(
    ("line", "user"),
    [
        pytest.param("Invalid-User", "no-such-account", id="anybody without an account"),
        pytest.param("Invalid-User User admin*", "adminx", id="with a name that the block asks for"),
        pytest.param("User admin* invalid-user", "adminx", id="in the other order"),
    ],
)
def test_an_example_without_an_account(line: str, user: str) -> None:
    base = Connection("root", address="10.1.2.3", groups=("root",))
    made = connection_for(read_criteria(line.split(), where="f"), base)
    assert made == Connection(user, address="10.1.2.3", exists=False)


def test_no_example_of_a_contradiction() -> None:
    assert connection_for(Criteria((("user", "!root"),)), Connection("root")) is None


@pytest.mark.parametrize(
    ("patterns", "word", "expected"),
    [
        pytest.param("a?c", "abc", True, id="one sign"),
        pytest.param("[ab]", "a", False, id="a bracket is a bracket"),
        pytest.param("[ab]", "[ab]", True, id="a bracket itself"),
        pytest.param("!a", "b", False, id="exclusions alone match nothing"),
    ],
)
def test_pattern_list(patterns: str, word: str, expected: bool) -> None:
    assert pattern_list(patterns, word) is expected


@pytest.mark.parametrize(
    ("narrower", "wider", "expected"),
    [
        pytest.param("User vera", "all", True, id="everybody"),
        pytest.param("all", "User vera", False, id="not the other way round"),
        pytest.param("User vera", "User vera", True, id="the same"),
        pytest.param("User vera Address 192.0.2.0/24", "User vera", True, id="a further condition"),
        pytest.param("User vera", "User vera Address 192.0.2.0/24", False, id="a missing condition"),
        pytest.param("User vera,walter", "User *,!deploy", True, id="each name fits the pattern"),
        pytest.param("User vera,deploy", "User *,!deploy", False, id="one name does not"),
        pytest.param("User v*", "User *", False, id="patterns are not compared"),
        pytest.param("User v*", "User v*", True, id="the same pattern"),
        pytest.param("User *,!vera", "User *", False, id="a pattern with an exclusion"),
        pytest.param("User vera,!walter", "User v*", True, id="an exclusion only narrows"),
        pytest.param("User !vera", "User w*", False, id="nothing but an exclusion"),
        pytest.param("Group uploaders", "Group up*", True, id="group"),
        pytest.param("Group uploaders", "Group up*,!sudo", False, id="a member may be in the excluded group, too"),
        pytest.param("Host a.example.org", "Host *.EXAMPLE.org", True, id="host"),
        pytest.param("Address 192.0.2.7", "Address 192.0.2.0/24", True, id="an address in the network"),
        pytest.param("Address 192.0.2.7", "Address 192.0.2.0/24,!192.0.2.7", False, id="the excluded address"),
        pytest.param("Address 10.1.0.0/16", "Address 192.0.2.1,10.0.0.0/8", True, id="a network in the network"),
        pytest.param("Address 10.0.0.0/8", "Address 10.1.0.0/16", False, id="a larger network"),
        pytest.param("Address 10.1.0.0/16", "Address 10.0.0.0/8,!10.1.2.3", False, id="a network with a hole"),
        pytest.param("Address 10.1.0.0/16", "Address 2001:db8::/32", False, id="the other family"),
        pytest.param("Address fe80::%eth0/64", "Address fe80::/10", False, id="a zone"),
        pytest.param("Address 10.1.0.0/16", "Address 10.*", False, id="a network and a pattern"),
        pytest.param("LocalPort 22", "LocalPort 022", True, id="port"),
        pytest.param("LocalAddress 192.0.2.1", "Address 192.0.2.1", False, id="another criterion"),
        pytest.param("RDomain blue", "RDomain b*", True, id="routing domain"),
        pytest.param("Invalid-User", "Invalid-User", True, id="users without an account"),
        pytest.param("User vera", "Invalid-User", False, id="the user may exist"),
    ],
)
def test_implies(narrower: str, wider: str, expected: bool) -> None:
    one, other = (read_criteria(line.split(), where="f:1") for line in (narrower, wider))
    assert implies((one,), (other,)) is expected


def test_nested_blocks_imply_both_of_their_criteria() -> None:
    user, address, both = (
        read_criteria(line.split(), where="f:1")
        for line in ("User vera", "Address 192.0.2.7", "User vera Address 192.0.2.7")
    )
    assert implies((user, address), (both,)) and implies((both,), (user, address))
    assert not implies((user,), (both,)) and not implies((user,), (user, Criteria((("all", ""),), never=True)))


LINES = [
    *(f"User {patterns}" for patterns in ("vera", "v*", "vera,walter", "*,!vera", "vera,!walter", "!vera", "?era")),
    *(f"Group {patterns}" for patterns in ("sudo", "s*", "s*,!users", "sudo,users", "*,!sudo")),
    *(f"Host {patterns}" for patterns in ("a.example.org", "*.Example.org", "192.0.2.*", "!a.example.org,*")),
    *(
        f"Address {patterns}"
        for patterns in (
            "192.0.2.7",
            "192.0.2.0/24",
            "192.0.2.0/25,198.51.100.0/24",
            "192.0.2.0/24,!192.0.2.7",
            "192.0.2.*",
            "192.0.*,!192.0.2.7",
            "0.0.0.0/0",
            "0.0.0.0/0,::/0",
            "2001:db8::/32",
            "2001:db8::1",
        )
    ),
    *("LocalPort 22", "LocalPort 022", "LocalPort 2022", "all", "Invalid-User"),
    *("User vera Address 192.0.2.0/24", "User v* Group sudo LocalPort 22", "Group sudo Group users"),
]
CONNECTIONS = [
    Connection(user, address=address, host=host, groups=groups, local_port=port, exists=bool(groups))
    for user in ("vera", "walter", "vx", "root")
    for address in ("192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8::1")
    for host in ("", "a.example.org")
    for groups in ((), ("sudo",), ("users",), ("sudo", "users"))
    for port in ("22", "2022")
]


def test_what_is_implied_is_so_for_each_connection() -> None:
    read = [read_criteria(line.split(), where="f:1") for line in LINES]
    satisfied = {one: {who for who in CONNECTIONS if matches(one, who)} for one in read}
    implied = [(one, other) for one in read for other in read if implies([one], [other])]
    assert [(str(one), str(other)) for one, other in implied if not satisfied[one] <= satisfied[other]] == []
    # More than each by itself and by all.
    assert len(implied) > 2 * len(read)
