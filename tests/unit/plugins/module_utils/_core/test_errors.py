from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import (
    BaselineError,
    nearest,
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


def test_what_others_put_into_a_message_is_quoted() -> None:
    error = BaselineError("sshd says: bad\x1b[2J\nand\u202emore")
    assert str(error) == r"sshd says: bad\x1b[2J; and\u202emore; this task changed nothing"
    assert len(str(BaselineError("x" * 100_000))) < 21_000
