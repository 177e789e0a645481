"""A host whose root lies to the controller gets neither the terminal nor the log, and nothing runs or is written."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.attackers import Attacked
from tests.attackers_hostile import EVIL, be_honest, be_hostile, evil_texts, run

HOSTS = ("host12", "host13")
MODULE = {"pyhost.baseline.packages": {"name": ["git"], "state": "resolved"}}


@pytest.fixture
def hostile(attacked: dict[str, Attacked]) -> t.Iterator[t.Callable[..., None]]:
    """Return what makes a host of this topic hostile; they are honest again afterwards."""

    def start(name: str, answers: list[bytes | dict[str, t.Any]], *, always: bool = False) -> None:
        be_hostile(attacked[name], answers, always=always)

    yield start
    for name in HOSTS:
        be_honest(attacked[name])


def answers(folder: Path) -> dict[str, bytes | dict[str, t.Any]]:
    """Return what the host answers instead of the module, and what it puts into the module's own answer."""
    text = evil_texts(folder / "canary")
    touch = f"touch {folder / 'canary'}"
    summary = {"__ansible_type": "WarningSummary", "event": {"__ansible_type": "Event", "msg": text}}
    return {
        "texts": {"msg": text, "system": text, "resolved": {text: [text]}, "included": {text: text}},
        "failed": {"msg": text, "failed": True, "exception": f"Traceback (most recent call last):\n  {text}"},
        "warnings": {"warnings": [text], "deprecations": [{"msg": text, "version": text, "collection_name": text}]},
        "warnings of 2.19": {"warnings": [summary], "deprecations": [{**summary, "__ansible_type": "Nonsense"}]},
        "diff": {"diff": {"before": text, "after": "", "before_header": text, "after_header": text}, "changed": True},
        "prepared diff": {"diff": {"prepared": text}, "changed": True},
        "facts": {
            "ansible_facts": {
                "ansible_connection": "local",
                "ansible_user": text,
                "ansible_ssh_common_args": f"-o ProxyCommand='{touch}'",
                "ansible_become_exe": touch,
                "ansible_python_interpreter": f"/bin/sh -c '{touch}'",
                "discovered_interpreter_python": touch,
                "env": {"PATH": text},
                "python": {"executable": touch},
                text: text,
                "pyhost_system": {"id": "debian", "version": "12", "family": "debian", "title": text},
            }
        },
        "a fact of another kind": {"ansible_facts": {"pyhost_system": {"family": text}}},
        "control": {
            "add_host": {"host_name": "evil", "host_vars": {"ansible_connection": "local"}},
            "add_group": "evil",
            "ansible_included_var_files": ["/etc/passwd"],
            "include_vars": text,
            "ansible_stats": {"data": {text: text}},
            "_ansible_verbose_always": True,
            "_ansible_no_log": True,
            "results": [{"msg": text}],
            "unreachable": True,
            "stdout": ["no", "text"],
            text: text,
        },
        "types": {"msg": {"no": "text"}, "warnings": text, "changed": ["no"], "rc": text},
        "stdout that is no text": {"stdout": 7, "stderr": {"no": "text"}, "failed": "perhaps"},
        "core's own objects": {"resolved": {"git": {"__ansible_type": "_AnsibleTaggedStr", "value": "x", "tags": []}}},
        "exception": {"failed": True, "exception": {"__ansible_type": "ErrorSummary", "event": summary["event"]}},
        "garbage": f"{text}\n{{{text}}}\n".encode(),
        "no JSON": f"  File '/x'\n{text}: command not found\n".encode("utf-16"),
        "junk around": f'{text}\n{{"changed": false}}\n{text}\n'.encode(),
        "not UTF-8": b'{"msg": "\xff\xfe\x9b2J", "changed": false}\n',
        "lone surrogates": b'{"msg": "\\ud800\\udc1b", "changed": false}\n',
        "raw text": json.dumps({"msg": text, "changed": False}, ensure_ascii=False).encode(),
        "raw escapes": f'{{"msg": "{EVIL}", "changed": false}}\n'.encode(),
        "deep": b"repeat b'{\"changed\": false, \"msg\": ' + b'[' * 200000",
        "deep and closed": b"repeat b'{\"resolved\": ' + b'[' * 20000 + b']' * 20000 + b'}'",
        "long": b"repeat b'{\"changed\": false, \"msg\": \"' + b'A' * 16000001 + b'\"}'",
        "many": b"repeat b'{\"resolved\": {' + b','.join(b'\"%d\": []' % n for n in range(200000)) + b'}}'",
        "numbers": b'{"changed": false, "rc": NaN, "resolved": {}, "cache_updated": Infinity}\n',
        "a long number": b"repeat b'{\"changed\": false, \"rc\": ' + b'9' * 5000 + b'}'",
        "a twin": b'{"changed": true, "changed": false, "failed": true, "failed": false}\n',
        "nothing": b"",
    }


# What stays an answer of the module once it is checked; all others are failures in a sentence.
TAKEN = {
    "texts",
    "warnings",
    "warnings of 2.19",
    "diff",
    "facts",
    "control",
    "junk around",
    "not UTF-8",
    "lone surrogates",
    "raw text",
    "a twin",
}


@pytest.mark.parametrize(("name", "form"), [("host12", "yaml"), ("host13", "json")])
def test_no_answer_reaches_terminal_log_or_controller(
    hostile: t.Callable[..., None], tmp_path: Path, name: str, form: str
) -> None:
    given = answers(tmp_path)
    hostile(name, [*given.values(), given["facts"]])
    failed = "dict(said.results | map(attribute='item') | zip(said.results | map(attribute='failed')))"
    seen = "{{ ansible_facts | sort | join(',') }} {{ ansible_connection }} {{ ansible_user }}"
    play = [
        {
            "hosts": name,
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "/usr/bin/python3"},
            "tasks": [
                {"name": "Ask", **MODULE, "loop": list(given), "register": "said", "ignore_errors": True, "diff": True},
                {"name": "Take facts", **MODULE},
                {"name": "Show", "ansible.builtin.debug": {"msg": f"seen: {seen}"}},
                {"name": "Count", "ansible.builtin.copy": {"content": f"{{{{ {failed} | to_json }}}}", "dest": "said"}},
            ],
        }
    ]
    play[0]["tasks"][-1].update({"delegate_to": "localhost"})  # type: ignore[index]
    shown = run(tmp_path, play, "-u", "root", form=form)
    assert shown.acting() == set(), shown.text
    assert "Traceback (most recent call last):\n" not in shown.text
    assert not (tmp_path / "canary").exists()
    assert shown.rc == 0, shown.text
    assert "seen: pyhost_system ssh root" in shown.text, shown.text
    said = json.loads((tmp_path / "said").read_text())
    assert {answer for answer in given if not said[answer]} == TAKEN
