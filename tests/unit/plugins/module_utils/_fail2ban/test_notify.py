"""Reports of bans: what is refused, the files of the action, and the jails that get it."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.config import HEADER
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import (
    NOTIFY_FILES,
    Notify,
    notify_files,
    parse_notify,
    with_notify,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify_program import NOTIFY_PROGRAM
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import is_own_text

HOOK = "https://chat.example.org/hooks/s3cret"
TOKEN = {"Authorization": "Bearer s3cret"}
OURS = "pyhost-baseline-notify[name=sshd]"


def test_all_of_it() -> None:
    given = {"mail": ["root", "ops@example.org"], "sender": "f2b@example.org", "webhook": HOOK, "headers": TOKEN}
    assert parse_notify({**given, "seconds": 3}) == Notify(
        ("root", "ops@example.org"), "f2b@example.org", HOOK, TOKEN, 3
    )


@pytest.mark.parametrize("given", [None, {}, {"mail": [], "sender": None, "webhook": "", "headers": {}, "seconds": 10}])
def test_nobody_gets_reports(given: dict[str, t.Any] | None) -> None:
    assert parse_notify(given) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"sender": "root"}, "neither mail nor webhook is set"),
        ({"mail": ["root\nBcc: x@example.org"]}, "is not an address of mail"),
        ({"mail": ["-oQ/tmp"]}, "'-oQ/tmp' is not an address of mail"),
        ({"mail": ["a b@example.org"]}, "'a b@example.org' is not an address of mail"),
        ({"mail": ["root"], "sender": "x>y"}, "'x>y' is not an address of mail"),
        ({"webhook": "file:///etc/s3cret"}, "webhook has to be an address that begins with https:// or http://"),
        ({"webhook": "https:///s3cret"}, "webhook has to be an address"),
        ({"webhook": "https://s3cret:x/"}, "webhook has to be an address"),
        ({"webhook": "https://a/s3 cret"}, "webhook has to be an address"),
        ({"webhook": HOOK, "headers": {"A:b": "c"}}, "'A:b' is not the name of a header"),
        ({"webhook": HOOK, "headers": {"A": "s3cret\r\nB: c"}}, "the header A has characters that are not printable"),
        ({"mail": ["root"], "headers": TOKEN}, "headers are for webhook"),
        ({"mail": ["root"], "seconds": 0}, "seconds is 0, but has to be from 1 to 60"),
        ({"mail": ["root"], "seconds": 61}, "seconds is 61"),
    ],
)
def test_what_is_refused_without_a_secret_in_the_error(given: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(BaselineError) as refused:
        parse_notify(given)
    assert problem in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_secret_is_not_part_of_the_representation() -> None:
    assert "s3cret" not in repr(parse_notify({"webhook": HOOK, "headers": TOKEN}))


def test_the_files() -> None:
    one = parse_notify({"webhook": HOOK, "headers": TOKEN})
    files = notify_files(one, ["/usr/bin/python3", "-Es"], "/etc/fail2ban", "/var/run/fail2ban")
    action, program, settings = (files[path] for path in NOTIFY_FILES)
    # The secrets come first, so that no jail has the action before them.
    assert list(files) == list(reversed(NOTIFY_FILES))
    assert all(is_own_text(file.text) for file in files.values())
    assert [file.private for file in (action, program, settings)] == [False, False, True]
    assert "s3cret" not in action.text + program.text
    assert action.text == (
        f"{HEADER}\n\n[Definition]\nnorestored = 1\n"
        "actionban = /usr/bin/python3 -Es /etc/fail2ban/pyhost-baseline-notify.py /var/run/fail2ban "
        '"<name>" "<ip>" "<failures>" "<bantime>" </dev/null >/dev/null 2>&1 &\n\n[Init]\nname = default\n'
    )
    assert json.loads(settings.text.partition("\n")[2]) == {
        "mail": [],
        "sender": "",
        "webhook": HOOK,
        "headers": TOKEN,
        "seconds": 10,
    }
    assert program.text == f"{HEADER}\n{NOTIFY_PROGRAM}"


def test_no_files_without_receivers() -> None:
    assert notify_files(None, ["python3"], "/etc/fail2ban", "/run") == {}


@pytest.mark.parametrize(
    ("options", "defaults", "others", "action"),
    [
        pytest.param({}, {}, {}, f"%(action_)s\n{OURS}", id="nothing else is set"),
        pytest.param({}, {}, {"DEFAULT": {"action": "%(action_mw)s"}}, f"%(action_mw)s\n{OURS}", id="of all jails"),
        pytest.param({}, {"action": "x"}, {"DEFAULT": {"action": "y"}}, f"x\n{OURS}", id="of all jails, of ours"),
        pytest.param({}, {"action": "x"}, {"sshd": {"action": "y"}}, f"y\n{OURS}", id="of the jail in another file"),
        pytest.param({"action": ["a", "b"]}, {}, {"sshd": {"action": "y"}}, f"a\nb\n{OURS}", id="of the jail"),
    ],
)
def test_the_action_comes_after_those_that_the_jail_has(
    options: dict[str, t.Any], defaults: dict[str, t.Any], others: dict[str, dict[str, str]], action: str
) -> None:
    assert with_notify("sshd", {"maxretry": 3, **options}, defaults, others) == {"maxretry": 3, "action": action}
