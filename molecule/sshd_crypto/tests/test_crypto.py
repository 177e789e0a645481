"""The crypto profiles of sshd, audited by ssh-audit from a second host, and a client without the remaining keys.

Each of the two hosts audits the other. The tests follow each other: hardened, system, hardened again, strict.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path

import docker
import pytest
import ssh_audit
import yaml

from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS, KEY, ROOT

FLEET = "molecule-sshd_crypto"
INVENTORY = FLEETS / FLEET / "inventory.yml"
CONVERGE = Path(__file__).parents[1] / "converge.yml"
HOSTS = ("debian12", "debian13")
OTHER = {"debian12": "debian13", "debian13": "debian12"}
POLICY = {"debian12": "Hardened Debian 12 (version 3)", "debian13": "Hardened Debian 13 (version 1)"}
LISTS = (
    r"sshd -T %s | grep -E '^(ciphers|macs|kexalgorithms|hostkeyalgorithms|pubkeyaccepted|casignature|moduli|hostkey) '"
)
SNAPSHOT = """
find /etc/ssh -type f -exec sha256sum {} + | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
"""

each_host = pytest.mark.parametrize("name", HOSTS)


@pytest.fixture(scope="module")
def run() -> t.Callable[[str, str], str]:
    """Run a script inside a host, past sshd and the network."""
    client: docker.DockerClient = engine.connect()

    def inside(name: str, script: str) -> str:
        status, words = fleet.execute(fleet.find(client, FLEET, name), script)
        assert status == 0, f"{name}: {script}: {words}"
        return words

    with io.BytesIO() as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(Path(ssh_audit.__file__).parent, "ssh_audit")
        for name in HOSTS:
            inside(name, "mkdir -p /opt/ssh-audit")
            assert fleet.find(client, FLEET, name).put_archive("/opt/ssh-audit", packed.getvalue())
    return inside


def address(name: str) -> str:
    return str(yaml.safe_load(INVENTORY.read_text())["all"]["hosts"][name]["ansible_host"])


def audit(run: t.Callable[[str, str], str], name: str, options: str) -> str:
    """Let the other host audit ``name``; what ssh-audit finds decides its exit status, and a bad one fails here."""
    return run(OTHER[name], f"cd /opt/ssh-audit && python3 -m ssh_audit --skip-rate-test {options} {address(name)}")


def play(**variables: t.Any) -> str:
    """Play the scenario's play with ``variables``; return what it printed on one line, as its messages are folded."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
    }
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(INVENTORY), str(CONVERGE)]
    argv += ["-u", "root", "-e", json.dumps(variables)]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    return " ".join((done.stdout + done.stderr).split())


def fingerprint(run: t.Callable[[str, str], str], name: str, path: str) -> tuple[int, str]:
    bits, words = run(name, f"ssh-keygen -l -f {path}").split()[:2]
    return int(bits), words


@each_host
def test_ssh_audit_finds_nothing_in_the_roles_defaults(run: t.Callable[[str, str], str], name: str) -> None:
    report = json.loads(audit(run, name, "-jj"))
    found = {kind: report[kind] for kind in ("kex", "key", "enc", "mac")}
    assert all(found.values()), "ssh-audit saw nothing at all"
    notes = {entry["algorithm"]: entry["notes"] for entries in found.values() for entry in entries}
    assert {name: said for name, said in notes.items() if {"fail", "warn"} & set(said)} == {}


@each_host
def test_the_other_host_is_shown_no_weak_key(run: t.Callable[[str, str], str], name: str) -> None:
    """ssh-audit has none of these key exchanges itself, so a real client asks for each type of key."""
    scan = f"ssh-keyscan -t %s {address(name)} 2>/dev/null | cut -d' ' -f2"
    assert "ecdsa" not in run(OTHER[name], scan % "ecdsa")
    assert run(OTHER[name], scan % "ed25519,rsa").split().count("ssh-ed25519") == 1
    assert run(OTHER[name], scan % "rsa").split().count("ssh-rsa") == 1


def test_a_missing_host_key_is_back(run: t.Callable[[str, str], str]) -> None:
    path = "/etc/ssh/ssh_host_rsa_key"
    assert fingerprint(run, "debian13", path)[0] == 4096
    assert run("debian13", f"stat -c '%a %U %G' {path} {path}.pub").splitlines() == ["600 root root", "644 root root"]
    # It is the one that clients are shown, not only one on the disk.
    shown = run("debian12", f"ssh-keyscan -t rsa {address('debian13')} 2>/dev/null | ssh-keygen -l -f -")
    assert fingerprint(run, "debian13", path)[1] in shown


def test_a_present_host_key_stays(run: t.Callable[[str, str], str]) -> None:
    assert fingerprint(run, "debian12", "/etc/ssh/ssh_host_rsa_key")[0] == 3072


def test_what_openssh_does_not_know_is_said(run: t.Callable[[str, str], str]) -> None:
    dropin = run("debian12", "cat /etc/ssh/sshd_config.d/00-pyhost-baseline.conf")
    assert "# KexAlgorithms: this OpenSSH does not know mlkem768x25519-sha256\n" in dropin
    assert "does not know" not in run("debian13", "cat /etc/ssh/sshd_config.d/00-pyhost-baseline.conf")


def test_the_crypto_policy_loses(run: t.Callable[[str, str], str]) -> None:
    lists = run("debian12", LISTS % "")
    assert "kexalgorithms sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com\n" in lists
    assert (
        "hmac-sha1" not in lists and "ecdsa-sha2-nistp256" not in lists.split("hostkeyalgorithms ")[1].splitlines()[0]
    )


