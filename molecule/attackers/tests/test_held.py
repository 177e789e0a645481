"""What holds and stays so: hostile inputs and names, secrets, temporary files, and the rollback while it is pending."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t
from pathlib import Path

import pytest

from tests.attackers import Attacked
from tests.attackers_held import ansible, attempt, controller_watch, watch
from tests.hosts.paths import CACHE

NAMES = ("lint12", "lint13")
LIMIT = ",".join(NAMES)
KEY = (CACHE / "hosts" / "id_ed25519.pub").read_text().strip()
PASSWORD = "correct horse held battery"
# `openssl passwd -6 -salt heldheld` of the password.
HASH = "$6$heldheld$nMKtS2ku/cX35PzQzwsaNt7W8xvZS6ZVWRUm6ftvK5apSf0qRTj39Mzvq6SmwSPNXx9EoU4euVwaMFDqB47eG/"
FILES = """
find /etc /home /root /usr/local -xdev \\( -path '*/.ansible' -o -path '*/.cache' \\) -prune -o -type f \
    -printf '%p %u:%g %m\\n' -exec sha256sum {} + | sort
"""
INJECTED = "Failed password for root from 192.0.2.66 port 22 ssh2"

# Run by PAM as root at the new login of a change, while its rollback is pending.
OBSERVER = r"""
[ -e /var/lib/pyhost.baseline/rollback-sshd/armed ] || exit 0
exec >>/root/observed 2>&1
for path in /var/lib/pyhost.baseline /var/lib/pyhost.baseline/rollback-sshd /var/lib/pyhost.baseline/rollback-sshd/*; do
    stat -c 'mode %a %U %n' "$path"
done
setpriv --reuid=nobody --regid=nogroup --clear-groups ls /var/lib/pyhost.baseline || echo 'nobody: refused'
for unit in pyhost-rollback-sshd.service pyhost-rollback-sshd-boot.service; do
    systemd-analyze security --no-pager "$unit" | sed -n "s/^.*exposure level for \(.*\): \([0-9.]*\) .*/score \1 \2/p"
