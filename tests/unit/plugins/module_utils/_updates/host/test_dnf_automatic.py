"""dnf-automatic's glue over transcripts of the dnf 4 and dnf 5 stand-ins."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import PROPERTIES
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.dnf_automatic import CONF, VENDOR, desired_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import dnf_automatic as host_dnf
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.dnf_automatic_program import READ_BY_DNF4
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.dnf_health import DnfHealth
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


@pytest.fixture(autouse=True)
def health(monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
    """The calls for the host's health, which has a test file of its own."""
    calls: list[tuple[t.Any, ...]] = []

    def gather(_host: object, *arguments: t.Any) -> DnfHealth:
        calls.append(arguments)
        return DnfHealth(7, 8, ("too old",))

    monkeypatch.setattr(host_dnf, "gather_health", gather)
    return calls


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


def test_nothing_to_do(health: list[tuple[t.Any, ...]]) -> None:
    host = host4(DESIRED, [REPOLIST4, IN_FORCE, show(*NAMES4, out=on(OFF4, TIMER))])
    found = host_dnf.ensure(t.cast(t.Any, host), desired())
    host.done()
    assert not found.changed
    assert not host.written
    assert found.result["advisories"] == {"baseos": True}
    assert found.result["version"] == "dnf 4.14.0"
    assert found.result["effective"]["commands"]["upgrade_type"] == "security"
    ((timer, enabled, limit),) = health
    assert (timer.name, enabled, limit) == (TIMER, ("baseos",), 192)
    assert (found.result["metadata_age"], found.result["success_age"], found.warnings) == (7, 8, ["too old"])


def test_a_policy_that_is_switched_off_cannot_be_late(health: list[tuple[t.Any, ...]]) -> None:
    host = host4(DESIRED, [REPOLIST4, IN_FORCE, show(*NAMES4, out=OFF4)])
    found = host_dnf.ensure(t.cast(t.Any, host), dataclasses.replace(desired(), enabled=False))
    host.done()
    assert (found.result["success_age"], found.warnings, health) == (None, [], [])


def test_all_updates_ask_for_the_repositories_whose_metadata_count(health: list[tuple[t.Any, ...]]) -> None:
    commands = [asked(apply_updates=True), show(*NAMES4, out=on(OFF4, TIMER)), REPOLIST4]
    host = host4(DESIRED.replace("= security", "= default"), commands)
    host_dnf.ensure(t.cast(t.Any, host), desired(upgrade_type="default"))
    host.done()
    assert [set(enabled) >= {"baseos"} for _timer, enabled, _limit in health] == [True]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_stock_file(*, check_mode: bool) -> None:
    commands = [REPOLIST4, asked(), IN_FORCE, show(*NAMES4, out=OFF4)]
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
            REPOLIST4,
            IN_FORCE,
            show(*NAMES4, out=both),
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
        (STOCK, {"reboot": "when-needed"}, [REPOLIST4, asked()], REPOMD, "does not know this setting"),
        # dnf ignored a value without an error.
        (
            STOCK,
            {},
            [REPOLIST4, asked(), asked()],
            REPOMD,
            r"\[commands\] upgrade_type is 'default' \(requested: 'security'\)",
        ),
        (
            STOCK,
            {},
            [REPOLIST4],
            "<repomd/>",
            r"upgrade_type: no advisories \(updateinfo\) are published by baseos, .*; set upgrade_type: default",
        ),
        ("[commands\n", {}, [REPOLIST4], REPOMD, r"/etc/dnf/automatic.conf:1: dnf rejects this line: missing"),
        (
            STOCK,
            {},
            [REPOLIST4, asked(), IN_FORCE, show(*NAMES4, out="")],
            REPOMD,
            "systemd has no dnf-automatic.timer",
        ),
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
            REPOLIST5,
            version,
            version,
            show(timer, out=OFF5),
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
    no_dnf = Expected(REPOLIST4.argv, rc=127)
    host = FakeHost({}, [no_dnf], check_mode=True, programs=["systemctl"])

    found = host_dnf.ensure(t.cast(t.Any, host), desired())

    assert found.changed
    assert "upgrade_type = security" in found.after[CONF]
    assert host.known_after_apply == [
        "dnf-automatic is not installed yet, so how it reads the settings and its timer are not known"
    ]
    assert found.warnings == [
        "no repository's metadata is on this host yet, so it is not known whether there are advisories",
    ]


