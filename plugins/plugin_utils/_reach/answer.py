# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a host to the probe, and whether the host can be managed. Pure."""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import (
    not_a_target,
    refusal,
    unproven_warning,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = [
    "HostRequirements",
    "ProbeAnswer",
    "command_message",
    "escalation_error",
    "host_error",
    "host_warning",
    "parse_answer",
    "probe_script",
]

_MARK = "pyhost.baseline.reach"
_OWN_PYTHON = "/usr/bin/python3"
# The host may be hostile. The login becomes ansible_user, a Python ansible_python_interpreter: parts of commands.
_FIELDS: t.Mapping[str, str] = {
    "uid": r"[0-9]{0,10}",
    "login": r"(?:[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,127}\$?)?",
    "kernel": r"[A-Za-z0-9._/+-]{0,64}",
    "release": r"[ -~]{0,128}",
    "system": r"[A-Za-z0-9._-]{0,64}",
    "version": r"[A-Za-z0-9._~+-]{0,64}",
    "sudo": r"ok|refused|absent",
    "python": r"[0-9]{1,3}(?:\.[0-9]{1,5}){1,2} /[A-Za-z0-9._/+@-]{1,255}",
    "machine": r"[A-Za-z0-9-]{0,64}",
    "host_key": r"[A-Za-z0-9+/=]{0,4096}",
}
# Only shown to people, so quoted instead of refused.
_TITLES = ("name", "sudo_version")
_LONGEST_ANSWER, _LONGEST_TITLE, _MOST_VALUES, _LONGEST_MESSAGE = 20_000, 200, 50, 500
# Fields that may come more than once.
_LISTS = ("python", "host_key")


@dataclass(frozen=True)
class ProbeAnswer:
    """The answer to the probe's script. ``pythons`` are paths with their versions, in the order of the request.

    ``machine_id`` is that of machine-id(5), and ``host_keys`` are the public keys of sshd, as in known_hosts.
    """

    login: str
    uid: int
    kernel: str
    system: str
    version: str
    name: str
    sudo: str
    pythons: tuple[tuple[str, tuple[int, ...]], ...]
    sudo_version: str = ""
    machine_id: str = ""
    host_keys: tuple[str, ...] = ()

    def python(self, least: tuple[int, int]) -> str | None:
        """The first Python that is at least ``least``."""
        return next((path for path, version in self.pythons if version >= least), None)


def probe_script(pythons: t.Sequence[str], *, least: tuple[int, int]) -> str:
    """Return the POSIX sh script for ``/bin/sh -s``. It only reads and never changes the host.

    It is one function, so that the shell has read all of it before a command can read its standard input.
    """
    names = " ".join(shlex.quote(name) for name in pythons)
    version = f"import sys; v = sys.version_info; print('%d.%d.%d' % v[:3]); sys.exit(v[:2] < {least!r})"
    return f"""\
probe() {{
  PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
  echo '{_MARK} begin'
  echo "uid=$(id -u)"
  echo "login=$(id -un)"
  echo "kernel=$(uname -s)"
  echo "release=$(uname -r)"
  if [ -r /etc/os-release ]; then
    (. /etc/os-release && echo "system=$ID" && echo "version=$VERSION_ID" && echo "name=$PRETTY_NAME")
  fi
  for file in /etc/machine-id /etc/hostid; do
    id=; read -r id rest <"$file"
    if [ -n "$id" ]; then echo "machine=$id"; break; fi
  done
  for file in /etc/ssh/ssh_host_*_key.pub; do
    key=; read -r type key rest <"$file"
    if [ -n "$key" ]; then echo "host_key=$key"; fi
  done
  if [ "$(uname -s)" != Darwin ]; then
    if ! command -v sudo >/dev/null; then echo sudo=absent
    elif sudo -n true >/dev/null; then echo sudo=ok
    else echo sudo=refused
    fi
    echo "sudo_version=$(sudo --version | sed -n 1p)"
    for name in {names}; do
      path=$(command -v "$name") || continue
      found=$("$path" -c {shlex.quote(version)})
      enough=$?
      if [ -n "$found" ]; then echo "python=$found $path"; fi
      if [ "$enough" = 0 ]; then break; fi
    done
  fi
  echo '{_MARK} end'
}}
probe </dev/null 2>/dev/null
"""


