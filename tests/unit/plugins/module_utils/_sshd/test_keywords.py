"""The table of keywords: consistent in itself, spellings, aliases, and the hint for an unknown one."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.keywords import (
    ALIASES,
    COMMAS,
    CUMULATIVE,
    FLAGS,
    GLOBAL,
    KEYWORDS,
    NUMBERS,
    canonical,
    folded,
)


def test_the_sets_name_known_keywords_alone() -> None:
    for names in (COMMAS, CUMULATIVE, FLAGS, GLOBAL, NUMBERS):
        assert set(names) <= set(KEYWORDS)
    assert set(ALIASES.values()) <= set(KEYWORDS)
    assert not set(ALIASES) & set(KEYWORDS)
    assert not (FLAGS & set(NUMBERS) or FLAGS & COMMAS or COMMAS & CUMULATIVE)


@pytest.mark.parametrize(
    ("keyword", "lower", "spelled"),
    [
        ("permitrootlogin", "permitrootlogin", "PermitRootLogin"),
        ("PERMITROOTLOGIN", "permitrootlogin", "PermitRootLogin"),
        ("ChallengeResponseAuthentication", "kbdinteractiveauthentication", "KbdInteractiveAuthentication"),
        ("PubkeyAcceptedKeyTypes", "pubkeyacceptedalgorithms", "PubkeyAcceptedAlgorithms"),
        ("UseBlacklist", "useblocklist", "UseBlocklist"),
    ],
)
def test_spellings(keyword: str, lower: str, spelled: str) -> None:
    assert (folded(keyword), canonical(keyword)) == (lower, spelled)


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("PermitRootLogn", "did you mean 'PermitRootLogin' or 'PermitOpen' or 'PrintLastLog'?"),
        ("xyzzy", ""),
    ],
)
def test_an_unknown_keyword(keyword: str, hint: str) -> None:
    with pytest.raises(BaselineError) as caught:
        canonical(keyword)
    assert (caught.value.problem, caught.value.hint) == (f"unknown sshd keyword {keyword!r}", hint)
