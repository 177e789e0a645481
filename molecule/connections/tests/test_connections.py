"""The main job over each way to a host: forwarded ports, ssh_config, jump hosts, agents, names, become methods.

Each test looks at both hosts from inside, because the worst that can happen is that the other one was changed.
"""

from __future__ import annotations

import os
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connections import JSON, KEY, Host, Way

# The wrong machine.


@pytest.fixture
def forwarded(way: Way, vm: Host, gateway: Host) -> Way:
    """Port 2201 of the gateway leads to the host; known_hosts has both."""
    gateway.forward(2201, vm.address)
    way.variables = {"ansible_host": gateway.address, "ansible_port": 2201, "ansible_user": "root"}
    way.known_hosts.write_text("")
    way.know(gateway.address, 22, 2201)
    return way


def test_a_forwarded_port_leads_to_the_host(forwarded: Way, vm: Host, gateway: Host) -> None:
    run = forwarded.play()
    assert (run.message, run.reach["port"], vm.is_configured, gateway.is_configured) == ("", 2201, True, False)
    assert (vm.ports, run.sshd["confirmed_by"]["port"]) == ({"22"}, 2201)
    again = forwarded.play()
    assert (again.sshd["changed"], again.tried) == (False, [])


def test_the_gateway_is_not_taken_for_a_host_that_is_down(forwarded: Way, gateway: Host) -> None:
    gateway.run("systemctl stop forward")
    run = forwarded.play()
    assert (run.is_unreachable, run.tried, gateway.is_configured) == (True, [2201], False)


def test_the_gateway_is_known_by_its_key(forwarded: Way, gateway: Host) -> None:
    """The user's own sshd_port makes a second candidate."""
    gateway.run("systemctl stop forward")
    run = forwarded.play(sshd_port=22)
    assert run.message.startswith(
        "another machine answers on port 22: it has none of the host keys that this controller"
    )
    assert not gateway.is_configured


def test_a_gateway_with_the_same_key_is_known_by_its_machine_id(forwarded: Way, vm: Host, gateway: Host) -> None:
    assert forwarded.play().message == ""
    key = vm.run("cat /etc/ssh/ssh_host_ed25519_key")
    public = vm.run("cat /etc/ssh/ssh_host_ed25519_key.pub")
    gateway.run("mkdir -p /root/keys && mv /etc/ssh/ssh_host_* /root/keys/")
    try:
        gateway.run(f"cat >/etc/ssh/ssh_host_ed25519_key <<'END'\n{key}END\nchmod 600 /etc/ssh/ssh_host_ed25519_key")
        gateway.run(f"cat >/etc/ssh/ssh_host_ed25519_key.pub <<'END'\n{public}END\nsystemctl restart ssh")
        gateway.run("systemctl stop forward")
        forwarded.know(gateway.address, 22)
        run = forwarded.play(sshd_port=22)
        assert "another machine answers than in an earlier run" in run.message
        assert not gateway.is_configured
    finally:
        gateway.run("rm /etc/ssh/ssh_host_*; mv /root/keys/* /etc/ssh/; systemctl restart ssh")


# The port.


def ssh_config(way: Way, vm: Host, port: int) -> None:
    config = way.folder / "ssh_config"
    config.write_text(f"Host vm\n HostName {vm.address}\n Port {port}\n")
    way.variables = {
        "ansible_user": "root",
        "ansible_ssh_common_args": way.options(f"-F {config} -o IdentitiesOnly=yes"),
    }


def option(way: Way, vm: Host, port: int) -> None:
    arguments = way.options(f"-o Port={port} -o IdentitiesOnly=yes")
    way.variables = {"ansible_host": vm.address, "ansible_user": "root", "ansible_ssh_common_args": arguments}


def inventory(way: Way, vm: Host, port: int) -> None:
    way.variables = {"ansible_host": vm.address, "ansible_port": port, "ansible_user": "root"}


def inventory_by_another_name(way: Way, vm: Host, port: int) -> None:
    way.variables = {"ansible_host": vm.address, "ansible_ssh_port": port, "ansible_ssh_user": "root"}


Place = t.Callable[[Way, Host, int], None]


