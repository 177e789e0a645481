"""Fleets: a named group of hosts that is started, listed in an inventory and removed together."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import time
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

import docker
import yaml
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from tests.hosts import images
from tests.hosts.engine import EngineError
from tests.hosts.paths import FLEETS, KEY, ROOT

# The flags under which systemd, sshd, journald and nftables work for real without --privileged.
CAPABILITIES = ["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE", "AUDIT_WRITE", "AUDIT_CONTROL"]
SECURITY = ["seccomp=unconfined", "apparmor=unconfined"]
TMPFS = {"/run": "", "/run/lock": "", "/tmp": "exec"}
# The engine's bridge has IPv4 alone, and docker switches IPv6 off with it: a host has it, with ::1 and fe80:: at least.
IPV6 = {f"net.ipv6.conf.{name}.disable_ipv6": "0" for name in ("all", "default")}
LABEL = "pyhost.baseline.fleet"
# A limit, not a measure: three scenarios start side by side on two cores.
BOOT_SECONDS = 180
LOST_AT_MOST = 5
KEPT = "/run"
# In the words of systemd, also where sysvinit is process 1, which has booted when the last of its scripts has ended.
_STATE = """
if [ -d /run/systemd/system ]; then systemctl is-system-running || true
elif runlevel | grep -q ' 2$' && ! pgrep -x rc >/dev/null; then echo running
else echo starting; fi
"""
# Without host keys the unit has been failing since boot: its start limit is reset, or this start is refused too.
# Red Hat's family makes its host keys at boot.
_RESTART = """
install -d -m 700 /root/.ssh
ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1 || ssh-keygen -q -A
if [ -d /run/systemd/system ]; then
    unit=ssh.service; systemctl -q cat $unit >/dev/null 2>&1 || unit=sshd.service
    systemctl stop $unit; systemctl reset-failed $unit || true; systemctl start $unit
else /etc/init.d/ssh restart; fi
"""


@dataclass(frozen=True)
class Address:
    """One running host: its name in the inventory, its system and its IPv4 address on the engine's bridge."""

    name: str
    system: str
    ip: str


def up(
    client: docker.DockerClient, fleet: str, wanted: t.Mapping[str, str], tags: t.Mapping[str, str] | None = None
) -> Path:
    """Start ``wanted`` (host name → system) as ``fleet``, replacing one of that name; return its inventory's path.

    ``tags`` names the images of the systems, where they are not the bare ones.
    """
    down(client, fleet)
    folder = FLEETS / fleet
    folder.mkdir(parents=True, exist_ok=True)
    public = key()
    if tags is None:
        tags = {system: images.ensure(client, system) for system in sorted(set(wanted.values()))}
    started = {name: _start(client, fleet, name, tags[system]) for name, system in wanted.items()}
    for container in started.values():
        _wait_for_boot(container)
        _prepare(container, public)
    return _describe(fleet, started, wanted)


def _describe(fleet: str, started: dict[str, Container], systems: t.Mapping[str, str]) -> Path:
    """Write down how the hosts of ``fleet`` are reached; return the inventory's path."""
    folder = FLEETS / fleet
    addresses, known = [], []
    for name, container in started.items():
        container.reload()
        running = container.status == "running"
        # A host that is off has no address; it gets one when it is started.
        ip = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] if running else "0.0.0.0"
        addresses.append(Address(name, systems[name], ip))
        known.append(_known_hosts(container, ip) if running else "")
    (folder / "known_hosts").write_text("".join(known))
    control = _control_directory(fleet)
    Path(control).expanduser().mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "ssh_config").write_text(_ssh_config(fleet, addresses, control))
    inventory = folder / "inventory.yml"
    inventory.write_text(_inventory(fleet, addresses, control))
    return inventory


def down(client: docker.DockerClient, fleet: str) -> None:
    """Remove the hosts of ``fleet`` that this clone started, and its folder."""
    for container in client.containers.list(all=True, filters={"label": [f"{LABEL}={_label(fleet)}"]}):
        try:
            container.remove(force=True, v=True)
        except (NotFound, APIError) as error:
            raise EngineError(f"the test host {container.name} cannot be removed: {error}") from error
    shutil.rmtree(FLEETS / fleet, ignore_errors=True)


def stop(client: docker.DockerClient, fleet: str, name: str, *, pull_plug: bool = False) -> None:
    """Switch a host off: an orderly shutdown, or as if its plug were pulled. Its disk stays, /run and /tmp do not."""
    container = find(client, fleet, name)
    if pull_plug:
        container.kill()
        container.wait()
    else:
        container.stop(timeout=30)


