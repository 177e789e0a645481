from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import (
    AptConfig,
    parse_dump,
    parse_file,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.unattended_upgrades import (
    UpgradePolicy,
    as_bool,
    document,
    effective,
    overridden_keys,
    overriding_statements,
    policy,
    problems,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
SECURITY = "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"
ORIGINS = "Unattended-Upgrade::Origins-Pattern"
OPTIONS: dict[str, t.Any] = {
    "blocklist": [],
    "allowlist": [],
    "days": [],
    "reboot": "never",
    "reboot_time": "now",
    "reboot_with_users": True,
    "update_lists_interval": 1,
    "upgrade_interval": 1,
    "mail_to": "",
    "mail_report": "on-change",
}


def test_a_policy_says_every_list_and_every_given_value() -> None:
    desired = policy(
        {
            **OPTIONS,
            "blocklist": ["linux-"],
            "days": ["Sun", "Wed"],
            "reboot": "when_required",
            "reboot_time": "04:30",
            "download_limit": 70,
        },
        [SECURITY],
    )
    assert desired == UpgradePolicy(
        lists={
            "Unattended-Upgrade::Allowed-Origins": (),
            ORIGINS: (SECURITY,),
            "Unattended-Upgrade::Package-Blacklist": ("linux-",),
            "Unattended-Upgrade::Package-Whitelist": (),
            # Numbers: unattended-upgrade compares names in the host's language.
            "Unattended-Upgrade::Update-Days": ("0", "3"),
        },
        values={
            "APT::Periodic::Enable": "1",
            "APT::Periodic::Update-Package-Lists": "1",
            "APT::Periodic::Unattended-Upgrade": "1",
            "Unattended-Upgrade::Automatic-Reboot": "true",
            "Unattended-Upgrade::Automatic-Reboot-Time": "04:30",
            "Unattended-Upgrade::Automatic-Reboot-WithUsers": "true",
            "Unattended-Upgrade::Mail": "",
            "Unattended-Upgrade::MailReport": "on-change",
            "Acquire::http::Dl-Limit": "70",
            "Acquire::https::Dl-Limit": "70",
        },
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"blocklist": ["linux-("]},
            "blocklist: 'linux-(' is not a regular expression of Python (missing ), unterminated subpattern at "
            "position 6); this task changed nothing; write a literal + or ( as \\+ or \\(",
            id="a regular expression that is none",
        ),
        pytest.param(
            {"allowlist": [""]},
            "allowlist: an empty expression matches every package; this task changed nothing; remove it",
            id="an empty expression",
        ),
        pytest.param(
            {"reboot_time": "4:30"},
            "reboot_time: '4:30' is not a time of day; this task changed nothing; give HH:MM (00:00 to 23:59, "
            "quoted in YAML) or now",
            id="a time of one digit",
        ),
        pytest.param(
            # YAML 1.1 reads 14:30 without quotes as the number of minutes.
            {"reboot_time": "870"},
            "reboot_time: '870' is not a time of day; this task changed nothing; give HH:MM (00:00 to 23:59, "
            "quoted in YAML) or now",
            id="a time that YAML made a number",
        ),
        pytest.param(
            {"reboot_time": "04:30\n"},
            "reboot_time: '04:30\\n' is not a time of day; this task changed nothing; give HH:MM (00:00 to 23:59, "
            "quoted in YAML) or now",
            id="a time with a line break",
        ),
        pytest.param(
            {"upgrade_interval": -1},
            "upgrade_interval: -1 is negative; this task changed nothing; give 0 or more",
            id="a negative interval",
        ),
        pytest.param(
            {"mail_to": "a@b\nc"},
            "mail_to: 'a@b\\nc' holds a control character; this task changed nothing; give it in one line",
            id="an address of two lines",
        ),
    ],
)
def test_a_policy_is_refused(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BaselineError) as error:
        policy({**OPTIONS, **options}, [SECURITY])
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("Yes", True), ("1", True), ("on", True), ("0", False), ("false", False), ("", False)],
)
def test_as_bool(value: str, expected: bool) -> None:
    assert as_bool(value) is expected


def config(*entries: tuple[str, str]) -> AptConfig:
    return AptConfig(entries)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(config((ORIGINS + "::", "o=x"), ("A::Reboot", "true")), ["A::Reboot"], id="a value that differs"),
        pytest.param(config((ORIGINS + "::", "o=x"), ("A::Reboot", "false")), [], id="as requested"),
        pytest.param(config(("A::Reboot", "false")), [ORIGINS], id="an item is missing"),
        pytest.param(
            config((ORIGINS + "::", "o=x"), (ORIGINS + "::", "o=y"), ("A::Reboot", "false")),
            [ORIGINS],
            id="an item too many",
        ),
        pytest.param(config((ORIGINS + "::", "o=x")), ["A::Reboot"], id="a value is missing"),
    ],
)
def test_overridden_keys(found: AptConfig, expected: list[str]) -> None:
    assert overridden_keys(UpgradePolicy({ORIGINS: ("o=x",)}, {"A::Reboot": "false"}), found) == expected


