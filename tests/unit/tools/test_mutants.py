"""What the mutation runs make of cosmic-ray's answers."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tools import mutants

SOURCE = "plugins/module_utils/_sshd/host/confirm.py"
DIFF = f"""\
--- mutation diff ---
--- a/{SOURCE}
+++ b/{SOURCE}
@@ -1,3 +1,3 @@
 def late(now):
-    return now > 5
+    return now >= 5
 """
SURVIVOR = mutants.Mutant(SOURCE, "return now > 5", "return now >= 5")


def line(outcome: str, *, worker: str = "normal") -> str:
    item = {"job_id": "1", "mutations": [{"module_path": SOURCE}]}
    return json.dumps([item, {"worker_outcome": worker, "output": "", "test_outcome": outcome, "diff": DIFF}])


def test_the_dump_tells_what_survived() -> None:
    dump = "\n".join([line("killed"), line("survived"), line("incompetent"), line("survived", worker="skipped")])
    assert mutants.read(SOURCE, dump) == mutants.Report(SOURCE, 2, (SURVIVOR,))


def test_a_run_that_did_not_finish_is_no_result() -> None:
    with pytest.raises(SystemExit, match="did not finish"):
        mutants.read(SOURCE, json.dumps([{"job_id": "1"}, None]))


def test_only_a_listed_survivor_is_accepted() -> None:
    report = mutants.Report(SOURCE, 1, (SURVIVOR,))
    assert mutants.compare([report], {SURVIVOR: "a reason"}) == []
    assert mutants.compare([report], {}) == [f"{SOURCE}: no test fails: 'return now > 5' → 'return now >= 5'"]


def test_a_listed_mutant_that_is_killed_is_reported() -> None:
    allowed = {SURVIVOR: "a reason", mutants.Mutant("plugins/other.py", "a", "b"): "of a source that did not run"}
    [finding] = mutants.compare([mutants.Report(SOURCE, 1, ())], allowed)
    assert finding == f"{SOURCE}: tests/mutants.toml lists a mutant that is killed or gone: 'return now >= 5'"


def test_the_sources_and_a_test_of_each_exist() -> None:
    for source, tests in mutants.TARGETS.items():
        assert (mutants.ROOT / source).is_file()
        assert any((mutants.ROOT / path).exists() for path in tests), source


def test_the_configuration_is_toml_that_names_the_source_and_its_tests() -> None:
    table = tomllib.loads(mutants.config(SOURCE, Path("/venv/bin/python")))["cosmic-ray"]
    assert table["module-path"] == SOURCE
    shell, option, script = shlex.split(table["test-command"])
    assert (shell, option) == ("sh", "-c")
    assert script.startswith("/venv/bin/python -m pytest -x ")
    assert script.endswith("tests/unit/plugins/module_utils/_sshd/host")


def test_each_listed_survivor_has_a_reason() -> None:
    assert all(reason.strip() and one.source in mutants.TARGETS for one, reason in mutants.listed().items())
    assert all(reason.strip() for reason in mutants.passed_over().values())


def test_a_line_that_is_passed_over_has_no_survivors() -> None:
    report = mutants.Report(SOURCE, 1, (SURVIVOR,))
    assert mutants.compare([report], {}, [re.compile(r"return now > \d")]) == []
    assert mutants.compare([report], {}, [re.compile(r"now > 5")]) != []
