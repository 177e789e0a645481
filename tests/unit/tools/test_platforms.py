"""docs/platforms.md says what the data says, and the data says nothing that the code and the tests do not bear."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import keys
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import TABLES, asked_system, row
from tools.platforms import DATA, NONE, PAGE, ROOT, columns, load, page, status

DATA_NOW = load()
CELLS = [(feature["title"], cell) for feature in DATA_NOW.features for cell in feature["cells"]]
PLATFORMS = {one["name"] for one in yaml.safe_load((ROOT / ".config/molecule/config.yml").read_text())["platforms"]}
# What every managed system has to be proven in: the main job applies all of it.
MAIN_JOB = {
    "Packages in one transaction",
    "Admin user, keys, sudo",
    "Python stack and venvs",
    "Automatic updates",
    "fail2ban, ban seen at the packet filter",
}
# Each system starts its sshd in one of these ways.
SSHD = {"sshd as a service", "sshd behind ssh.socket"}


def test_the_page_is_what_the_data_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(DATA_NOW), "run 'make docs'"


def test_data_and_code_know_the_same_systems() -> None:
    assert list(DATA_NOW.systems) == keys()
    assert [system for systems in columns() for system in systems] == keys()


def test_columns_join_systems_with_the_same_rows() -> None:
    for systems in columns():
        for name in TABLES["debian"].rows:
            assert len({str(row(name, asked_system(system))) for system in systems}) == 1, (name, systems)


@pytest.mark.parametrize(("title", "cell"), CELLS, ids=[f"{title}: {cell['kind']}" for title, cell in CELLS])
def test_a_claim_has_a_kind_systems_and_tests_that_exist(title: str, cell: dict[str, t.Any]) -> None:
    assert cell["kind"] in set(DATA_NOW.kinds) - {NONE}
    assert set(cell["systems"]) <= set(DATA_NOW.systems)
    assert cell["by"], f"{title}: a claim without a test"
    assert [path for path in cell["by"] if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("title", [feature["title"] for feature in DATA_NOW.features])
def test_a_cell_is_filled_once(title: str) -> None:
    systems = [system for one, cell in CELLS if one == title for system in cell["systems"]]
    assert len(systems) == len(set(systems))


def test_real_packages_are_claimed_of_hosts_that_molecule_starts() -> None:
    claimed = {system for _title, cell in CELLS if cell["kind"] == "real packages" for system in cell["systems"]}
    assert claimed <= PLATFORMS


@pytest.mark.parametrize("system", keys())
def test_managed_is_what_ran_in_every_part_of_the_main_job(system: str) -> None:
    features = {feature["title"]: feature for feature in DATA_NOW.features}
    assert set(features) >= MAIN_JOB | SSHD
    ran = {title for title, one in features.items() if DATA_NOW.kind(one, system) in ("real packages", "stand-in")}
    missing = MAIN_JOB - ran or (set() if ran & SSHD else SSHD)
    assert (not missing) is status(DATA_NOW)[system].startswith("managed"), f"{system}: not proven: {sorted(missing)}"


def test_sources_name_only_packages_of_the_table() -> None:
    rows = [
        found
        for table in TABLES.values()
        for rows in (table.rows, *table.exceptions.values())
        for found in rows.values()
    ]
    named = {package for found in rows if isinstance(found, tuple) for package in found}
    cited = {name for source in DATA_NOW.package_sources for name in source.get("names", "").split()}
    assert cited <= named, f"{DATA.name} cites packages that no row has: {sorted(cited - named)}"