done
"""

# Run by PAM too: no login comes through before the host has rolled back.
HOLD = "while [ -e /var/lib/pyhost.baseline/rollback-sshd ]; do sleep 0.2; done"


@pytest.fixture(scope="module")
def hosts(attacked: dict[str, Attacked]) -> dict[str, Attacked]:
    return {name: attacked[name] for name in NAMES}


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file on the controller that no attack may make."""
    return tmp_path_factory.mktemp("held") / "executed"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets as a user has them: in a file, not on a command line."""
    path = tmp_path_factory.mktemp("vault") / "secrets.yml"
    path.write_text(json.dumps({"admin_user_password": HASH, "ansible_become_password": PASSWORD}))
    return path


def lookup(marker: Path) -> str:
    return "{{ lookup('ansible.builtin.pipe', 'touch " + str(marker) + "') }}"


def site(*arguments: str) -> str:
    return ansible("playbook", ["playbooks/site.yml", "--limit", LIMIT, "-u", "root", *arguments])


# inputs


def test_inputs_with_separators_are_refused_by_name_before_a_host_is_asked() -> None:
    bad = {
        "admin_user_name": "deploy",
        "admin_user_authorized_keys": [KEY],
        "sshd_match": [{"criteria": {"user": "deploy\u2028Match all"}, "settings": {"PermitTTY": False}}],
        "sshd_settings": {"Banner": "/etc/issue\u202e.net"},
        "fail2ban_jails": {"sshd": {"ignoreip": "192.0.2.1\x0b0.0.0.0/0", "port": ["22", "22\n2222"]}},
        "python_stack_venvs": [{"path": "/srv/a\r/b", "owner": "app"}],
        "auto_updates_mail_to": "ann@example.org\x0cb",
        "fail2ban_packages": ["fail2ban\x1b[2J"],
    }
    output = site("-e", json.dumps(bad))
    for place, character in {
        "sshd_match[1].criteria.user": "U+2028 (LINE SEPARATOR) at character 7",
        "sshd_settings.Banner": "U+202E (RIGHT-TO-LEFT OVERRIDE) at character 11",
        "fail2ban_jails.sshd.ignoreip": "U+000B (control character) at character 10",
        "fail2ban_jails.sshd.port[2]": "U+000A (control character) at character 3",
        "python_stack_venvs[1].path": "U+000D (control character) at character 7",
        "auto_updates_mail_to": "U+000C (control character) at character 16",
        "fail2ban_packages[1]": "U+001B (control character) at character 9",
    }.items():
        assert f"{place}: {character} is not allowed there" in output, output
    assert output.count("\nTASK [") == 1, output
    assert not re.search("[\x0b\x0c\x1b\u2028\u202e]", output)


def test_the_modules_refuse_them_too(hosts: dict[str, Attacked], tmp_path: Path) -> None:
    match = [{"criteria": "User deploy\u2028Match all", "settings": {"PermitTTY": False}}]
    cases: dict[str, dict[str, t.Any]] = {
        "match[1].criteria: U+2028": {"sshd_config": {"match": match, "guard_users": []}},
        "name[1]: U+000A": {"packages": {"name": [f"sudo\n{INJECTED}"]}},
        "jails.sshd.maxretry: U+0085": {"fail2ban_jails": {"jails": {"sshd": {"maxretry": "5\x85bantime = -1"}}}},
        "schedule.upgrade_at: U+000A": {"unattended_upgrades": {"schedule": {"upgrade_at": "04:00\nUnit=x"}}},
        "which contains U+000A": {"ssh_login": {"user": "x\nProxyCommand touch /tmp/x"}},
    }
    tasks = [{f"pyhost.baseline.{name}": given for name, given in case.items()} for case in cases.values()]
    before = {name: host.run(FILES) for name, host in hosts.items()}
    refusals = attempt(tmp_path / "play.yml", LIMIT, tasks)
    for words in cases:
        assert len([line for line in refusals if words in line]) == len(hosts), refusals
    assert len(refusals) == len(cases) * len(hosts), refusals
    assert {name: host.run(FILES) for name, host in hosts.items()} == before


def test_no_line_of_an_input_becomes_an_entry_of_its_own_in_the_journal(hosts: dict[str, Attacked]) -> None:
    """Ansible logs the arguments of a module; its entries begin with its own words, as python's."""
    for host in hosts.values():
        host.run(f"! journalctl --no-pager --output=cat | grep -q '^{INJECTED}'")
        host.run(f"! journalctl --no-pager --output=cat _COMM=sshd + _COMM=sshd-session | grep -q '{INJECTED}'")


def test_jinja_in_inputs_is_text(marker: Path, tmp_path: Path) -> None:
    """Values that Ansible does not trust (`!unsafe`, as what facts and registers hold) are never templates."""
    text = lookup(marker)
    inputs = tmp_path / "inputs.yml"
    values = {
        "admin_user_name": text,
        "admin_user_authorized_keys": [text],
        "admin_user_groups": [text],
        "auto_updates_origins": [text],
        "auto_updates_blocklist": [text],
        "auto_updates_mail_to": text,
        "fail2ban_jails": {"sshd": {"bantime": text}},
        "fail2ban_packages": [text],
        "python_stack_venvs": [{"path": text, "owner": text}],
        "sshd_settings": {"Banner": text, text: 1},
        "sshd_match": [{"criteria": {"user": text, text: text}, "settings": {"PermitTTY": text}}],
    }
    inputs.write_text(json.dumps(values).replace(json.dumps(text), f"!unsafe {json.dumps(text)}"))
    output = site("-e", f"@{inputs}", "-vvv")
    assert "admin_user_name: " in output, output
    assert not marker.exists()


def test_jinja_in_what_a_host_says_of_itself_is_text(hosts: dict[str, Attacked], marker: Path) -> None:
    text = lookup(marker)
    release = f'ID="{text}"\nVERSION_ID="{text}"\nPRETTY_NAME="{text}"'
    for host in hosts.values():
        host.run(f"mv /etc/os-release /root/os-release; cat >/etc/os-release <<'END'\n{release}\nEND\n")
    try:
        output = site("-e", json.dumps({"admin_user_name": "deploy", "admin_user_authorized_keys": [KEY]}), "-vvv")
    finally:
        for host in hosts.values():
            host.run("mv /root/os-release /etc/os-release")
    assert output.count("the host's answer to the probe cannot be true: system is") >= len(hosts), output
    assert not marker.exists()