def test_system_leaves_all_to_the_distribution(run: t.Callable[[str, str], str]) -> None:
    output = play(sshd_crypto="system")
    assert output.count("changed=1") == 2, output
    assert run("debian13", LISTS % "") == run("debian13", LISTS % "-f /dev/null")
    lists = run("debian12", LISTS % "").splitlines()
    policy = run("debian12", "cat /etc/crypto-policies/back-ends/opensshserver.config").splitlines()
    for line in policy:
        keyword, value = line.split()
        assert f"{keyword.lower()} {value}" in lists


def test_a_controller_that_knows_the_weak_key_alone_is_not_shut_out(
    run: t.Callable[[str, str], str], tmp_path: Path
) -> None:
    """Nothing is changed and nothing is trusted unseen; the commands in the message solve the problem."""
    before = {name: run(name, SNAPSHOT) for name in HOSTS}
    known = tmp_path / "known_hosts"
    for name in HOSTS:
        kind, blob = run(name, "cat /etc/ssh/ssh_host_ecdsa_key.pub").split()[:2]
        known.write_text((known.read_text() if known.exists() else "") + f"{address(name)} {kind} {blob}\n")
    options = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    alone = {
        "ansible_ssh_common_args": f"{options} -o UpdateHostKeys=no",
        "ansible_control_path_dir": str(tmp_path / "cp"),
    }
    output = play(**alone)
    assert output.count("failed=1") == 2, output
    assert output.count("this controller knows none of the host keys that root@") >= 2, output
    assert {name: run(name, SNAPSHOT) for name in HOSTS} == before
    assert known.read_text().count("ssh-ed25519") == 0
    for name in HOSTS:
        login = f"ssh -F none -i {KEY} {options} -o UpdateHostKeys=yes root@{address(name)} true"
        subprocess.run(login.split(), check=True, timeout=20, stdin=subprocess.DEVNULL)
    assert known.read_text().count("ssh-ed25519") == 2
    output = play(**alone)
    assert output.count("changed=1") == 2, output


def test_strict_refuses_before_it_shuts_a_key_out(run: t.Callable[[str, str], str]) -> None:
    before = {name: run(name, SNAPSHOT) for name in HOSTS}
    for name in HOSTS:
        run(
            name,
            "useradd -m -s /bin/bash -p '*' old && install -d -m 700 -o old /home/old/.ssh && cd /home/old/.ssh && "
            "ssh-keygen -q -t ecdsa -N '' -f a && ssh-keygen -q -t rsa -b 2048 -N '' -f b && "
            "cat a.pub b.pub > authorized_keys",
        )
    output = play(sshd_crypto="strict", sshd_guard_users=["root", "old"])
    assert output.count("failed=1") == 2, output
    reason = "ecdsa-sha2-nistp256 is not accepted, one has 2048 bits, less than RequiredRSASize 3072"
    assert output.count(reason) >= 2, output
    assert {name: run(name, SNAPSHOT) for name in HOSTS} == before


@pytest.fixture(scope="module")
def strict(run: t.Callable[[str, str], str]) -> dict[str, t.Any]:
    path = "/etc/ssh/ssh_host_rsa_key"
    old = {name: fingerprint(run, name, path) for name in HOSTS}
    output = play(sshd_crypto="strict")
    assert output.count("changed=1") == 2, output
    return {"output": output, "old": old, "new": {name: fingerprint(run, name, path) for name in HOSTS}}


@each_host
def test_strict_passes_ssh_audits_policy(run: t.Callable[[str, str], str], strict: dict[str, t.Any], name: str) -> None:
    assert "Passed" in audit(run, name, f"-P '{POLICY[name]}'")
    # With its key exchanges alone, ssh-audit sees no sizes on Debian 13.
    assert strict["new"][name][0] == 4096


def test_strict_shows_the_keys_that_it_replaced(run: t.Callable[[str, str], str], strict: dict[str, t.Any]) -> None:
    old, new, output = strict["old"], strict["new"], strict["output"]
    assert old["debian13"] == new["debian13"]
    found = re.search(
        r"host key /etc/ssh/ssh_host_rsa_key was replaced: ssh-rsa 3072 (\S+) \(kept in (\S+)\) by ssh-rsa 4096 (\S+)",
        output,
    )
    assert found and (found.group(1), found.group(3)) == (old["debian12"][1], new["debian12"][1])
    assert fingerprint(run, "debian12", found.group(2)) == old["debian12"]
    assert run("debian12", f"stat -c %a {found.group(2)}").strip() == "600"


def test_strict_has_large_moduli_alone(run: t.Callable[[str, str], str], strict: dict[str, t.Any]) -> None:
    (path,) = re.findall(r"^modulifile (\S+)", run("debian12", "sshd -T"), re.MULTILINE)
    sizes = {int(line.split()[4]) for line in run("debian12", f"cat {path}").splitlines()}
    assert min(sizes) >= 3071
    # A changed file of the package would stop dpkg with a question at its next upgrade.
    assert run("debian12", "dpkg --verify openssh-client openssh-server") == ""


def test_strict_a_second_time_changes_nothing(run: t.Callable[[str, str], str], strict: dict[str, t.Any]) -> None:
    before = {name: run(name, SNAPSHOT) for name in HOSTS}
    output = play(sshd_crypto="strict")
    assert output.count("changed=0") == 2, output
    assert {name: run(name, SNAPSHOT) for name in HOSTS} == before
