"""What fail2ban found in the samples of a filter, and what is said about it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filter_results import TriedFilter, sample_error
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import FilterSample, UserFilter

LINE = "10:00:00 failed from 192.0.2.1"
OTHER = "10:00:00 login from 192.0.2.1"
NOTHING: dict[str, t.Any] = {
    "hosts": [],
    "expressions": [],
    "ignored": [],
    "message": " failed from 192.0.2.1",
    "times": True,
    "prefix": True,
}
FOUND = {**NOTHING, "hosts": ["192.0.2.1"], "expressions": ["^ failed"]}


def filter_of(*failregex: str, address: str = "", **options: str) -> UserFilter:
    options["failregex"] = "\n".join(failregex or ["^ failed"])
    return UserFilter(options, (FilterSample(LINE, address),), (FilterSample(OTHER),))


def problem(definition: UserFilter, found: dict[str, t.Any], other: dict[str, t.Any] | None = None) -> str | None:
    return sample_error(TriedFilter("shop", {LINE: found, OTHER: other or NOTHING}), definition)


def test_all_is_as_it_has_to_be() -> None:
    assert problem(filter_of(), FOUND) is None
    assert problem(filter_of(address="192.0.2.1"), FOUND) is None
    assert problem(filter_of(), {**FOUND, "hosts": ["::ffff:192.0.2.1"]}) is None


SEEN = f"in {LINE!r}, of which ' failed from 192.0.2.1' is left without the time"


@pytest.mark.parametrize(
    ("definition", "found", "said"),
    [
        pytest.param(filter_of(), NOTHING, f"failregex '^ failed' finds nothing {SEEN}", id="nothing"),
        pytest.param(filter_of("a", "b"), NOTHING, f"none of ['a', 'b'] matches {SEEN}", id="none of two"),
        pytest.param(
            filter_of(),
            {**NOTHING, "ignored": ["from"]},
            "is ignored by ignoreregex 'from': " + repr(LINE),
            id="ignored",
        ),
        pytest.param(
            filter_of(prefregex="^x"),
            {**NOTHING, "prefix": False},
            f"prefregex '^x' does not match {SEEN}",
            id="prefix",
        ),
        pytest.param(
            filter_of(),
            {**FOUND, "hosts": ["bob"]},
            f"the filter finds 'bob', which is no address, {SEEN}",
            id="a name",
        ),
        pytest.param(
            filter_of(),
            {**NOTHING, "expressions": ["^ failed"]},
            f"failregex '^ failed' matches, but finds no address {SEEN}",
            id="a name that is not resolved",
        ),
        pytest.param(
            filter_of(address="192.0.2.9"),
            FOUND,
            f"the filter finds 192.0.2.1 instead of 192.0.2.9 {SEEN}",
            id="another",
        ),
    ],
)
def test_a_sample_that_has_to_match(definition: UserFilter, found: dict[str, t.Any], said: str) -> None:
    assert (problem(definition, found) or "").endswith(said)


def test_a_sample_that_must_not_match() -> None:
    assert problem(filter_of(), FOUND, {**FOUND, "expressions": ["^ \\S+ from"]}) == (
        f"the sample in ignores is found: {OTHER!r} is a failure of 192.0.2.1 for '^ \\\\S+ from'"
    )


@pytest.mark.parametrize(
    ("times", "journal", "warns"), [(True, False, False), (False, False, True), (False, True, False)]
)
def test_a_sample_without_a_time(times: bool, journal: bool, warns: bool) -> None:
    tried = TriedFilter("shop", {LINE: {**FOUND, "times": times}, OTHER: {**NOTHING, "times": False}})
    warnings = tried.warnings(filter_of(), journal=journal)
    assert (["the filter shop finds no time in the sample " in one for one in warnings] == [True]) is warns