def start(client: docker.DockerClient, fleet: str, name: str) -> Path:
    """Switch a host on again, wait for its boot, and write its address anew: the engine may have given it another."""
    container = find(client, fleet, name)
    container.start()
    _wait_for_boot(container)
    hosts = yaml.safe_load((FLEETS / fleet / "inventory.yml").read_text())["all"]["hosts"]
    systems = {host: values["test_system"] for host, values in hosts.items()}
    return _describe(fleet, {host: find(client, fleet, host) for host in systems}, systems)


def cut(client: docker.DockerClient, fleet: str, name: str) -> None:
    """Take the host's network away; the host goes on."""
    _network(find(client, fleet, name), "ip link set eth0 down")


def join(client: docker.DockerClient, fleet: str, name: str) -> None:
    """Give the host its network back, with the address that it had."""
    container = find(client, fleet, name)
    gateway = container.attrs["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
    _network(container, f"ip link set eth0 up; ip route replace default via {gateway}")


def _network(container: Container, script: str) -> None:
    status, words = execute(container, script)
    if status:
        raise EngineError(f"the network of the test host {container.name} cannot be set: {words}")


def find(client: docker.DockerClient, fleet: str, name: str) -> Container:
    """Return the container of a host, running or not: the way into a host whose sshd or network is shut."""
    for container in client.containers.list(all=True, filters={"label": [f"{LABEL}={_label(fleet)}"]}):
        if container.attrs["Config"]["Hostname"] == name:
            return container
    raise EngineError(f"the fleet {fleet!r} has no host {name!r}")


def names(client: docker.DockerClient, fleet: str) -> list[str]:
    """Return the names of the hosts of ``fleet``."""
    found = client.containers.list(all=True, filters={"label": [f"{LABEL}={_label(fleet)}"]})
    return sorted(container.attrs["Config"]["Hostname"] for container in found)


def fleets() -> list[str]:
    return sorted(path.parent.name for path in FLEETS.glob("*/inventory.yml"))


def _label(fleet: str) -> str:
    # Two clones on one machine must not remove each other's hosts.
    return f"{ROOT}:{fleet}"


def key() -> str:
    """Return the public key of the test hosts, making the pair where there is none."""
    KEY.parent.mkdir(parents=True, exist_ok=True)
    # Scenarios, and the hosts of one fleet, start side by side.
    with KEY.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not KEY.with_suffix(".pub").is_file():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pyhost.baseline test hosts", "-f", str(KEY)],
                check=True,
            )
    return KEY.with_suffix(".pub").read_text()


def _start(client: docker.DockerClient, fleet: str, name: str, tag: str) -> Container:
    unified = Path("/sys/fs/cgroup/unified")
    cgroup = unified if unified.is_dir() else Path("/sys/fs/cgroup")
    return client.containers.run(
        tag,
        ["/sbin/init"],
        detach=True,
        hostname=name,
        labels={LABEL: _label(fleet)},
        cap_add=CAPABILITIES,
        security_opt=SECURITY,
        cgroupns="host",
        tmpfs=TMPFS,
        sysctls=IPV6 if Path("/proc/sys/net/ipv6").is_dir() else {},
        volumes={str(cgroup): {"bind": "/sys/fs/cgroup", "mode": "rw"}},
        stop_signal="SIGRTMIN+3",
    )


def execute(container: Container, script: str) -> tuple[int, str]:
    """Run ``script`` by sh in the host, past its sshd; return its exit status and what it printed.

    On a busy machine the engine sometimes loses what a command printed last, all of it where it was little. So the host
    keeps it, and is asked again where its end is missing.
    """
    kept, end = f"{KEPT}/.printed-{uuid.uuid4().hex}", "the end of it"
    shown = f"cat {kept}; printf %s {shlex.quote(end)}"
    status, printed = _exec(container, f"sh -ec {shlex.quote(script)} >{kept} 2>&1; status=$?; {shown}; exit $status")
    for _again in range(LOST_AT_MOST):
        if printed.endswith(end):
            return status, printed[: -len(end)]
        gone, printed = _exec(container, f"test -e {kept} || exit; {shown}")
        if gone:
            break
    # It stopped the host that it ran in.
    return status, printed


