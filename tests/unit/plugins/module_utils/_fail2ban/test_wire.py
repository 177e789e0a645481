from __future__ import annotations

import pickle
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.wire import END, decode, encode


class UnknownJailException(Exception):
    """As fail2ban's own: a class that the managed host's Python cannot import."""


class Nosy:
    def __reduce__(self) -> t.Any:
        return print, ("code ran",)


def test_encode() -> None:
    asked = encode(["get", "sshd", "maxretry"])
    assert asked.endswith(END)
    assert pickle.loads(asked[: -len(END)]) == ["get", "sshd", "maxretry"]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_an_answer_of_any_protocol(protocol: int) -> None:
    assert decode(pickle.dumps((0, [("Jail list", "sshd")]), protocol)) == (True, [("Jail list", "sshd")])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(UnknownJailException("nope"), "nope", id="its own error"),
        pytest.param(ValueError("File option must be 'head'"), "File option must be 'head'", id="a built-in error"),
        pytest.param(ValueError(), "refused without a message", id="no words"),
    ],
)
def test_a_refusal(error: Exception, said: str) -> None:
    # The class is looked up by name only, so that it need not be importable where it is read.
    assert decode(pickle.dumps((1, error))) == (False, said)


def test_nothing_of_a_pickle_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pickle.UnpicklingError, match="contains a builtins.print"):
        decode(pickle.dumps((0, Nosy())))
    assert capsys.readouterr().out == ""


def test_a_server_that_goes_down_refuses() -> None:
    # As fail2ban's asyncserver pickles it (protocol 4 and up).
    assert decode(pickle.dumps(["SHUTDOWN"], 4)) == (False, "SHUTDOWN")
