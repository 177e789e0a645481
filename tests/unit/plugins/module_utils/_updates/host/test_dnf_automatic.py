"""dnf-automatic's glue over transcripts of the dnf 4 and dnf 5 stand-ins."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import PROPERTIES
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_automatic import CONF, VENDOR, desired_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import dnf_automatic as host_dnf
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.dnf_automatic_program import READ_BY_DNF4
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).parents[4] / "fixtures" / "dnf_automatic"
STOCK = (FIXTURES / "automatic.conf-dnf4.14").read_text()
DESIRED = STOCK.replace("upgrade_type = default", "upgrade_type = security").replace("updates = no", "updates = yes")
ASKED = json.loads((FIXTURES / "asked-dnf4.14.json").read_text())
OFF4 = (FIXTURES / "systemctl-show-dnf4").read_text()
OFF5 = (FIXTURES / "systemctl-show-dnf5").read_text()
REPOMD = (FIXTURES / "repomd-with-updateinfo.xml").read_text()
REPOLIST4 = Expected(["dnf", "-q", "repolist", "--enabled"], out=(FIXTURES / "repolist-dnf4").read_text())
REPOLIST5 = Expected(["dnf", "-q", "repolist", "--enabled"], out=(FIXTURES / "repolist-dnf5").read_text())
CACHE4 = "/var/cache/dnf/baseos-8ff2e9c92f259908/repodata/repomd.xml"
CACHE5 = "/var/cache/libdnf5/fedora-8ff2e9c92f259908/repodata/repomd.xml"
TIMER, INSTALL = "dnf-automatic.timer", "dnf-automatic-install.timer"
NAMES4 = [TIMER, "dnf-automatic-notifyonly.timer", "dnf-automatic-download.timer", INSTALL]
OPTIONS: dict[str, t.Any] = {
    "upgrade_type": "security",
    "apply_updates": True,
    "download_updates": True,
    "reboot": "never",
    "exclude": [],
    "emit_via": ["stdio"],
}


def units(*names: str) -> list[str]:
    return [unit for name in names for unit in (name, name.replace(".timer", ".service"))]


def show(*names: str, out: str) -> Expected:
    return Expected(["systemctl", "show", "--property", PROPERTIES, "--", *units(*names)], out=out)


def asked(**commands: t.Any) -> Expected:
    sections = {**ASKED["sections"], "commands": {**ASKED["sections"]["commands"], **commands}}
    argv = ["/usr/bin/python3", "-c", READ_BY_DNF4, "/scratch/automatic.conf"]
    return Expected(argv, out=json.dumps({**ASKED, "sections": sections}))


def on(text: str, name: str) -> str:
    """Turn the timer ``name`` of a transcript on."""
    stanzas = text.split("\n\n")
    for number, stanza in enumerate(stanzas):
        if f"Id={name}\n" in stanza:
            stanza = stanza.replace("=disabled", "=enabled").replace("ActiveState=inactive", "ActiveState=active")
            stanzas[number] = stanza.replace(
                "NextElapseUSecRealtime=\n", "NextElapseUSecRealtime=Mon 2026-11-23 06:31:20 UTC\n"
            )
    return "\n\n".join(stanzas)


# What systemctl says when asked of the first timer alone.
FIRES = "\n\n".join(on(OFF4, TIMER).split("\n\n")[:2])


def desired(**options: t.Any) -> host_dnf.DnfAutomaticRequest:
    return host_dnf.DnfAutomaticRequest(desired_keys({**OPTIONS, **options}), None, True)


def host4(text: str, commands: list[Expected], *, repomd: str = REPOMD, check_mode: bool = False) -> FakeHost:
    files = {CONF: text, "/usr/bin/dnf-automatic": "#!/usr/bin/python3\n", CACHE4: repomd}
    return FakeHost(files, commands, check_mode=check_mode)


IN_FORCE = asked(upgrade_type="security", apply_updates=True)


def test_nothing_to_do() -> None:
    host = host4(DESIRED, [IN_FORCE, show(*NAMES4, out=on(OFF4, TIMER)), REPOLIST4])
    found = host_dnf.ensure(t.cast(t.Any, host), desired())
    host.done()
    assert not found.changed
    assert not host.written
    assert found.result["advisories"] == {"baseos": True}
    assert found.result["version"] == "dnf 4.14.0"
    assert found.result["effective"]["commands"]["upgrade_type"] == "security"


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_stock_file(*, check_mode: bool) -> None:
    commands = [asked(), IN_FORCE, show(*NAMES4, out=OFF4), REPOLIST4]
    acts = [
        Expected(["systemctl", "enable", "--", TIMER]),
        Expected(["systemctl", "restart", "--", TIMER]),
        show(TIMER, out=FIRES),
        IN_FORCE,
    ]
    host = host4(STOCK, commands + ([] if check_mode else acts), check_mode=check_mode)
    found = host_dnf.ensure(t.cast(t.Any, host), desired())
    host.done()
    assert found.changed
    assert [part["before_header"] for part in found.diff] == [CONF, TIMER]
    assert host.files[CONF] == (STOCK if check_mode else DESIRED)


def test_a_timer_that_overrides_the_file_is_disabled() -> None:
    both = on(on(OFF4, TIMER), INSTALL)
    host = host4(
        DESIRED,
        [
            IN_FORCE,
            show(*NAMES4, out=both),
            REPOLIST4,
            Expected(["systemctl", "disable", "--", INSTALL]),
            Expected(["systemctl", "stop", "--", INSTALL]),
            show(TIMER, out=FIRES),
            IN_FORCE,
        ],
    )
    found = host_dnf.ensure(t.cast(t.Any, host), desired())
    host.done()
    assert found.result["disabled_timers"] == [INSTALL]


@pytest.mark.parametrize(
    ("text", "options", "commands", "repomd", "words"),
    [
        (STOCK, {"reboot": "when-needed"}, [asked()], REPOMD, "does not know this setting"),
        # dnf ignored a value without an error.
        (STOCK, {}, [asked(), asked()], REPOMD, r"\[commands\] upgrade_type is 'default' \(requested: 'security'\)"),
        (
            STOCK,
            {},
            [asked(), IN_FORCE, show(*NAMES4, out=OFF4), REPOLIST4],
            "<repomd/>",
            "no repository of this host publishes advisories .* baseos; .*; set upgrade_type: default",
        ),
        ("[commands\n", {}, [], REPOMD, r"/etc/dnf/automatic.conf:1: dnf rejects this line: missing"),
        (STOCK, {}, [asked(), IN_FORCE, show(*NAMES4, out="")], REPOMD, "systemd has no dnf-automatic.timer"),
    ],
)
def test_refusals(text: str, options: dict[str, t.Any], commands: list[Expected], repomd: str, words: str) -> None:
    host = host4(text, commands, repomd=repomd)
    with pytest.raises(BaselineError, match=words) as caught:
        host_dnf.ensure(t.cast(t.Any, host), desired(**options))
    assert "; this task changed nothing" in str(caught.value)
    host.done()
    assert not host.written


def test_not_installed() -> None:
    with pytest.raises(BaselineError, match="install dnf-automatic .* or dnf5-plugin-automatic"):
        host_dnf.ensure(t.cast(t.Any, FakeHost({}, [], programs=())), desired())


def test_dnf5_gets_a_file_of_its_own() -> None:
    plugin = "/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so"
    vendor = (FIXTURES / "automatic.conf-dnf5.4-vendor").read_text()
    version = Expected(["dnf5", "--version"], out="dnf5 version 5.4.6.0\n")
    timer = "dnf5-automatic.timer"
    host = FakeHost(
        {plugin: "", VENDOR: vendor, CACHE5: REPOMD},
        [
            version,
            version,
            show(timer, out=OFF5),
            REPOLIST5,
            Expected(["systemctl", "enable", "--", timer]),
            Expected(["systemctl", "restart", "--", timer]),
            show(timer, out=on(OFF5, timer)),
            version,
        ],
    )
    found = host_dnf.ensure(t.cast(t.Any, host), desired(reboot="when-needed"))
    host.done()
    assert found.result["version"] == "dnf5 5.4.6.0"
    assert found.result["effective"]["commands"]["reboot"] == "when-needed"
    assert "reboot = when-needed\n" in host.files[CONF]
    assert found.result["advisories"] == {"fedora": True}


def test_check_mode_before_the_package_is_there() -> None:
    host = FakeHost({}, check_mode=True, programs=["systemctl"])

    found = host_dnf.ensure(t.cast(t.Any, host), desired())

    assert found.changed
    assert "upgrade_type = security" in found.after[CONF]
    assert found.warnings == [
        "dnf-automatic is not installed yet, so how it reads the settings and its timer are not known"
    ]


def test_check_mode_where_dnf5_is_there_and_its_timer_is_not() -> None:
    unit = "Id=dnf5-automatic.timer\nLoadState=not-found\n"
    plugin = "/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so"
    host = FakeHost({plugin: ""}, [show("dnf5-automatic.timer", out=unit)], check_mode=True)

    assert host_dnf.ensure(t.cast(t.Any, host), desired()).changed
    host.done()
