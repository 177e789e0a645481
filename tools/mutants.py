"""Change one operator at a time in the sources on which access depends, and see a test fail: ``make mutants``.

cosmic-ray makes the mutants, each source in a copy of the project of its own below .cache/mutants/, where the
collection is importable under its name without a link. A mutant that no test kills survives. tests/mutants.toml lists
those that may, each with its reason; another one fails the run. ``python -m tools.mutants [PART OF A PATH …]`` takes
some sources only.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.paths import CACHE, ROOT

BIN = Path(sys.executable).parent
COPIES = CACHE / "mutants"
LISTED = ROOT / "tests" / "mutants.toml"
UNITS = "tests/unit/plugins"
SECONDS_A_MUTANT = 120
ROLLBACK = (f"{UNITS}/module_utils/_core/host", f"{UNITS}/module_utils/_core/test_rollback_script.py")
# A source, and the tests that are to kill its mutants, besides the test of its name.
TARGETS: dict[str, tuple[str, ...]] = {
    "plugins/action/firewall.py": (f"{UNITS}/action/test_firewall.py",),
    "plugins/action/sshd_config.py": (f"{UNITS}/action",),
    "plugins/module_utils/_core/host/armed.py": (f"{UNITS}/module_utils/_core/host",),
    "plugins/module_utils/_core/host/rollback.py": ROLLBACK,
    "plugins/module_utils/_core/host/rollback_arm.py": ROLLBACK,
    "plugins/module_utils/_fail2ban/host/ensure.py": (f"{UNITS}/module_utils/_fail2ban/host",),
    "plugins/module_utils/_fail2ban/host/filter_rules.py": (f"{UNITS}/module_utils/_fail2ban/host",),
    "plugins/module_utils/_fail2ban/host/proof.py": (f"{UNITS}/module_utils/_fail2ban/host",),
    "plugins/module_utils/_fail2ban/host/restore.py": (f"{UNITS}/module_utils/_fail2ban/host",),
    "plugins/module_utils/_firewall/host/apply.py": (f"{UNITS}/module_utils/_firewall/host",),
    "plugins/module_utils/_sshd/host/apply.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/change.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/change_plan.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/check.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/check_effective.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/confirm.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/module_utils/_sshd/host/guard.py": (f"{UNITS}/module_utils/_sshd/host",),
    "plugins/plugin_utils/_confirm/commit.py": (f"{UNITS}/plugin_utils/_confirm", f"{UNITS}/action"),
    "plugins/plugin_utils/_confirm/proof.py": (f"{UNITS}/plugin_utils/_confirm",),
    "plugins/plugin_utils/_confirm/record.py": (f"{UNITS}/plugin_utils/_confirm",),
}
WITHOUT = (
    # `int | None` is an annotation, `*` and `**` stand in signatures and calls: none of them is an operation here.
    r"core/ReplaceBinaryOperator_(BitOr|Mul|Pow|Div)_\w+",
    # One other operator for each: where that one is seen, the rest are.
    r"core/ReplaceBinaryOperator_(Add|BitAnd|LShift)_(?!Sub$|BitOr$|RShift$)\w+",
    r"core/ReplaceBinaryOperator_Sub_(?!Add$)\w+",
    r"core/ReplaceBinaryOperator_BitAnd_Sub",
    r"core/ReplaceComparisonOperator_(Eq_(?!NotEq$)|NotEq_(?!Eq$)|(Lt|LtE|Gt|GtE)_(Is|IsNot|Eq|NotEq)$)\w*",
)


@dataclass(frozen=True, order=True)
class Mutant:
    """A line of a source before and after the change of one operator."""

    source: str
    before: str
    after: str


@dataclass(frozen=True)
class Report:
    """What became of the mutants of one source."""

    source: str
    killed: int
    survivors: tuple[Mutant, ...]


def listed(path: Path = LISTED) -> dict[Mutant, str]:
    """Return the mutants that may survive, each with its reason."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return {Mutant(one["source"], one["before"], one["after"]): one["reason"] for one in entries}