def test_another_spelling_of_true_does_not_defeat() -> None:
    key = "Unattended-Upgrade::Automatic-Reboot"
    assert overridden_keys(UpgradePolicy({}, {key: "true"}), config((key, "1"))) == []


def test_culprits_are_named_by_file_and_line() -> None:
    files = [
        ("/etc/apt/apt.conf.d/99a", parse_file('\nunattended-upgrade::origins-pattern:: "o=x";\nOther "y";')),
        ("/etc/apt/apt.conf.d/99b", parse_file("#clear Unattended-Upgrade;")),
        ("/etc/apt/apt.conf", parse_file('APT::Periodic { Enable "0"; };')),
    ]
    assert overriding_statements(ORIGINS, files) == ["/etc/apt/apt.conf.d/99a:2", "/etc/apt/apt.conf.d/99b:1"]
    assert overriding_statements("APT::Periodic::Enable", files) == ["/etc/apt/apt.conf:1"]


def test_effective_policy_of_stock_debian() -> None:
    found = effective(parse_dump((FIXTURES / "apt-config-dump-debian13").read_text()))
    assert found["origins"][-1] == SECURITY
    assert found == {
        "allow_downgrade": False,
        "allowed_origins": [],
        "allowlist": [],
        "autoclean_interval": 0,
        "blocklist": [],
        "days": [],
        "download_limit": None,
        "enabled": True,
        "fix_interrupted_dpkg": True,
        "install_on_shutdown": False,
        "mail_from": "",
        "mail_report": "on-change",
        "mail_to": "",
        "minimal_steps": True,
        "only_on_ac_power": True,
        "origins": found["origins"],
        "reboot_automatically": False,
        "reboot_time": "now",
        "reboot_with_users": True,
        "remove_new_unused_dependencies": True,
        "remove_unused_dependencies": False,
        "remove_unused_kernels": True,
        "skip_on_metered": True,
        "syslog": False,
        "log_facility": "daemon",
        "update_lists_interval": 1,
        "upgrade_interval": 1,
        "verbose": False,
    }


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_stock_debian_has_no_problem(system: str) -> None:
    found = parse_dump((FIXTURES / f"apt-config-dump-{system}").read_text())
    stock = (FIXTURES / f"50unattended-upgrades-{system}").read_text()
    assert problems(found, [("50unattended-upgrades", parse_file(stock))]) == []


def test_problems() -> None:
    found = config(
        ("APT::Periodic::Enable", "0"),
        ("APT::Periodic::Update-Package-Lists", "0"),
        ("APT::Periodic::Unattended-Upgrade", "0"),
    )
    damaged = parse_file(f'{ORIGINS} {{\n  "o=a,l=b"\n  "o=c";\n}};')
    assert problems(found, [("/etc/apt/apt.conf.d/50x", damaged)]) == [
        "APT::Periodic::Enable is 0: nothing is updated automatically",
        "APT::Periodic::Update-Package-Lists is 0: no update is ever seen",
        "APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically",
        "no origin is allowed: nothing is upgraded automatically",
        "/etc/apt/apt.conf.d/50x:2: the semicolon after 'o=a,l=b' is missing, so apt does not count it in "
        "Unattended-Upgrade::Origins-Pattern",
    ]


def test_the_file_of_a_policy() -> None:
    desired = policy({**OPTIONS, "blocklist": [r"lib.+\+$"]}, [SECURITY])
    assert document(desired) == (
        "// Managed by pyhost.baseline.unattended_upgrades; changes made here are lost.\n"
        "// It sorts after 20auto-upgrades and 50unattended-upgrades, and says the whole policy. See apt.conf(5).\n"
        "#clear Unattended-Upgrade::Allowed-Origins;\n"
        "#clear Unattended-Upgrade::Origins-Pattern;\n"
        "Unattended-Upgrade::Origins-Pattern {\n"
        '    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";\n'
        "};\n"
        "#clear Unattended-Upgrade::Package-Blacklist;\n"
        "Unattended-Upgrade::Package-Blacklist {\n"
        '    "lib.+\\+$";\n'
        "};\n"
        "#clear Unattended-Upgrade::Package-Whitelist;\n"
        "#clear Unattended-Upgrade::Update-Days;\n"
        'APT::Periodic::Enable "1";\n'
        'APT::Periodic::Update-Package-Lists "1";\n'
        'APT::Periodic::Unattended-Upgrade "1";\n'
        'Unattended-Upgrade::Automatic-Reboot "false";\n'
        'Unattended-Upgrade::Automatic-Reboot-Time "now";\n'
        'Unattended-Upgrade::Automatic-Reboot-WithUsers "true";\n'
        'Unattended-Upgrade::Mail "";\n'
        'Unattended-Upgrade::MailReport "on-change";\n'
        "\n"
        "// Note when package lists were fetched, so that old ones are noticed.\n"
        "APT::Update::Post-Invoke-Success:: "
        '"touch /var/lib/apt/periodic/update-success-stamp 2>/dev/null || true";\n'
    )
    # The hooks of others stay: the list is not cleared.
    assert parse_file(document(desired)).statements[-1].kind == "add"
