# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a host's answer, and which answers are refused with which field's name."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.result import checked_result, parse_result
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.table import ANSWERS
from tests.unit.plugins.untrusted import ANSWERS as UNTRUSTED
from tests.unit.plugins.untrusted import EVIL, acting, nothing_touched

FIELDS: dict[str, t.Any] = {
    "name": str,
    "count": int,
    "part": float,
    "on": bool,
    "names": [str],
    "by_name": {str: [int]},
    "record": {"a": str, "b": int},
    "either": (int, [str]),
    "family": re.compile(r"debian|redhat|"),
    "anything": object,
    "ansible_facts": {"known": {"family": re.compile(r"debian|redhat")}},
}
QUOTED = r"\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b2J\rok\u2028\x85\u202e{{ lookup('pipe', 'touch x') }}"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"changed": True, "failed": False, "msg": "done", "rc": 0, "invocation": {"module_args": {"name": ["x"]}}},
        {"name": "n", "count": 2, "part": 0.5, "on": True, "names": ["a"], "by_name": {"x": [1]}, "either": 7},
        {"part": 2, "either": ["a"], "record": {"a": "x"}, "family": "", "anything": {"deep": [1, None, {"x": 1.5}]}},
        {name: None for name in FIELDS if name != "ansible_facts"},
        {"diff": [{"before": "a\n\tb\n", "after": "", "before_header": "/etc/x", "after_header": "/etc/x"}]},
        {"diff": {"before": "a\n", "after": "b\n"}},
        {"warnings": ["one", "two"]},
        {"ansible_facts": {"known": {"family": "debian"}}},
    ],
)
def test_an_honest_answer_stays_as_it_is(answer: dict[str, t.Any]) -> None:
    assert checked_result(answer, fields=FIELDS) == answer
    assert parse_result(f"\nmotd\n{json.dumps(answer)}\nbye\n", FIELDS) == answer


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"msg": {"no": "text"}}, "msg"),
        ({"changed": 1}, "changed"),
        ({"count": True}, "count"),
        ({"count": 2**63}, "count"),
        ({"count": 1.0}, "count"),
        ({"part": float("nan")}, "part"),
        ({"part": float("inf")}, "part"),
        ({"part": True}, "part"),
        ({"names": "abc"}, "names"),
        ({"names": [["a"]]}, "names.[]"),
        ({"by_name": {"x": ["1"]}}, "by_name.x.[]"),
        ({"record": {"c": 1}}, "record.c"),
        ({"record": {"a": 1}}, "record.a"),
        ({"either": "7"}, "either"),
        ({"either": [7]}, "either.[]"),
        ({"family": "debian\n"}, "family"),
        ({"family": "suse"}, "family"),
        ({"anything": {"__ansible_type": "x"}}, "anything.__ansible_type"),
        ({"anything": [float("-inf")]}, "anything.[]"),
        ({"ansible_facts": {"known": {"family": EVIL}}}, "ansible_facts.known.family"),
        ({"ansible_facts": {"known": "debian"}}, "ansible_facts.known"),
        ({"warnings": [7]}, "warnings"),
        ({"warnings": [{"event": "x"}]}, "warnings"),
        ({"warnings": ["x"] * 1001}, "warnings"),
        ({"exception": 7}, "exception"),
        ({"exception": {"event": {"msg": "x", "formatted_traceback": 7}}}, "exception"),
        ({"diff": "x"}, "diff"),
        ({"diff": {"prepared": EVIL}}, "diff"),
        ({"diff": [{"before": 7}]}, "diff"),
    ],
)
def test_an_unfit_field_is_refused_by_name(answer: dict[str, t.Any], name: str) -> None:
    with pytest.raises(
        BaselineError, match=f": {re.escape(name)} is not what it can be; what the module did"
    ) as caught:
        checked_result(answer, fields=FIELDS)
    assert str(caught.value).isprintable()


def test_what_the_module_does_not_return_is_dropped_and_named() -> None:
    control = {
        "add_host": {"host_name": "evil"},
        "ansible_included_var_files": ["x"],
        "results": [],
        "unreachable": True,
    }
    facts = {"ansible_facts": {"ansible_connection": "local", "known": {"family": "debian"}}}
    found = checked_result({**control, **facts, EVIL: 1, "_ansible_no_log": True, "name": "n"}, fields=FIELDS)
    assert found.pop("warnings") == [
        f"the answer of the host had fields that this module does not return; they were dropped: {QUOTED}, add_host, "
        "ansible_facts.ansible_connection, ansible_included_var_files, results, unreachable"
    ]
    assert found == {"name": "n", "ansible_facts": {"known": {"family": "debian"}}}


