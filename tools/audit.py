"""Ask PyPI whether the pinned tools and what they need have known vulnerabilities: `make lint` runs it by pip-audit.

pip-audit passes over what PyPI does not answer for and then says that it found nothing, so a package index without
PyPI's JSON API would make every run green. Here what was not answered is counted: it is said aloud, and fails where
PYHOST_AUDIT=required is set, as the workflow does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from types import MappingProxyType

# Vulnerabilities that stay for now: id -> why they do no harm here.
ACCEPTED: t.Mapping[str, str] = MappingProxyType({})
Package = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Verdict:
    """What the answers come to: sentences for people, and the exit status."""

    lines: tuple[str, ...]
    status: int


def judge(packages: t.Sequence[Package], *, required: bool, accepted: t.Mapping[str, str] = ACCEPTED) -> Verdict:
    """Return the verdict over pip-audit's ``packages``; ``required`` says that each must have been answered for."""
    found = [
        f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {_fixed(vulnerability)}"
        for one in packages
        for vulnerability in one.get("vulns", ())
        if not {vulnerability["id"], *vulnerability.get("aliases", ())} & set(accepted)
    ]
    silent = [one["name"] for one in packages if "skip_reason" in one]
    if found:
        return Verdict((*found, "choose other versions in pyproject.toml, or add a reason to tools/audit.py"), 1)
    if silent or not packages:
        said = f"PyPI's JSON API answered for {len(packages) - len(silent)} of {len(packages)} packages"
        if required:
            return Verdict((f"{said} (not for {', '.join(silent[:3]) or 'any'} …), and PYHOST_AUDIT is required",), 1)
        return Verdict((f"LEFT OUT: {said}; nothing is known of the others. The workflow asks, and fails there.",), 0)
    return Verdict((f"no known vulnerabilities in {len(packages)} packages",), 0)


def _fixed(vulnerability: t.Mapping[str, t.Any]) -> str:
    return ", ".join(vulnerability.get("fix_versions", ())) or "no version yet"


def main() -> int:
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--local", "--format=json", "--progress-spinner=off", "--desc=off"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        # Without a network there is no report; the last line of its words has the cause.
        packages = []
        print(f"audit: pip-audit: {(asked.stderr.strip().splitlines() or ['no words'])[-1]}", file=sys.stderr)
    verdict = judge(packages, required=os.environ.get("PYHOST_AUDIT") == "required")
    for line in verdict.lines:
        print(f"audit: {line}", file=sys.stderr)
    return verdict.status


if __name__ == "__main__":
    sys.exit(main())
