"""Which addresses may be exempt from sshd's penalties."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.trusted import check_trusted


@pytest.mark.parametrize("text", ["192.0.2.7", "192.0.2.0/24", "2001:db8::1", "2001:db8::/48"])
def test_an_address_or_a_network(text: str) -> None:
    check_trusted(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("192.0.2.7/24", "has host bits set", id="sshd: inconsistent mask"),
        pytest.param("office.example.org", "does not appear to be", id="a name"),
        pytest.param("192.0.2.1 192.0.2.2", "does not appear to be", id="two in one"),
        pytest.param("192.0.2.1\nPort 1", "does not appear to be", id="a line break"),
        pytest.param("", "does not appear to be", id="nothing"),
        pytest.param("0.0.0.0/0", "contains every address", id="everybody"),
        pytest.param("::/0", "contains every address", id="everybody by IPv6"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(BaselineError, match=words):
        check_trusted(text)