def test_a_path_brings_what_ansible_tells_of_its_file() -> None:
    answer = {"path": "/x", "uid": 0, "gid": 0, "owner": "root", "group": "root", "mode": "0644", "size": 3}
    assert checked_result(answer, fields={"path": str}) == answer
    assert "warnings" in checked_result(answer, fields={"name": str})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"msg": EVIL, "names": [EVIL]}, {"msg": QUOTED, "names": [QUOTED]}),
        ({"by_name": {EVIL: [1]}}, {"by_name": {QUOTED: [1]}}),
        ({"warnings": EVIL}, {"warnings": [QUOTED]}),
        ({"warnings": [{"event": {"msg": EVIL}}]}, {"warnings": [QUOTED]}),
        ({"deprecations": [{"msg": EVIL, "version": []}]}, {"warnings": [f"deprecated on the host: {QUOTED}"]}),
        ({"exception": f"Traceback\n{EVIL}"}, {"exception": f"Traceback\n{QUOTED}"}),
        (
            {"diff": {"before": f"a\n{EVIL}", "before_header": EVIL}},
            {"diff": {"before": f"a\n{QUOTED}", "before_header": QUOTED}},
        ),
    ],
)
def test_texts_are_quoted(answer: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    assert checked_result(answer, fields=FIELDS) == expected


def test_a_module_that_broke_off_is_reported_by_its_last_message() -> None:
    found = checked_result({"failed": True, "exception": {"event": {"msg": "no space left"}}}, fields=FIELDS)
    assert found["msg"].startswith(
        "the module ended with an exception: no space left; what the module did on the host is not known"
    )
    assert "exception" not in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json\n",
        "{",
        "{nonsense}",
        '{"rc": NaN}',
        '{"rc": Infinity}',
        f'{{"rc": {"9" * 5000}}}',
        '{"anything": ' + "[" * 100_000,
        '{"anything": ' + "[" * 100_000 + "]" * 100_000 + "}",
        f'{{"msg": "{EVIL}"}}',
        EVIL,
    ],
    ids=range(11),
)
def test_what_is_no_answer_is_reported(text: str) -> None:
    with pytest.raises(BaselineError, match="the host's Python printed no answer of a module, but: ") as caught:
        parse_result(text, FIELDS)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize(
    "text",
    [
        '{"msg": "' + "a" * 16_000_001 + '"}',
        json.dumps({"names": ["a"] * 100_001}),
        json.dumps({"anything": json.loads("[" * 13 + "]" * 13)}),
    ],
    ids=["long", "many", "deep"],
)
def test_an_answer_is_bounded(text: str) -> None:
    with pytest.raises(BaselineError, match="the answer of the host"):
        parse_result(text, FIELDS)


def test_a_text_is_bounded() -> None:
    assert len(checked_result({"name": "a" * 100_000}, fields=FIELDS)["name"]) < 20_100


@given(UNTRUSTED, st.sampled_from(sorted(ANSWERS)))
@example({"exception": {"event": None}}, "packages")
def test_any_value_is_checked_or_refused(answer: dict[str, t.Any], module: str) -> None:
    found: dict[str, t.Any] = {}
    with nothing_touched(), contextlib.suppress(BaselineError):
        found = checked_result(answer, fields=ANSWERS[module])
    assert acting(found) == set()
    known = {*ANSWERS[module], "changed", "failed", "skipped", "msg", "rc", "invocation", "warnings", "exception"}
    assert not found.keys() - known - {"diff", "owner", "group", "mode", "state", "secontext", "uid", "gid", "size"}
    json.loads(json.dumps(found, allow_nan=False))


@given(st.one_of(st.text(), UNTRUSTED.map(json.dumps), st.binary().map(lambda data: "{" + data.decode("latin-1"))))
def test_any_text_is_read_or_refused(text: str) -> None:
    found: dict[str, t.Any] = {}
    with nothing_touched(), contextlib.suppress(BaselineError):
        found = parse_result(text, FIELDS)
    assert acting(found) == set()
