"""Runs of the glue against a real pkg 2.8.4, replayed (tests/unit/fixtures/freebsd/README.md says how it was run)."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import asdict
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.pkg import Pkg
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import PackagesRequest
from tests.unit.fake_host import Expected, FakeHost

CASES = json.loads(
    (Path(__file__).resolve().parents[4] / "fixtures" / "freebsd" / "pkg-2.8.4.json").read_text(encoding="utf-8")
)
# The recording does not say it: the commands that act, and no other, take every question for answered.
ACTING = {"install", "delete", "bootstrap"}
CATALOGUE = "/var/db/pkg/repos/FreeBSD/db"


def environment(argv: list[str]) -> dict[str, str]:
    return {"ASSUME_ALWAYS_YES": "yes"} if argv[1] in ACTING and "-y" in argv else {}


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_real_pkg_gives_the_same_again(case: dict[str, t.Any]) -> None:
    host: t.Any = FakeHost(
        {CATALOGUE: ""} if case["catalogue"] else {},
        [Expected(**command, env=environment(command["argv"])) for command in case["commands"]],
        check_mode=case["check_mode"],
        mtimes={CATALOGUE: int(time.time())} if case["catalogue"] else {},
    )
    request = PackagesRequest(**{**case["request"], "packages": tuple(case["request"]["packages"])})
    if "error" in case:
        with pytest.raises(BaselineError) as caught:
            Pkg(host).ensure(request)
        assert str(caught.value) == case["error"]
    else:
        found = asdict(Pkg(host).ensure(request))
        found["warnings"] = (*host.known_after_apply, *found["warnings"])
        assert {name: found[name] for name in case["outcome"]} == {
            **case["outcome"],
            "warnings": tuple(case["outcome"]["warnings"]),
        }
    host.done()