def test_a_time_that_systemd_cannot_read_is_found_before_the_package_is_there() -> None:
    analyze = Expected(["systemd-analyze", "calendar", "--", "teatime"], rc=1)
    host = FakeHost({}, [Expected(REPOLIST4.argv, rc=127), analyze], check_mode=True, programs=["systemctl"])
    request = dataclasses.replace(desired(), drop_in="[Timer]\nOnCalendar=\nOnCalendar=teatime\n")

    with pytest.raises(BaselineError, match="'teatime' is not a calendar time"):
        host_dnf.ensure(t.cast(t.Any, host), request)


def test_check_mode_where_dnf5_is_there_and_its_timer_is_not() -> None:
    unit = "Id=dnf5-automatic.timer\nLoadState=not-found\n"
    plugin = "/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so"
    host = FakeHost({plugin: "", CACHE5: REPOMD}, [REPOLIST5, show("dnf5-automatic.timer", out=unit)], check_mode=True)

    assert host_dnf.ensure(t.cast(t.Any, host), desired()).changed
    host.done()


MAKECACHE = Expected(["dnf", "-q", "makecache"])


def caches(**advisories: bool | None) -> dict[str, str]:
    """Return the metadata of repositories: with advisories, without, or (``None``) not on the host."""
    return {
        f"/var/cache/dnf/{name}-8ff2e9c92f259908/repodata/repomd.xml": REPOMD if has else "<repomd/>"
        for name, has in advisories.items()
        if has is not None
    }


def listed(*names: str) -> Expected:
    return Expected(REPOLIST4.argv, out="repo id    repo name\n" + "".join(f"{name}    x\n" for name in names))


def upgrade_type(asked_for: str, advisories: dict[str, bool | None], *commands: Expected) -> str:
    """Return the type that the request becomes; the host has no dnf-automatic yet, which check mode accepts."""
    host = FakeHost(caches(**advisories), [listed(*advisories), *commands], check_mode=True, programs=["dnf"])
    found = host_dnf.ensure(t.cast(t.Any, host), desired(upgrade_type=asked_for))
    host.done()
    (line,) = [line for line in found.after[CONF].splitlines() if line.startswith("upgrade_type")]
    return line.partition(" = ")[2]


@pytest.mark.parametrize(
    ("advisories", "expected"),
    [
        pytest.param({"baseos": True, "appstream": True, "extras": False, "epel": True}, "security", id="Rocky"),
        pytest.param(
            {"rhel-9-for-x86_64-baseos-rpms": True, "rhel-9-for-x86_64-appstream-rpms": True}, "security", id="RHEL"
        ),
        pytest.param({"fedora": False, "updates": True}, "security", id="Fedora"),
        pytest.param({"baseos": False, "appstream": False, "epel": True}, "default", id="CentOS Stream with EPEL"),
        pytest.param({"baseos": False, "appstream": False}, "default", id="CentOS Stream"),
        pytest.param({"baseos": True, "appstream": False}, "default", id="one of them is enough to miss updates"),
        pytest.param({"corp-os": True, "corp-tools": False}, "security", id="a mirror"),
        pytest.param({"corp-os": False, "epel": True}, "default", id="a mirror without them, with EPEL"),
        pytest.param({}, "security", id="not known yet"),
    ],
)
def test_the_choice_of_the_distribution(advisories: dict[str, bool | None], expected: str) -> None:
    assert upgrade_type("distribution", advisories) == expected


def test_security_alone_is_refused_where_a_base_repository_has_no_advisories() -> None:
    with pytest.raises(BaselineError) as caught:
        upgrade_type("security", {"baseos": False, "appstream": False, "epel": True})
    assert str(caught.value) == (
        "upgrade_type: no advisories (updateinfo) are published by appstream, baseos, so security upgrades would never "
        "install anything from there; this task changed nothing; set upgrade_type: default (all updates), as on CentOS "
        "Stream, or distribution, which finds that out"
    )


def test_all_updates_do_not_ask_for_advisories() -> None:
    host = FakeHost({}, check_mode=True, programs=["dnf"])
    assert "advisories" not in host_dnf.ensure(t.cast(t.Any, host), desired(upgrade_type="default")).result


def test_metadata_of_a_base_repository_that_is_missing_is_fetched() -> None:
    host = FakeHost(
        {CONF: DESIRED, "/usr/bin/dnf-automatic": "#!/usr/bin/python3\n", **caches(epel=True)},
        [
            listed("baseos", "epel"),
            MAKECACHE,
            listed("baseos", "epel"),
            IN_FORCE,
            show(*NAMES4, out=on(OFF4, TIMER)),
        ],
    )
    found = host_dnf.ensure(t.cast(t.Any, host), desired())
    host.done()
    assert found.warnings == [
        "the metadata of baseos is not on this host yet, so it is not known whether there are advisories",
        "too old",
    ]
