from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError, nearest, unknown


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
    assert (str(error), error.details) == ("no", {"culprit": "/etc/ssh/sshd_config:3"})


def test_what_others_put_into_a_message_is_quoted() -> None:
    error = BaselineError("sshd says: bad\x1b[2J\nand\u202emore; nothing was changed")
    assert str(error) == r"sshd says: bad\x1b[2J; and\u202emore; nothing was changed"
    assert len(str(BaselineError("x" * 100_000))) < 21_000
