"""The program of the host, and that its own parser reads the configuration."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_automatic import CONF, KNOWN_TO_DNF5, VENDOR
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.dnf_automatic_program import (
    READ_BY_DNF4,
    DnfAutomatic,
    Reading,
    find_program,
    read_configuration,
)
from tests.unit.fake_host import Expected, FakeHost

PLUGIN = "/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so"
DNF4, DNF5 = DnfAutomatic(4, "/usr/bin/python3.9"), DnfAutomatic(5)


@pytest.mark.parametrize(
    ("files", "programs", "program"),
    [
        pytest.param({PLUGIN: ""}, [], DNF5, id="dnf 5"),
        pytest.param({PLUGIN: "", "/usr/bin/dnf-automatic": ""}, None, DNF5, id="both"),
        pytest.param({"/usr/bin/dnf-automatic": "#!/usr/bin/python3.9 -s\n"}, None, DNF4, id="dnf 4"),
        pytest.param({"/usr/bin/dnf-automatic": ""}, None, DnfAutomatic(4, "/usr/bin/python3"), id="no shebang"),
    ],
)
def test_the_program(files: dict[str, str], programs: list[str] | None, program: DnfAutomatic) -> None:
    assert find_program(t.cast("t.Any", FakeHost(files, programs=programs))) == program


def test_a_missing_program_is_an_error_but_not_in_check_mode() -> None:
    assert find_program(t.cast("t.Any", FakeHost(programs=[], check_mode=True))) is None
    with pytest.raises(BaselineError, match="dnf-automatic is not installed; this task changed nothing; install dnf-"):
        find_program(t.cast("t.Any", FakeHost(programs=[])))


def test_each_generation_has_its_timer() -> None:
    assert (DNF4.timer, DNF5.timer) == ("dnf-automatic.timer", "dnf5-automatic.timer")


def read(program: DnfAutomatic, text: str | None, *commands: Expected, files: dict[str, str] | None = None) -> Reading:
    host = FakeHost(files, list(commands))
    found = read_configuration(t.cast("t.Any", host), program, text)
    host.done()
    assert host.written == []
    return found


def test_dnf_4_reads_a_staged_file_by_its_own_interpreter() -> None:
    sections = {"commands": {"apply_updates": True, "random_sleep": 0, "upgrade_type": "security"}}
    out = json.dumps({"version": "4.14.0", "sections": sections, "base": {"debuglevel": "1"}})
    argv = ["/usr/bin/python3.9", "-c", READ_BY_DNF4, "/scratch/automatic.conf"]
    found = read(DNF4, "[commands]\napply_updates = yes\n", Expected(argv, out=out))
    assert found.values == {
        ("commands", "apply_updates"): "yes",
        ("commands", "random_sleep"): "0",
        ("commands", "upgrade_type"): "security",
        ("base", "debuglevel"): "1",
    }
    assert found.known == {("commands", "apply_updates"), ("commands", "random_sleep"), ("commands", "upgrade_type")}
    assert found.version == "dnf 4.14.0"


def test_a_parser_that_fails_names_the_file_of_the_host() -> None:
    argv = ["/usr/bin/python3.9", "-c", READ_BY_DNF4, "/scratch/automatic.conf"]
    failed = Expected(argv, rc=1, err="ConfigError: /scratch/automatic.conf: bad\n")
    with pytest.raises(BaselineError, match=rf"cannot read its configuration: ConfigError: {CONF}: bad"):
        read(DNF4, "", failed)


def test_dnf_5_composes_the_vendors_file_and_the_hosts() -> None:
    version = Expected(["dnf5", "--version"], out="dnf5 version 5.4.6.0\nlibdnf5 version 5.4.6\n")
    vendor = "[commands]\nupgrade_type = default\nreboot = never\n"
    found = read(DNF5, "[commands]\nupgrade_type = security\n", version, files={VENDOR: vendor})
    assert found.values == {("commands", "upgrade_type"): "security", ("commands", "reboot"): "never"}
    assert (found.known, found.version) == (KNOWN_TO_DNF5, "dnf5 5.4.6.0")