def passed_over(path: Path = LISTED) -> dict[re.Pattern[str], str]:
    """Return the lines whose mutants no test is to kill, in whichever source, each with the reason."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("line", [])
    return {re.compile(one["pattern"]): one["reason"] for one in entries}


def read(source: str, dump: str) -> Report:
    """Return the report of what ``cosmic-ray dump`` printed: a line for each mutant, its work item and its result."""
    killed, survivors = 0, []
    for item, result in (json.loads(line) for line in dump.splitlines()):
        if result is None:
            raise SystemExit(f"mutants: {source}: cosmic-ray did not finish: {item}")
        if result["worker_outcome"] == "skipped":
            continue
        if result["test_outcome"] == "survived":
            survivors.append(_mutant(source, result["diff"]))
        else:
            killed += 1
    return Report(source, killed, tuple(sorted(survivors)))


def _mutant(source: str, diff: str) -> Mutant:
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    before, after = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return Mutant(source, before, after)


def config(source: str, python: Path) -> str:
    """Return cosmic-ray's configuration for one source, as it is read in the copy's root."""
    folder, name = Path(source).parent, Path(source).name
    pytest = [
        *(str(python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
        # The copy is the only place that the collection comes from.
        *("-o", "pythonpath=../../.. ."),
    ]
    # The source's own test runs first: it kills most mutants. pytest would sort the two.
    runs = [path for path in (f"tests/unit/{folder}/test_{name}", *TARGETS[source]) if (ROOT / path).exists()]
    command = ["sh", "-c", " && ".join(shlex.join([*pytest, path]) for path in runs)]
    return f"""\
[cosmic-ray]
module-path = {json.dumps(source)}
timeout = {SECONDS_A_MUTANT}.0
excluded-modules = []
test-command = {json.dumps(shlex.join(command))}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = {json.dumps(list(WITHOUT))}
"""


def run(source: str) -> Report:
    """Make the mutants of ``source`` in a copy of the project, and run its tests on each."""
    home = COPIES / source.removeprefix("plugins/").removesuffix(".py").replace("/", "-")
    root = _copy(home)
    (home / "config.toml").write_text(config(source, Path(sys.executable)))
    _call(home, root, "baseline", "../../../config.toml")
    _call(home, root, "init", "../../../config.toml", "../../../session.sqlite")
    filter_ = [str(BIN / "cr-filter-operators"), "../../../session.sqlite", "../../../config.toml"]
    _logged(home, root, filter_)
    _call(home, root, "exec", "../../../config.toml", "../../../session.sqlite")
    dumped = subprocess.run(
        [str(BIN / "cosmic-ray"), "dump", "../../../session.sqlite"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return read(source, dumped.stdout)


def _copy(home: Path) -> Path:
    """Copy the tracked and the new files to where the collection has its whole name; return that folder."""
    shutil.rmtree(home, ignore_errors=True)
    root = home / "ansible_collections" / "pyhost" / "baseline"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in tracked:
        if name and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    return root


def _call(home: Path, root: Path, *words: str) -> None:
    _logged(home, root, [str(BIN / "cosmic-ray"), *words])


def _logged(home: Path, root: Path, argv: list[str]) -> None:
    # A mutant of the same size within the same second would not be seen by a compiled file's date.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    log = home / "log"
    with log.open("ab") as output:
        done = subprocess.run(
            argv, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise SystemExit(f"mutants: `{shlex.join(argv)}` failed; its output is in {log.relative_to(ROOT)}")


def compare(
    reports: t.Sequence[Report], allowed: t.Mapping[Mutant, str], lines: t.Iterable[re.Pattern[str]] = ()
) -> list[str]:
    """Return a sentence for each survivor without a reason, and for each reason whose mutant is killed or gone."""
    survivors = {
        one for report in reports for one in report.survivors if not any(line.match(one.before) for line in lines)
    }
    sources = {report.source for report in reports}
    new = [f"{one.source}: no test fails: {one.before!r} → {one.after!r}" for one in sorted(survivors - set(allowed))]
    gone = sorted(one for one in allowed if one.source in sources and one not in survivors)
    return new + [
        f"{one.source}: tests/mutants.toml lists a mutant that is killed or gone: {one.after!r}" for one in gone
    ]


def main(parts: t.Sequence[str]) -> int:
    sources = [source for source in TARGETS if not parts or any(part in source for part in parts)]
    if not sources:
        print(f"mutants: no source is named so; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        reports = list(pool.map(run, sources))
    for report in reports:
        print(f"mutants: {report.source}: {report.killed} killed, {len(report.survivors)} survived")
    findings = compare(reports, listed(), passed_over())
    for finding in findings:
        print(f"mutants: {finding}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