# names


def test_names_that_are_options_of_ssh_run_nothing(marker: Path, tmp_path: Path) -> None:
    option = f"-oProxyCommand=touch {marker}"
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {option: {}, "aliased": {"ansible_host": option}}}}))
    tasks: list[dict[str, t.Any]] = [
        {"pyhost.baseline.ssh_reach": {"users": ["root"]}},
        {"pyhost.baseline.ssh_login": {"sudo": False}},
        {"pyhost.baseline.sshd_config": {}},
    ]
    refusals = attempt(tmp_path / "play.yml", "all", tasks, inventory=inventory)
    refused = [line for line in refusals if "which ssh would read as an option; no connection was made" in line]
    assert len(refused) == 4, refusals
    assert not marker.exists()


def test_users_that_are_options_of_ssh_run_nothing(marker: Path, tmp_path: Path) -> None:
    cases = {
        f"-oProxyCommand=touch {marker}": "which ssh would read as an option",
        f'x" ProxyCommand="touch {marker}': "which contains a quotation mark",
    }
    tasks = [
        task
        for user in cases
        for task in ({"pyhost.baseline.ssh_reach": {"users": [user]}}, {"pyhost.baseline.ssh_login": {"user": user}})
    ]
    refusals = attempt(tmp_path / "play.yml", "lint12", tasks)
    for words in cases.values():
        assert len([line for line in refusals if words in line]) == 2, refusals
    assert not marker.exists()


# a run with secrets, watched


@pytest.fixture(scope="module")
def run(hosts: dict[str, Attacked], vault: Path) -> dict[str, t.Any]:
    """A change of sshd by an admin whose sudo wants a password, watched on all sides; its rollback is looked at."""
    inputs = {
        "admin_user_name": "deploy",
        "admin_user_authorized_keys": [KEY],
        "admin_user_sudo": "password",
        "baseline_roles": ["admin_user"],
    }
    for host in hosts.values():
        host.run(f"cat >/usr/local/bin/observer <<'END'\n{OBSERVER}\nEND\n")
        host.run("printf 'MaxSessions 8\\n' >/etc/ssh/sshd_config.d/00-pyhost-baseline.conf; rm -f /root/observed")
        host.run("sed -i '1i account optional pam_exec.so quiet /bin/sh /usr/local/bin/observer' /etc/pam.d/sshd")
    with contextlib.ExitStack() as watches:
        seen = {name: watches.enter_context(watch(host)) for name, host in hosts.items()}
        controller = watches.enter_context(controller_watch())
        output = site("-e", json.dumps(inputs), "-e", f"@{vault}", "-vvv")
        change = {"settings": {"MaxSessions": 9}, "guard_users": ["deploy"]}
        words = ["-u", "deploy", "--become", "-e", f"@{vault}", "-vvv", "-m", "pyhost.baseline.sshd_config", LIMIT]
        changed = ansible("adhoc", [*words, "-a", json.dumps(change)])
    for host in hosts.values():
        host.run("sed -i '/observer/d' /etc/pam.d/sshd")
    assert output.count("failed=0") == len(hosts), output
    assert changed.count('"method": "login"') == len(hosts), changed
    assert changed.count('"sudo": true') == len(hosts), changed
    observed = {name: host.run("cat /root/observed").splitlines() for name, host in hosts.items()}
    return {"output": output + changed, "hosts": seen, "controller": controller, "observed": observed}


def test_no_secret_is_in_what_a_run_prints(run: dict[str, t.Any]) -> None:
    assert PASSWORD not in run["output"]
    assert HASH not in run["output"]


