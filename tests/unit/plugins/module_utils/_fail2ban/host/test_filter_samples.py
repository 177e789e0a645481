"""Filters on their samples: what fail2ban is asked, and what comes of its answers."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filter_forging import VICTIMS, forged_lines
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import parse_filters
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.filter_samples import (
    _PROGRAM,
    SamplesResult,
    try_samples,
)
from tests.unit.fake_host import Expected, FakeHost

LINE = "10:00:00 failed from 192.0.2.1"
OTHER = "10:00:00 login from 192.0.2.1"
FILTERS = parse_filters({"shop": {"failregex": "^ failed from <HOST>$", "matches": [LINE], "ignores": [OTHER]}})
FORGED = [text for line in forged_lines(LINE) for text in (line.text, line.other) if text]
LINES = list(dict.fromkeys([LINE, OTHER, *FORGED]))


def found(*hosts: str, line: str = "") -> dict[str, t.Any]:
    expressions = ["^ failed from <HOST>$"] if hosts else []
    message = line.removeprefix("10:00:00")
    return {
        "hosts": hosts,
        "expressions": expressions,
        "ignored": [],
        "message": message,
        "times": True,
        "prefix": True,
    }


def answer(**hosts_of: t.Any) -> dict[str, t.Any]:
    lines = {line: found(line=line) for line in LINES}
    return {"lines": {**lines, LINE: found("192.0.2.1", line=LINE), **hosts_of}}


def play(given: t.Any, *, rc: int = 0, err: str = "", journal: t.Container[str] = ()) -> SamplesResult:
    asked = {"shop": {"journal": "shop" in journal, "lines": LINES}}
    ran = Expected(
        ["/usr/bin/python3", "-c", _PROGRAM],
        rc=rc,
        out=json.dumps({"shop": given}),
        err=err,
        data=json.dumps({"directory": "/scratch/fail2ban", "filters": asked}),
    )
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": "#!/usr/bin/python3\n"}, [ran])
    result = try_samples(host, "/scratch/fail2ban", FILTERS, journal)
    host.done()
    return result


def refused(given: t.Any, **options: t.Any) -> str:
    with pytest.raises(BaselineError) as failed:
        play(given, **options)
    return str(failed.value)


def test_without_filters_nothing_is_run() -> None:
    host: t.Any = FakeHost()
    assert try_samples(host, "/etc/fail2ban", {}, ()) == SamplesResult({})


@pytest.mark.parametrize("journal", [(), ("shop",)])
def test_the_addresses_in_the_samples(journal: tuple[str, ...]) -> None:
    assert play(answer(), journal=journal) == SamplesResult({"shop": ["192.0.2.1"]})


def test_a_sample_that_does_not_match() -> None:
    assert refused(answer(**{LINE: found(line=LINE)})) == (
        f"filters: [shop]: failregex '^ failed from <HOST>$' finds nothing in {LINE!r}, of which "
        "' failed from 192.0.2.1' is left without the time; this task changed nothing"
    )


def test_a_sample_that_matches_against_its_meaning() -> None:
    assert refused(answer(**{OTHER: found("192.0.2.1", line=OTHER)})) == (
        f"filters: [shop]: the sample in ignores is found: {OTHER!r} is a failure of 192.0.2.1 for "
        "'^ failed from <HOST>$'; this task changed nothing"
    )


def test_an_expression_that_fail2ban_rejects() -> None:
    message = refused({"error": "Unable to read /scratch/fail2ban/filter.d/shop.local: no"})
    assert message == "filters: [shop]: Unable to read filter.d/shop.local: no; this task changed nothing"


def test_a_victim() -> None:
    forged = next(line.text for line in forged_lines(LINE) if not line.other and line.word == 1)
    (warning,) = play(answer(**{forged: found(VICTIMS[0], line=forged)})).warnings
    assert "can have others banned by the filter shop" in warning
    assert repr(forged) in warning


def test_an_expression_that_does_not_end() -> None:
    message = refused({}, rc=-14, err="other\nshop\n")
    assert message.startswith("filters: [shop]: its expressions need more than 10 seconds")


def test_fail2ban_that_cannot_be_imported() -> None:
    assert "cannot be used to try the filters: ModuleNotFoundError (rc=1)" in refused(
        {}, rc=1, err="ModuleNotFoundError"
    )


def test_the_program_is_python() -> None:
    compile(_PROGRAM, "filter samples", "exec")