@pytest.mark.parametrize("place", [ssh_config, option, inventory, inventory_by_another_name])
def test_sshd_stays_on_the_port_that_it_has(way: Way, vm: Host, place: Place) -> None:
    vm.config("Port 2200")
    way.know(vm.address, 2200)
    place(way, vm, 2200)
    run = way.play()
    assert (run.message, run.reach["port"], vm.ports) == ("", 2200, {"2200"})
    assert run.sshd["confirmed_by"]["port"] == 2200


@pytest.mark.parametrize("place", [ssh_config, option])
def test_a_move_from_the_port_that_ssh_chooses(way: Way, vm: Host, place: Place) -> None:
    vm.config("Port 2200")
    place(way, vm, 2200)
    moved = way.play(sshd_port=2300)
    assert (moved.message, vm.ports, moved.sshd["confirmed_by"]["port"]) == ("", {"2300"}, 2300)
    found = way.play(sshd_port=2300)
    assert (found.message, found.sshd["changed"], found.tried) == ("", False, [2200])


def test_a_port_that_was_set_once_stays(way: Way, vm: Host) -> None:
    assert way.play(sshd_port=2200).message == ""
    way.variables["ansible_port"] = 2200
    run = way.play()
    assert (run.message, run.sshd["changed"], vm.ports) == ("", False, {"2200"})


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param("/bin/true", "_exchange_identification: ", id="closes"),
        pytest.param("/bin/sleep 1000", "timed out during banner exchange", id="says nothing"),
        pytest.param("/bin/echo SSH-1.5-old", "could not read protocol version", id="another protocol"),
    ],
)
def test_what_accepts_on_the_desired_port_is_not_sshd(way: Way, vm: Host, command: str, reason: str) -> None:
    vm.accept(2222, command)
    run = way.play(sshd_port=2222)
    assert (run.reach["port"], run.tried) == (22, [2222])
    assert reason in run.reach["tried"][0]["reason"]
    # The role refuses the port by itself, because a process of root has it.
    assert "port 2222" in run.message and vm.ports == {"22"}


@pytest.mark.parametrize(("old", "new"), [(2200, 2300), (2200, 22)])
def test_a_move_that_known_hosts_cannot_follow_says_the_line(way: Way, vm: Host, old: int, new: int) -> None:
    vm.config(f"Port {old}")
    inventory(way, vm, old)
    way.known_hosts.write_text("")
    way.know(vm.address, old)
    run = way.play(sshd_port=new)
    assert f"knows the host's key for [{vm.address}]:{old} only" in run.message
    assert (vm.is_configured, vm.ports) == (False, {str(old)})
    line = run.sshd["hint"].split("'")[-2]
    with way.known_hosts.open("a") as file:
        file.write(f"{line}\n")
    assert way.play(sshd_port=new).message == ""
    assert vm.ports == {str(new)}
    again = way.play(sshd_port=new)
    assert (again.message, again.sshd["changed"]) == ("", False)


# A jump host.


@pytest.fixture
def jump(way: Way, vm: Host, gateway: Host) -> Way:
    way.know(gateway.address, 22)
    config = way.folder / "ssh_config"
    config.write_text(
        f"Host gateway\n HostName {gateway.address}\n User root\n IdentityFile {KEY}\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {way.known_hosts}\n StrictHostKeyChecking yes\n"
        f"Host vm\n HostName {vm.address}\n ProxyJump gateway\n"
    )
    arguments = way.options(f"-F {config} -o IdentitiesOnly=yes")
    way.variables = {"ansible_user": "root", "ansible_ssh_common_args": arguments}
    return way


def test_a_move_through_a_jump_host(jump: Way, vm: Host) -> None:
    run = jump.play(sshd_port=2222)
    assert (run.message, run.tried, vm.ports) == ("", [2222], {"2222"})
    again = jump.play(sshd_port=2222)
    assert (again.message, again.sshd["changed"], again.tried) == ("", False, [])


def test_a_jump_host_that_forwards_to_port_22_alone(jump: Way, vm: Host, gateway: Host) -> None:
    gateway.config(f"PermitOpen {vm.address}:22")
    run = jump.play(sshd_port=2222, sshd_confirm_timeout=20)
    assert "PermitOpen" in run.message and run.sshd["rolled_back"] is True
    assert vm.ports == {"22"}


