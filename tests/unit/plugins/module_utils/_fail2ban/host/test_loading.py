"""Jails, loaded by fail2ban's own code: which commands it gets, and what becomes of its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.remembered import Remembered
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import loading
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import (
    JailStream,
    expected,
    normal,
    questions,
)
from tests.unit.fake_host import Expected, FakeHost

SHOP = JailStream(
    "shop",
    "auto",
    (
        ("set", "shop", "usedns", "warn"),
        ("multi-set", "shop", "addfailregex", ["a <HOST>", "b <HOST>"]),
        ("set", "shop", "addignoreregex", "c"),
        ("set", "shop", "addaction", "nftables"),
        ("multi-set", "shop", "action", "nftables", [["port", "22"]]),
        # An action in Python: its code would run.
        ("set", "shop", "addaction", "smtp", "/etc/fail2ban/action.d/smtp.py", "{}"),
        ("set", "shop", "action", "smtp", "dest", "root"),
        ("set", "shop", "maxretry", 5),
    ),
)
LOADED = [
    ["add", "shop", "auto"],
    ["set", "shop", "usedns", "warn"],
    ["multi-set", "shop", "addfailregex", ["a <HOST>", "b <HOST>"]],
    ["set", "shop", "addignoreregex", "c"],
    ["set", "shop", "addaction", "nftables"],
    ["multi-set", "shop", "action", "nftables", [["port", "22"]]],
    ["set", "shop", "maxretry", 5],
]
COMPILED = {"failregex": ["a x", "b x"], "ignoreregex": ["c"]}


def play(
    answer: dict[str, t.Any], *, rc: int = 0, err: str = ""
) -> tuple[dict[str, JailStream], dict[str, BaselineError]]:
    ran = Expected(
        ["/usr/bin/python3", "-c", loading._PROGRAM],
        rc=rc,
        out=json.dumps({"jails": {"shop": answer}, "code": []}),
        err=err,
        data=json.dumps({"shop": LOADED}),
    )
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": "#!/usr/bin/python3\n"}, [ran])
    found = loading.load(Remembered(host, "fail2ban"), {"shop": SHOP})
    host.done()
    return found


def test_the_compiled_expressions_are_expected_of_the_server() -> None:
    jails, errors = play(COMPILED)
    jail = jails["shop"]
    assert errors == {}
    assert jail == SHOP, "the identity of a jail does not depend on its compiled expressions"
    assert repr(jail) == repr(SHOP)
    values = expected(jail)
    assert values["failregex"] == 2
    assert values["failregex text"] == normal("failregex text", ["a x", "b x"])
    assert values["failregex text"] != normal("failregex text", ["a x", "another x"])
    assert questions("shop", ["failregex text"]) == {"failregex text": ["get", "shop", "failregex"]}


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("logtimezone", "logtimezone"),
        ("addfailregex", "failregex"),
        ("addignoreip", "ignoreip"),
        ("addaction", "addaction"),
        ("backend", "backend"),
    ],
)
def test_a_rejected_value_is_an_error_of_a_requested_jail(option: str, named: str) -> None:
    _jails, errors = play({"option": option, "error": "no such thing"})
    with pytest.raises(BaselineError) as failed:
        loading.check_loaded(errors, ["sshd", "shop"])
    assert str(failed.value) == (
        f"[shop]: the server of fail2ban rejects {named}: no such thing; this task changed nothing"
    )


def test_a_rejected_value_is_a_warning_about_a_jail_of_another_file() -> None:
    jails, errors = play({"option": "logencoding", "error": "unknown encoding: x"})
    assert loading.check_loaded(errors, ["sshd"]) == [
        "the jail shop, which another file defines, cannot be started: the server of fail2ban rejects logencoding: "
        "unknown encoding: x"
    ]
    assert "failregex text" not in expected(jails["shop"])


def test_fail2ban_that_cannot_be_imported() -> None:
    with pytest.raises(BaselineError, match="No module named 'fail2ban'.*this task changed nothing"):
        play({}, rc=1, err="ModuleNotFoundError: No module named 'fail2ban'")


STAND_IN = {
    "__init__.py": "",
    "client/__init__.py": "",
    "client/reader.py": "this is not read by the program (",
    "client/notes.txt": "x",
    # A file that is mapped and changes all the time, as the journal does.
    "server/__init__.py": "import mmap, os\nnotes = open(os.path.dirname(__file__) + '/../client/notes.txt', 'rb')\n"
    "mapped = mmap.mmap(notes.fileno(), 0, prot=mmap.PROT_READ)\n",
    "server/server.py": "class Server:\n    pass\n",
    "server/transmitter.py": """\
class Transmitter:
    def __init__(self, server):
        pass
    def proceed(self, command):
        return (1, "no such time zone") if "logtimezone" in command else (0, [command[0]])
""",
}


def test_the_program_names_the_code_that_its_answer_depends_on(tmp_path: Path) -> None:
    for name, text in STAND_IN.items():
        path = tmp_path / "fail2ban" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    (tmp_path / "start.pth").write_text("")
    commands = {"shop": [["add", "shop", "auto"]], "mail": [["set", "mail", "logtimezone", "Europe/Berlin"]]}
    ran = subprocess.run(
        [sys.executable, "-S", "-c", loading._PROGRAM],
        input=json.dumps(commands),
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(ran.stdout)
    assert answer["jails"] == {
        "shop": {"failregex": ["get"], "ignoreregex": ["get"]},
        "mail": {"option": "logtimezone", "error": "no such time zone"},
    }
    code = set(answer["code"])
    ours = {path[len(str(tmp_path)) :] for path in code if path.startswith(str(tmp_path)) and "__pycache__" not in path}
    # The folders, in which another module may appear, and each module of fail2ban, whether the program reads it or not.
    assert ours == {"", "/start.pth", "/fail2ban", "/fail2ban/client", "/fail2ban/server"} | {
        f"/fail2ban/{name}" for name in STAND_IN if name.endswith(".py")
    }
    assert json.__file__ in code, "a module of Python"
    assert os.path.realpath(sys.executable) in code or sys.platform != "linux", "the interpreter"