def _exec(container: Container, script: str) -> tuple[int, str]:
    api = container.client.api  # type: ignore[union-attr]
    started = api.exec_create(container.id, ["sh", "-c", script])["Id"]
    output = api.exec_start(started)
    # The output may end before the engine knows how the command did.
    while (status := api.exec_inspect(started)["ExitCode"]) is None:
        time.sleep(0.05)
    return status, output.decode(errors="replace")


def _wait_for_boot(container: Container) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    state = "no answer"
    while time.monotonic() < deadline:
        try:
            state = execute(container, _STATE)[1].strip()
        except APIError as error:
            # Every systemd takes some of the machine's inotify instances; one that gets none ends at once.
            raise EngineError(
                f"the test host {container.name} ended while it booted ({error.explanation}); where many hosts run, "
                "raise fs.inotify.max_user_instances (sysctl), or remove some: python -m tests.hosts down FLEET"
            ) from error
        if state in ("running", "degraded"):
            return
        time.sleep(0.2)
    raise EngineError(
        f"the test host {container.name} did not boot within {BOOT_SECONDS} seconds (systemd says {state!r})"
    )


def _prepare(container: Container, public: str) -> None:
    """Give root the key, the host its own host keys, and pip what it needs where the controller needs it too."""
    status, words = execute(container, _RESTART)
    if status:
        raise EngineError(f"the test host {container.name} cannot be prepared: {words}")
    files = {"root/.ssh/authorized_keys": (public, 0o600), **_pip_files()}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, (text, mode) in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    container.put_archive("/", archive.getvalue())


def _pip_files() -> dict[str, tuple[str, int]]:
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    index = os.environ.get("PIP_INDEX_URL")
    settings, files = ["[global]", "disable-pip-version-check = true"], {}
    if bundle and Path(bundle).is_file():
        files["etc/ssl/pyhost-test-ca.pem"] = (Path(bundle).read_text(), 0o644)
        settings.append("cert = /etc/ssl/pyhost-test-ca.pem")
    if index:
        settings.append(f"index-url = {index}")
    if len(settings) > 2:
        files["etc/pip.conf"] = ("\n".join(settings) + "\n", 0o644)
    return files


def _known_hosts(container: Container, ip: str) -> str:
    keys = [line.split()[:2] for line in execute(container, "cat /etc/ssh/ssh_host_*_key.pub")[1].splitlines()]
    # A port move must not look like a new host: the key is known for every port ("[ip]:*" matches what ssh asks for).
    return "".join(f"{ip},[{ip}]:* {kind} {key}\n" for kind, key in keys)


def _inventory(fleet: str, addresses: list[Address], control: str) -> str:
    known = FLEETS / fleet / "known_hosts"
    hosts = {a.name: {"ansible_host": a.ip, "test_system": a.system} for a in addresses}
    options = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    return "---\n" + yaml.safe_dump(
        {
            "all": {
                "hosts": hosts,
                "vars": {
                    "ansible_ssh_private_key_file": str(KEY),
                    "ansible_ssh_common_args": options,
                    "ansible_control_path_dir": control,
                },
            }
        },
        sort_keys=False,
    )


def _control_directory(fleet: str) -> str:
    """Name the folder of a fleet's control sockets: its own, because the engine gives an address to the next host too.

    A socket's path may have 108 bytes at most (unix(7)), so it stays out of the clone, whose path may be long.
    """
    return f"~/.ansible/cp/{hashlib.sha256(_label(fleet).encode()).hexdigest()[:8]}-{time.time_ns() // 10**9}"


def _ssh_config(fleet: str, addresses: list[Address], control: str) -> str:
    """Render ssh_config(5) for people and for testinfra: ``ssh -F …/ssh_config root@NAME``."""
    common = [
        f"  UserKnownHostsFile {FLEETS / fleet / 'known_hosts'}",
        "  StrictHostKeyChecking yes",
        f"  IdentityFile {KEY}",
        "  IdentitiesOnly yes",
        f"  ControlPath {control}/%C",
    ]
    return "".join("\n".join([f"Host {a.name}", f"  HostName {a.ip}", *common]) + "\n" for a in addresses)


def as_json(client: docker.DockerClient) -> str:
    """Describe every running host of this clone, one JSON object a line."""
    lines = []
    for name in fleets():
        for container in client.containers.list(filters={"label": [f"{LABEL}={_label(name)}"]}):
            lines.append(json.dumps({"fleet": name, "container": container.name, "status": container.status}))
    return "\n".join(lines)
