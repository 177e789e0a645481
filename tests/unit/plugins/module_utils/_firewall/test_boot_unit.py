"""The files that load our table; `systemd-analyze verify` accepts both on Debian 12 and 13."""

from __future__ import annotations

import configparser

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import (
    DROP_IN,
    RULES_FILE,
    UNIT,
    UNIT_FILE,
    render_drop_in,
    render_unit,
)

LOAD = f"nft -f {RULES_FILE}"


def read(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the names of systemd are case-sensitive
    parser.read_string(text)
    return parser


def test_the_unit_comes_before_the_network_and_after_what_flushes() -> None:
    unit = read(render_unit())
    assert dict(unit["Unit"]) == {
        "Description": "Firewall rules of pyhost.baseline",
        "Documentation": "man:nft(8)",
        "DefaultDependencies": "no",
        "After": "nftables.service",
        "ConditionPathExists": RULES_FILE,
        "Wants": "network-pre.target",
        "Before": "network-pre.target",
    }
    assert dict(unit["Install"]) == {"WantedBy": "sysinit.target"}


def test_a_stop_by_hand_opens_the_host_and_a_shutdown_is_none() -> None:
    unit = read(render_unit())
    assert "Conflicts" not in unit["Unit"]
    assert dict(unit["Service"]) == {
        "Type": "oneshot",
        "RemainAfterExit": "yes",
        "ExecStart": LOAD,
        "ExecReload": LOAD,
        "ExecStop": "-nft delete table inet pyhost_baseline",
    }


def test_the_drop_in_loads_the_table_after_each_flush() -> None:
    service = read(render_drop_in())["Service"]
    assert dict(service) == dict.fromkeys(("ExecStartPost", "ExecReload", "ExecStopPost"), f"-+{LOAD}")


def test_the_paths() -> None:
    assert f"/etc/systemd/system/{UNIT}" == UNIT_FILE
    assert DROP_IN.startswith("/etc/systemd/system/nftables.service.d/")
    assert DROP_IN.endswith(".conf")