@pytest.mark.parametrize(
    ("arguments", "tried", "hint"),
    [
        # As Ansible has it: with ControlPersist, ssh drops what the ssh to the jump host says.
        ("-o ControlMaster=auto -o ControlPersist=5", [2222, 22], "log in to the jump host by itself"),
        ("-o ControlMaster=no", [2222], "this is about the jump host"),
    ],
)
def test_a_jump_host_that_refuses_is_not_taken_for_the_host(
    jump: Way, gateway: Host, arguments: str, tried: list[int], hint: str
) -> None:
    gateway.config("AllowUsers nobody")
    jump.environment = {"ANSIBLE_SSH_ARGS": arguments}
    run = jump.play(sshd_port=2222)
    assert (run.is_unreachable, run.tried) == (True, tried)
    assert hint in run.message


# Users, keys, and a controller that sshd refuses.


def test_the_second_run_comes_in_as_the_admin_where_the_inventory_has_ansible_ssh_user(way: Way, gateway: Host) -> None:
    way.know(gateway.address, 22)
    way.variables = {"ansible_host": gateway.address, "ansible_ssh_user": "root"}
    first, second = way.play(**admin(KEY)), way.play(**admin(KEY))
    assert (first.message, second.message) == ("", "")
    assert (first.reach["user"], second.reach["user"], second.sshd["changed"]) == ("root", "deploy", False)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An agent with ten keys that no host knows."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        environment = {"SSH_AUTH_SOCK": str(socket)}
        for number in range(10):
            file = tmp_path / f"key{number}"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
            while not socket.exists():
                pass
            subprocess.run(["ssh-add", "-q", str(file)], check=True, env={**os.environ, **environment})
        yield environment
        process.terminate()


def test_ten_keys_in_the_agent_come_before_the_named_one(way: Way, vm: Host, agent: dict[str, str]) -> None:
    way.environment = agent
    way.variables["ansible_ssh_common_args"] = way.options()
    run = way.play()
    assert run.is_unreachable and "Too many authentication failures" in run.message
    assert "-o IdentitiesOnly=yes" in run.reach["hint"] and "ansible_ssh_common_args" in run.reach["hint"]
    vm.run("systemctl restart ssh")
    way.variables["ansible_ssh_common_args"] = way.options("-o IdentitiesOnly=yes")
    assert way.play().message == ""


def test_a_controller_that_sshd_refuses_for_a_while(way: Way, vm: Host) -> None:
    vm.config("PerSourcePenalties authfail:60s min:1s")
    way.variables["ansible_user"] = "nobody"
    assert way.play().is_unreachable
    way.variables["ansible_user"] = "root"
    run = way.play()
    assert run.is_unreachable and "PerSourcePenalties" in run.reach["hint"]
    assert "--private-key" not in run.message


def test_a_host_that_was_installed_anew_where_the_check_is_off(way: Way, vm: Host) -> None:
    other = (way.folder / "other").resolve()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    kind, key, *_comment = other.with_suffix(".pub").read_text().split()
    way.known_hosts.write_text(f"{vm.address} {kind} {key}\n")
    way.variables["ansible_ssh_common_args"] = way.options("-o IdentitiesOnly=yes", strict="ask")
    candidate = {"admin_user_name": "nobody-yet", "admin_user_authorized_keys": ["x"]}

    checked = way.play(**candidate)
    assert checked.is_unreachable and len(checked.tried) == 1
    assert "Host key for" in checked.message and "has changed" in checked.message

    way.environment = {"ANSIBLE_HOST_KEY_CHECKING": "false"}
    del way.variables["ansible_ssh_common_args"]
    way.variables["ansible_ssh_common_args"] = (
        f"-o UserKnownHostsFile={way.known_hosts} -o GlobalKnownHostsFile=none -o IdentitiesOnly=yes"
    )
    unchecked = way.play(**candidate)
    assert (unchecked.message, unchecked.reach["user"], len(unchecked.tried)) == ("", "root", 1)
    assert "is another one than this controller knows" in " ".join(unchecked.reach["warnings"])


# A change that opens the access of the admin: it cannot be verified before.

ELSEWHERE = "/etc/ssh/authorized_keys/%u"