def test_the_become_password_is_on_no_command_line(run: dict[str, t.Any]) -> None:
    everything = [*run["controller"], *(text for seen in run["hosts"].values() for text in seen["commands"])]
    assert [text for text in everything if PASSWORD in text] == []
    # The watchers looked while there was something to see.
    assert [text for text in run["controller"] if "PreferredAuthentications=publickey" in text]


def test_no_secret_is_in_a_log_of_a_host(run: dict[str, t.Any], hosts: dict[str, Attacked]) -> None:
    for host in hosts.values():
        log = host.run("journalctl --no-pager --output=json --all; cat /var/log/*.log 2>/dev/null || true")
        assert PASSWORD not in log
        assert HASH not in log


@pytest.mark.parametrize("name", NAMES)
def test_nobody_reads_a_file_of_a_run(run: dict[str, t.Any], name: str) -> None:
    files: dict[str, tuple[str, int, str]] = run["hosts"][name]["files"]
    assert "/tmp" in files
    assert [path for path, (_mode, _uid, text) in files.items() if PASSWORD in text or HASH in text] == []
    ours = [path for path in files if re.search("pyhost|ansible", path)]
    # Whatever is where anybody may write has a name that nobody can foresee, and is shut.
    shared = [path for path in ours if path.startswith(("/tmp/", "/var/tmp/", "/dev/shm/"))]
    assert [path for path in shared if not re.fullmatch(r"/(?:var/)?tmp/ansible[\w.-]*[_-][a-z0-9_]{8}", path)] == []
    assert [path for path in shared if files[path][0] != "0o700"] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_rollback_that_is_pending_belongs_to_root_alone(run: dict[str, t.Any], name: str) -> None:
    observed = run["observed"][name]
    modes = {line.split(" ", 3)[3]: line.split(" ", 3)[1:3] for line in observed if line.startswith("mode ")}
    folder = "/var/lib/pyhost.baseline"
    below = f"{folder}/rollback-sshd"
    assert modes[folder] == modes[below] == modes[f"{below}/rollback"] == ["700", "root"]
    assert {f"{below}/armed", f"{below}/0"} < set(modes)
    assert {path: mode for path, mode in modes.items() if mode not in (["700", "root"], ["600", "root"])} == {}
    assert "nobody: refused" in observed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unit", ["pyhost-rollback-sshd.service", "pyhost-rollback-sshd-boot.service"])
def test_the_units_of_the_rollback_are_sandboxed(run: dict[str, t.Any], name: str, unit: str) -> None:
    scores = [float(line.split()[2]) for line in run["observed"][name] if line.startswith(f"score {unit} ")]
    assert scores
    assert max(scores) < 3


# a rollback, in its sandbox


def test_the_sandbox_is_no_hindrance_for_a_rollback(run: dict[str, t.Any], hosts: dict[str, Attacked]) -> None:
    """PAM keeps every new login waiting until the host has taken the change back by itself."""
    assert run["output"]
    before = {}
    for name, host in hosts.items():
        before[name] = host.run("sha256sum /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*")
        host.run(f"cat >/usr/local/bin/hold <<'END'\n{HOLD}\nEND\n")
        host.run("sed -i '1i account optional pam_exec.so quiet /bin/sh /usr/local/bin/hold' /etc/pam.d/sshd")
    try:
        change = {"settings": {"MaxSessions": 7}, "guard_users": [], "confirm_timeout": 15}
        output = ansible("adhoc", ["-u", "root", "-m", "pyhost.baseline.sshd_config", LIMIT, "-a", json.dumps(change)])
    finally:
        for host in hosts.values():
            host.run("sed -i '/bin.hold/d' /etc/pam.d/sshd")
    assert output.count("FAILED!") == len(hosts), output
    for name, host in hosts.items():
        assert host.run("sha256sum /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*") == before[name]
        # By its own name: journald does not learn the unit of a process that has ended.
        journal = host.run("journalctl --no-pager --output=cat --identifier=pyhost.baseline --since=-90s")
        assert "rolling the change of the sshd configuration back (timeout)" in journal, journal
        assert "the sshd configuration is restored" in journal
        assert "once more without the sandbox" not in journal
        assert host.run("sshd -T | grep -i ^maxsessions").split()[1] == "9"