def parse_answer(output: str) -> ProbeAnswer | None:
    """Parse the script's output, also between lines of a banner or profile; ``None`` if the script did not run.

    Raises ``BaselineError`` if it contains what the script cannot print.
    """
    _before, begun, rest = output.partition(f"{_MARK} begin")
    body, ended, _after = rest[:_LONGEST_ANSWER].partition(f"{_MARK} end")
    if not begun or (not ended and len(rest) <= _LONGEST_ANSWER):
        return None
    if not ended:
        raise _invalid("it", "longer than the script can print")
    pairs = [line.strip().split("=", 1) for line in body.splitlines() if "=" in line]
    for key, value in pairs:
        if key in _FIELDS and not re.fullmatch(_FIELDS[key], value):
            raise _invalid(key, f"'{printable(value, longest=80)}'")
    values = {key: value for key, value in pairs if key in _FIELDS and key not in _LISTS}
    values.update((key, printable(value, longest=_LONGEST_TITLE)) for key, value in pairs if key in _TITLES)
    lists = {name: [value for key, value in pairs if key == name] for name in _LISTS}
    for name, found in lists.items():
        if len(found) > _MOST_VALUES:
            raise _invalid(name, f"given {len(found)} times")
    pythons = [value.split(" ", 1) for value in lists["python"]]
    kernel = values.get("kernel", "")
    if "system" not in values and kernel != "Linux":
        # A system without os-release(5), such as an old FreeBSD, is identified by uname(1): FreeBSD, 12.4-RELEASE-p9.
        release = values.get("release", "")
        values["system"], values["version"] = kernel.lower(), release.partition("-")[0]
        values["name"] = f"{kernel} {release}".strip()
    return ProbeAnswer(
        login=values.get("login", ""),
        uid=int(values.get("uid") or -1),
        kernel=kernel,
        system=values.get("system", ""),
        version=values.get("version", ""),
        name=values.get("name") or kernel,
        sudo=values.get("sudo", "absent"),
        pythons=tuple((path, tuple(int(part) for part in version.split("."))) for version, path in pythons),
        sudo_version=values.get("sudo_version", ""),
        # systemd writes "uninitialized" until the first boot has ended.
        machine_id=values.get("machine", "").replace("uninitialized", ""),
        host_keys=tuple(filter(None, lists["host_key"])),
    )


def _invalid(name: str, what: str) -> BaselineError:
    return BaselineError(
        f"the host's answer to the probe cannot be true: {name} is {what}",
        state=UNCHANGED,
        hint="find out what has replaced or changed id, uname, sudo, the shell or /etc/os-release on the host",
    )


def command_message(*outputs: str) -> str:
    """Return the output of a command on one line, without the message with which ssh closes a terminal."""
    lines = [line.strip() for output in outputs for line in output[:_LONGEST_ANSWER].splitlines()]
    text = " ".join(line for line in lines if not re.fullmatch(r"(?:Shared )?[Cc]onnection to \S+ closed\.", line))
    return printable(" ".join(text.split()[:30]), longest=_LONGEST_MESSAGE) or "no reason given"


def escalation_error(answer: ProbeAnswer, message: str) -> BaselineError:
    """Return the error for a user who logs in and cannot become root; ``message`` is the reason."""
    hint = "give the password with '--ask-become-pass' (or ansible_become_password), or log in as root with '-u root'"
    if answer.sudo_version.startswith("sudo-rs"):
        # It asks "[sudo: …] Password:", and Ansible waits for a line that begins with the prompt that it set.
        hint += (
            f"; the host's sudo is {answer.sudo_version}, whose prompt no ansible-core up to 2.21.5 recognizes: if the "
            "other sudo is installed too, as on Ubuntu 26.04, give the password and '-e ansible_become_exe=sudo.ws'"
        )
    return BaselineError(f"'{answer.login}' logs in but cannot become root: {message}", state=UNCHANGED, hint=hint)


@dataclass(frozen=True)
class HostRequirements:
    """The requirements for a host. ``python_named`` is the interpreter that the user named."""

    least_python: tuple[int, int]
    python_required: bool = True
    python_named: str | None = None
    allow_end_of_life: bool = False
    allow_unproven: bool = False


def host_error(answer: ProbeAnswer, required: HostRequirements) -> BaselineError | None:
    """Return why the host that answered cannot be managed, ``None`` if it can."""
    if answer.kernel == "Darwin":
        return not_a_target("macOS")
    error = refusal(
        _system(answer), allow_end_of_life=required.allow_end_of_life, allow_unproven=required.allow_unproven
    )
    if error is None and required.python_required and answer.python(required.least_python) is None:
        return _python_error(answer, required)
    return error


def host_warning(answer: ProbeAnswer) -> str | None:
    """Return the warning about a host that can be managed, ``None`` if there is none."""
    return unproven_warning(_system(answer))


def _system(answer: ProbeAnswer) -> System:
    return System(answer.system, answer.version, title=answer.name or "an unknown system")


def _python_error(answer: ProbeAnswer, required: HostRequirements) -> BaselineError:
    wanted = f"{required.least_python[0]}.{required.least_python[1]} or later"
    if required.python_named:
        return BaselineError(
            f"the host has no Python {wanted} at {required.python_named}",
            option="ansible_python_interpreter",
            hint="correct or remove that variable",
        )
    # Several of the names may lead to one path.
    found = ", ".join(f"{'.'.join(map(str, version))} at {path}" for path, version in dict.fromkeys(answer.pythons))
    hint = "run playbooks/bootstrap.yml (pyhost.baseline.bootstrap) first, with the same options"
    if any(path == _OWN_PYTHON for path, _version in answer.pythons):
        # The distribution's package is installed already, so that installing it again does not help.
        hint = (
            "upgrade the host to a later release, use an Ansible that still supports that Python, or install a newer "
            "Python and name it in ansible_python_interpreter"
        )
    has = f"only Python {found}" if found else "no Python"
    return BaselineError(f"the host has {has}, and Ansible needs {wanted}", hint=hint)