@pytest.mark.parametrize(
    ("present", "settings", "key_file"),
    [
        # All lines of these add up, so the request has what is there.
        pytest.param("AllowUsers root", {"AllowUsers": ["root", "deploy"]}, "", id="AllowUsers"),
        pytest.param("AllowGroups root", {"AllowGroups": ["root", "deploy"]}, "", id="AllowGroups"),
        pytest.param("", {"AuthorizedKeysFile": ELSEWHERE}, ELSEWHERE, id="AuthorizedKeysFile"),
    ],
)
def test_a_change_that_lets_the_admin_in(
    way: Way, vm: Host, present: str, settings: dict[str, t.Any], key_file: str
) -> None:
    vm.remove("deploy")
    if present:
        vm.config(present)
    more = {**admin(KEY), "sshd_settings": settings, "admin_user_key_file": key_file}
    first = way.play(**more)
    assert first.message == ""
    assert (first.reach["user"], first.sshd["confirmed_by"]["user"]) == ("root", "deploy")
    assert "deploy could not log in before the change" in " ".join(first.sshd["warnings"])
    second = way.play(**more)
    assert (second.message, second.reach["user"], second.sshd["changed"]) == ("", "deploy", False)
    if key_file:
        assert vm.run("ls -A /home/deploy/.ssh 2>/dev/null || true") == ""
        assert vm.run("stat -c '%U %a' /etc/ssh/authorized_keys/deploy").strip() == "root 644"


def test_a_change_that_does_not_let_the_admin_in_is_rolled_back(way: Way, vm: Host) -> None:
    """The key is one that this controller does not have."""
    vm.remove("deploy")
    other = way.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    settings = {"AuthorizedKeysFile": ELSEWHERE}
    run = way.play(
        **{**admin(other), "sshd_settings": settings, "admin_user_key_file": ELSEWHERE, "sshd_confirm_timeout": 20}
    )
    assert "Permission denied (publickey" in run.message and run.sshd["rolled_back"] is True
    assert not vm.is_configured
    # Root comes in as before.
    assert way.play().message == ""


def admin(key: Path) -> JSON:
    return {
        "admin_user_name": "deploy",
        "admin_user_authorized_keys": [key.with_suffix(".pub").read_text().strip()],
        "baseline_roles": ["admin_user", "sshd"],
        "sshd_guard_users": ["deploy"],
        "sshd_settings": {},
    }


# A host that is slow, and an address that has a zone.


def test_a_slow_host_passes_with_the_time_that_the_task_gives_it(way: Way, vm: Host) -> None:
    vm.delay_logins(28)
    late = way.play()
    # 10 seconds without a word from the host, which is what the default of sshd_confirm_timeout leaves.
    assert "port 22 timed out" in late.message and not vm.is_configured
    assert "packets are dropped" not in late.message
    assert "the host is too slow for this limit, which grows with the task's own" in late.message
    run = way.play(sshd_confirm_timeout=240)
    assert (run.message, run.sshd["confirmed_by"]["method"]) == ("", "login")
    assert run.sshd["confirmed_by"]["seconds"] >= 28


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("root@fe80::/10", "AllowUsers (root@fe80::/10) does not name root"),
        ("root@fe80::%eth0/10", ""),
        ("root@fe80::*", ""),
    ],
)
def test_a_link_local_address_has_its_zone(way: Way, vm: Host, gateway: Host, pattern: str, says: str) -> None:
    """Through the gateway, which is on the host's link."""
    link = vm.run("ip -6 -o addr show dev eth0 scope link").split()[3].partition("/")[0]
    way.know(gateway.address, 22)
    [line] = [line for line in way.known_hosts.read_text().splitlines() if line.startswith(f"{vm.address} ")]
    with way.known_hosts.open("a") as file:
        file.write(f"on-the-link {line.partition(' ')[2]}\n")
    config = way.folder / "ssh_config"
    config.write_text(
        f"Host gateway\n HostName {gateway.address}\n User root\n IdentityFile {KEY}\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {way.known_hosts}\n StrictHostKeyChecking yes\n"
        f"Host vm\n HostName {link}%%eth0\n HostKeyAlias on-the-link\n ProxyJump gateway\n"
    )
    arguments = way.options(f"-F {config} -o IdentitiesOnly=yes")
    way.variables = {"ansible_user": "root", "ansible_ssh_common_args": arguments}
    run = way.play(sshd_settings={"PermitRootLogin": "prohibit-password", "AllowUsers": [pattern]})
    assert (says in run.message) if says else run.message == ""
    assert vm.is_configured is not bool(says)


# The become method.


