"""What a host may answer where a login is to confirm a change, and that nothing else gets through."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE, rollback_paths
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import (
    Confirmation,
    Preflight,
    parse_confirmation,
    read_ports,
)

WITHOUT = {"KexAlgorithms": ("curve25519-sha256@libssh.org",), "HostKeyAlgorithms": ("ssh-rsa", "rsa-sha2-512")}
KEYS = ("ssh-ed25519 256 SHA256:kfeZkuW3WdLvRB3QXTfu9JIRgqlWtkNrPEyNzLkmtDU", "ssh-rsa 3072 ")
TOKEN = "0123456789abcdef0123456789abcdef"
WHOLE = Confirmation(
    "deploy from 192.0.2.7: no key",
    2222,
    armed=ArmedRollback(45, "systemd", BASE, TOKEN, "sshd"),
    preflight=Preflight(WITHOUT, keys=KEYS, new_keys=("/etc/ssh/ssh_host_ed25519_key",)),
    opened=("deploy", "alice"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sent(confirmation: Confirmation) -> t.Any:
    """Return ``confirmation`` as the controller gets it."""
    return json.loads(json.dumps(confirmation.as_json()))


def parse(answer: t.Any) -> Confirmation:
    return parse_confirmation(answer, seconds=45)


def laid_over(path: str, value: t.Any) -> t.Any:
    """Return a whole answer with ``value`` at the dotted ``path``."""
    answer = sent(WHOLE)
    *folders, name = path.split(".")
    place = answer
    for folder in folders:
        place = place[folder]
    place[name] = value
    return answer


@pytest.mark.parametrize(
    "confirmation",
    [
        pytest.param(WHOLE, id="all"),
        pytest.param(Confirmation("", 22), id="nothing"),
        pytest.param(
            replace(
                WHOLE,
                armed=ArmedRollback(45, "rc", rollback_paths("FreeBSD", "sshd").base, TOKEN, "sshd"),
                preflight=Preflight({}),
            ),
            id="FreeBSD",
        ),
    ],
)
def test_what_the_module_writes_is_what_the_controller_reads(confirmation: Confirmation) -> None:
    assert parse(sent(confirmation)) == confirmation


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("preflight.without.ProxyCommand", ["x"], id="an option that runs a command"),
        pytest.param("preflight.without.proxycommand", ["x"], id="in another case"),
        pytest.param("preflight.without.KexAlgorithms=x\nProxyCommand", ["x"], id="an option in a name"),
        pytest.param("preflight.without", ["KexAlgorithms"], id="a list for a mapping"),
        pytest.param("preflight.without.Ciphers", "aes128-ctr", id="a text for a list"),
        pytest.param("preflight.without.Ciphers", [["aes128-ctr"]], id="a list for a text"),
        pytest.param("preflight.without.Ciphers", ["aes128-ctr,aes256-ctr"], id="a comma"),
        pytest.param("preflight.without.Ciphers", ["aes128-ctr -oProxyCommand=x"], id="a space"),
        pytest.param("preflight.without.Ciphers", ["aes128-ctr\n"], id="a line break at the end"),
        pytest.param("preflight.without.Ciphers", [""], id="an empty name"),
        pytest.param("preflight.without.Ciphers", ["*"], id="a pattern of all"),
        pytest.param("preflight.without.Ciphers", ["a" * 65], id="a long name"),
        pytest.param("preflight.without.Ciphers", ["a"] * 129, id="many names"),
        pytest.param("preflight.keys", ["ssh-ed25519 256 \x1b[2J"], id="an escape in a key"),
        pytest.param("preflight.keys", [1], id="a number for a key"),
        pytest.param("preflight.new_keys", ["etc/ssh/key"], id="a path that is not absolute"),
        pytest.param("preflight.new_keys", ["/etc/\u202essh"], id="a mark that turns the writing"),
        pytest.param("preflight", [], id="a list for the whole"),
        pytest.param("preflight.more", 1, id="another field"),
        pytest.param("armed.base", "/tmp/evil", id="a place of its own"),
        pytest.param("armed.base", f"{BASE}/../../../tmp", id="a path out of the place"),
        pytest.param("armed.base", f"{BASE};id", id="a command behind the place"),
        pytest.param("armed.base", ["x"], id="a list for the place"),
        pytest.param("opened", "deploy", id="a text for the users"),
        pytest.param("opened", ["deploy", 7], id="a number for a user"),
        pytest.param("opened", ["x" * 257], id="a long name"),
        pytest.param("opened", ["a\nb"], id="a name of two lines"),
        pytest.param("opened", ["a"] * 257, id="many users"),
        pytest.param("armed.token", "", id="no token"),
        pytest.param("armed.token", "0" * 31, id="a short token"),
        pytest.param("armed.token", "0" * 33, id="a long token"),
        pytest.param("armed.token", "$(id)" + "0" * 27, id="a command for the token"),
        pytest.param("armed.token", 7, id="a number for the token"),
        pytest.param("armed.seconds", 46, id="other seconds than asked"),
        pytest.param("armed.seconds", "45", id="seconds as a text"),
        pytest.param("armed.seconds", True, id="seconds as a boolean"),
        pytest.param("armed.seconds", 45.0, id="seconds with a point"),
        pytest.param("armed.boot", "maybe", id="another way to boot"),
        pytest.param("armed", True, id="a boolean for the rollback"),
        pytest.param("server_port", 0, id="port 0"),
        pytest.param("server_port", 65536, id="a port too high"),
        pytest.param("server_port", "22", id="a port as a text"),
        pytest.param("server_port", None, id="no port"),
        pytest.param("refusal", None, id="no refusal"),
        pytest.param("refusal", "a\nb", id="a refusal over two lines"),
        pytest.param("refusal", "a" * 20_001, id="a long refusal"),
        pytest.param("users", ["mallory"], id="users"),
        pytest.param("seconds", 99999, id="how long to wait"),
    ],
)
def test_a_field_that_is_unfit_is_refused_by_its_name(path: str, value: t.Any) -> None:
    with pytest.raises(BaselineError) as raised:
        parse(laid_over(path, value))
    said = str(raised.value)
    name = re.sub(r"\s", lambda found: repr(found[0])[1:-1], f"confirmation.{path}")
    assert said.startswith(f"the answer of the host is not one of this module: {name}")
    assert said.endswith(
        "so nothing of it was used on this controller; this task changed nothing; find out what has changed Python or "
        "this module's files on that host"
    )
    assert said.isprintable()


@pytest.mark.parametrize("path", ["refusal", "armed", "armed.base", "preflight.keys", "server_port"])
def test_a_field_that_is_missing_is_named(path: str) -> None:
    answer = sent(WHOLE)
    *folders, name = path.split(".")
    place = answer
    for folder in folders:
        place = place[folder]
    del place[name]
    with pytest.raises(BaselineError, match=rf"confirmation\.{path} is missing"):
        parse(answer)


@given(JSON)
def test_any_answer_is_read_or_refused(answer: t.Any) -> None:
    with pytest.raises(BaselineError) as raised:
        parse(answer)
    assert str(raised.value).isprintable()


PATHS = [
    "opened",
    "refusal",
    "server_port",
    "armed",
    "armed.base",
    "armed.token",
    "preflight",
    "preflight.without",
    "preflight.without.MACs",
]


@given(st.sampled_from(PATHS), JSON)
def test_any_value_of_a_field_is_read_as_what_it_has_to_be_or_refused(path: str, value: t.Any) -> None:
    try:
        found = parse(laid_over(path, value))
    except BaselineError as error:
        assert str(error).isprintable()
        return
    assert sent(found) == laid_over(path, value)
    assert found.armed is None or found.armed.base in (BASE, rollback_paths("FreeBSD", "sshd").base)
    for option, names in (found.preflight.without if found.preflight else {}).items():
        assert re.fullmatch("[A-Za-z]+", option)
        assert re.fullmatch("[A-Za-z0-9@._,-]*", ",".join(names))


def test_ports() -> None:
    assert read_ports([22, 2222]) == (22, 2222)


@given(JSON | st.lists(JSON, max_size=3))
def test_ports_that_are_none(answer: t.Any) -> None:
    try:
        assert all(
            not isinstance(port, bool) and isinstance(port, int) and 1 <= port <= 65535 for port in read_ports(answer)
        )
    except BaselineError as error:
        assert "ports" in error.problem and error.state is None
