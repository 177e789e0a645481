from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import (
    UNCHANGED,
    BaselineError,
    collected,
    combined,
    nearest,
    parsed_entries,
    state_of_errors,
    unknown,
)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        pytest.param("PermitRootLogn", ["PermitRootLogin", "Port"], ["PermitRootLogin"], id="a letter lost"),
        pytest.param("permitrootlogin", ["PermitRootLogin"], ["PermitRootLogin"], id="case does not matter"),
        pytest.param("zzz", ["PermitRootLogin", "Port"], [], id="nothing is near"),
    ],
)
def test_nearest(word: str, known: list[str], expected: list[str]) -> None:
    assert nearest(word, known) == expected


def test_unknown_names_the_nearest() -> None:
    assert unknown("jail option", "bantme", ["bantime"]) == "unknown jail option 'bantme'; did you mean 'bantime'?"
    assert unknown("jail option", "zzz", ["bantime"]) == "unknown jail option 'zzz'"


def test_an_error_carries_its_details() -> None:
    error = BaselineError("no", culprit="/etc/ssh/sshd_config:3")
    assert error.as_result() == {"msg": "no; this task changed nothing", "culprit": "/etc/ssh/sshd_config:3"}


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({}, "no such port; this task changed nothing"),
        ({"option": "sshd_port"}, "sshd_port: no such port; this task changed nothing"),
        ({"where": "/etc/ssh/sshd_config:3"}, "/etc/ssh/sshd_config:3: no such port; this task changed nothing"),
        ({"option": "sshd_port", "where": "web1"}, "sshd_port: web1: no such port; this task changed nothing"),
        ({"hint": "choose one"}, "no such port; this task changed nothing; choose one"),
        ({"state": "the package vim was installed"}, "no such port; the package vim was installed"),
        ({"state": ""}, "no such port"),
    ],
)
def test_the_sentence_is_made_of_the_parts(parts: dict[str, str], sentence: str) -> None:
    error = BaselineError("no such port", **parts)
    named = {name: text for name, text in parts.items() if name != "state"}
    assert error.as_result() == {"msg": sentence, **named}


def test_the_caller_says_what_was_changed_before() -> None:
    with pytest.raises(BaselineError, match="no; the files were written$"), state_of_errors("the files were written"):
        raise BaselineError("no")
    with pytest.raises(BaselineError, match="no; all was restored$"), state_of_errors("the files were written"):
        raise BaselineError("no", state="all was restored")


def test_independent_checks_report_all_their_errors() -> None:
    errors: list[BaselineError] = []
    for problem, culprit in (("one", "/a:1"), ("two", "/b:2")):
        with collected(errors):
            raise BaselineError(problem, option="match", hint=f"remove {culprit}", culprits=[culprit])
    with collected(errors):
        pass
    error = combined(errors, state=UNCHANGED)
    assert str(error) == f"match: one; remove /a:1; match: two; remove /b:2; {UNCHANGED}"
    assert error.details == {"culprits": ["/a:1", "/b:2"]}


def test_a_single_error_stays_as_it_is() -> None:
    error = combined([BaselineError("one", option="match", where="/a:1", hint="remove it", refused=["x"])])
    assert error.as_result() == {
        "msg": f"match: /a:1: one; {UNCHANGED}; remove it",
        "option": "match",
        "where": "/a:1",
        "hint": "remove it",
        "refused": ["x"],
    }


def test_a_single_error_keeps_the_errors_that_it_stands_for() -> None:
    parts = [BaselineError("one", option="a"), BaselineError("two", option="b")]
    assert combined([combined(parts)]).parts == tuple(parts)


def test_other_errors_are_not_collected() -> None:
    errors: list[BaselineError] = []
    with pytest.raises(OSError, match="disk"), collected(errors):
        raise OSError("disk")


def test_what_others_put_into_a_message_is_quoted() -> None:
    error = BaselineError("sshd says: bad\x1b[2J\nand\u202emore")
    assert str(error) == r"sshd says: bad\x1b[2J; and\u202emore; this task changed nothing"
    assert len(str(BaselineError("x" * 100_000))) < 21_000


def test_entries_are_parsed_with_their_places_and_all_errors() -> None:
    def parse(value: str, place: str) -> int:
        if not value.isdigit():
            raise BaselineError("is no number", option=place)
        return int(value)

    assert parsed_entries(["1", "2"], "ports", parse) == [1, 2]
    with pytest.raises(BaselineError) as caught:
        parsed_entries(["a", "2", "b"], "ports", parse)
    assert [one.option for one in caught.value.parts] == ["ports[1]", "ports[3]"]