@pytest.mark.parametrize("method", ["su", "doas"])
def test_an_account_is_made_whole_by_another_become_method(way: Way, vm: Host, method: str) -> None:
    """Neither gives root a PATH with the folders of visudo and useradd."""
    vm.remove("deploy")
    vm.remove("ann")
    vm.run(
        "useradd -m -s /bin/sh ann; echo 'root:correct horse' | chpasswd\n"
        "install -d -m 700 -o ann -g ann /home/ann/.ssh\n"
        "install -m 600 -o ann -g ann /root/.ssh/authorized_keys /home/ann/.ssh/\n"
        "command -v doas >/dev/null || { apt-get -q update && apt-get -qy install opendoas; } >/tmp/log 2>&1\n"
        "echo 'permit nopass ann as root' >/etc/doas.conf; chmod 600 /etc/doas.conf"
    )
    way.variables.update(ansible_user="ann", ansible_become=True, ansible_become_method=method)
    if method == "su":
        way.variables["ansible_become_password"] = "correct horse"
    way.environment = {"ANSIBLE_BECOME_PLUGINS": str(Path(__file__).parents[1] / "become_plugins")}
    more = {**admin(KEY), "sshd_guard_users": ["ann"]}
    run = way.play(**more)
    assert (run.message, run.sshd["confirmed_by"]["user"], run.sshd["confirmed_by"]["sudo"]) == ("", "ann", True)
    assert "(ALL : ALL) NOPASSWD: ALL" in vm.run("sudo -n -l -U deploy")
    assert any(f"ann becomes root by {method}, whose rules are not read" in text for text in run.sshd["warnings"])
    again = way.play(**more)
    assert (again.message, again.sshd["changed"]) == ("", False)


def test_who_becomes_root_by_su_is_not_asked_for_a_rule_of_sudo(way: Way, vm: Host) -> None:
    vm.run(
        "id ann >/dev/null 2>&1 || useradd -m -s /bin/sh ann; echo 'root:correct horse' | chpasswd\n"
        "install -d -m 700 -o ann -g ann /home/ann/.ssh\n"
        "install -m 600 -o ann -g ann /root/.ssh/authorized_keys /home/ann/.ssh/\n"
        "rm -f /etc/sudoers.d/*ann*"
    )
    way.variables.update(ansible_user="ann", ansible_become_method="su", ansible_become_password="correct horse")
    run = way.play(sshd_guard_users=["ann"], sshd_settings={})
    assert (run.message, run.sshd["confirmed_by"]["user"], run.sshd["confirmed_by"]["sudo"]) == ("", "ann", True)
    assert any("ann becomes root by su, whose rules are not read" in text for text in run.sshd["warnings"])


# On the host itself.


@pytest.mark.parametrize(
    ("variable", "runs"), [("", ["--check", "", ""]), ("UNKNOWN 65535 UNKNOWN 65535", [""]), ("a b c d", ["--check"])]
)
def test_a_run_on_the_host_itself(vm: Host, variable: str, runs: list[str]) -> None:
    """From a console, cloud-init or ansible-pull: no connection of SSH. Debian's ansible-core plays a copy."""
    vm.run(
        "command -v ansible-playbook >/dev/null || { apt-get -q update && apt-get -qy --no-install-recommends install "
        "ansible-core; } >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }"
    )
    container = vm.container
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "--prefix=collections/ansible_collections/pyhost/baseline/", "HEAD"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
    ).stdout
    container.put_archive("/root", archive)
    site = "collections/ansible_collections/pyhost/baseline/playbooks/site.yml"
    variables = (
        '{"baseline_roles": ["sshd"], "sshd_guard_users": ["root"], "sshd_crypto": "hardened", '
        '"sshd_settings": {"PermitRootLogin": "prohibit-password"}}'
    )
    environment = "-E HOME=/root -E ANSIBLE_COLLECTIONS_PATH=/root/collections" + (
        f" -E 'SSH_CONNECTION={variable}'" if variable else ""
    )
    for check in runs:
        said = vm.run(
            f"cd /root; systemd-run -q --pipe --wait -p WorkingDirectory=/root {environment} "
            f"ansible-playbook -i localhost, -c local {site} -e '{variables}' {check} 2>&1"
        )
        assert "failed=0" in said, said
    assert vm.is_configured is ("" in runs)
    assert ("changed=0" in said) is (len(runs) > 1), said
