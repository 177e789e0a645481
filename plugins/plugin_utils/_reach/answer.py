# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says to the probe, and whether it can be a target of this collection. Pure."""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import complaint, not_a_target, unproven
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = ["Answer", "escalation_complaint", "host_complaint", "host_warning", "parse_answer", "probe_script", "said"]

_MARK = "pyhost.baseline.reach"
_OWN_PYTHON = "/usr/bin/python3"
# The host may be hostile. The login becomes ansible_user and a Python ansible_python_interpreter: words of commands.
_FIELDS: t.Mapping[str, str] = {
    "uid": r"[0-9]{0,10}",
    "login": r"(?:[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,127}\$?)?",
    "kernel": r"[A-Za-z0-9._/+-]{0,64}",
    "release": r"[ -~]{0,128}",
    "system": r"[A-Za-z0-9._-]{0,64}",
    "version": r"[A-Za-z0-9._~+-]{0,64}",
    "sudo": r"ok|refused|absent",
    "python": r"[0-9]{1,3}(?:\.[0-9]{1,5}){1,2} /[A-Za-z0-9._/+@-]{1,255}",
}
# For people alone; quoted instead of refused.
_TITLES = ("name", "sudo_version")
_LONGEST_ANSWER, _LONGEST_TITLE, _MOST_PYTHONS, _LONGEST_WORDS = 20_000, 200, 50, 500


@dataclass(frozen=True)
class Answer:
    """What the host said to the probe's script. ``pythons`` are paths with their versions, in the order asked."""

    login: str
    uid: int
    kernel: str
    system: str
    version: str
    name: str
    sudo: str
    pythons: tuple[tuple[str, tuple[int, ...]], ...]
    sudo_version: str = ""

    def python(self, least: tuple[int, int]) -> str | None:
        """The first Python that is at least ``least``."""
        return next((path for path, version in self.pythons if version >= least), None)


def probe_script(pythons: t.Sequence[str], *, least: tuple[int, int]) -> str:
    """Return the POSIX sh script that a candidate feeds to ``/bin/sh -s``. It reads and never changes the host.

    It is one function, so that the shell has read all of it before a command can take its standard input.
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


def parse_answer(output: str) -> Answer | None:
    """Read the script's output, wherever a banner or profile put lines around it; ``None`` where it did not run.

    Raises ``BaselineError`` where it holds what the script cannot have said.
    """
    _before, begun, rest = output.partition(f"{_MARK} begin")
    body, ended, _after = rest[:_LONGEST_ANSWER].partition(f"{_MARK} end")
    if not begun or (not ended and len(rest) <= _LONGEST_ANSWER):
        return None
    if not ended:
        raise _unfit("it", "longer than the script can make it")
    pairs = [line.strip().split("=", 1) for line in body.splitlines() if "=" in line]
    for key, value in pairs:
        if key in _FIELDS and not re.fullmatch(_FIELDS[key], value):
            raise _unfit(key, f"'{printable(value, longest=80)}'")
    values = {key: value for key, value in pairs if key in _FIELDS and key != "python"}
    values.update((key, printable(value, longest=_LONGEST_TITLE)) for key, value in pairs if key in _TITLES)
    found = [value.split(" ", 1) for key, value in pairs if key == "python"]
    if len(found) > _MOST_PYTHONS:
        raise _unfit("python", f"said {len(found)} times")
    kernel = values.get("kernel", "")
    if "system" not in values and kernel != "Linux":
        # A system without os-release(5), an old FreeBSD for one, is known by uname(1): FreeBSD, 12.4-RELEASE-p9.
        release = values.get("release", "")
        values["system"], values["version"] = kernel.lower(), release.partition("-")[0]
        values["name"] = f"{kernel} {release}".strip()
    return Answer(
        login=values.get("login", ""),
        uid=int(values.get("uid") or -1),
        kernel=kernel,
        system=values.get("system", ""),
        version=values.get("version", ""),
        name=values.get("name") or kernel,
        sudo=values.get("sudo", "absent"),
        pythons=tuple((path, tuple(int(part) for part in version.split("."))) for version, path in found),
        sudo_version=values.get("sudo_version", ""),
    )


def _unfit(name: str, what: str) -> BaselineError:
    return BaselineError(
        f"the host's answer to the probe cannot be true: {name} is {what}; the host was left as it was; look there for "
        "what has replaced or changed id, uname, sudo, the shell or /etc/os-release"
    )


def said(*outputs: str) -> str:
    """Return what a command said, on one line, without ssh's farewell, all that a terminal leaves on stderr."""
    lines = [line.strip() for output in outputs for line in output[:_LONGEST_ANSWER].splitlines()]
    words = " ".join(line for line in lines if not re.fullmatch(r"(?:Shared )?[Cc]onnection to \S+ closed\.", line))
    return printable(" ".join(words.split()[:30]), longest=_LONGEST_WORDS) or "no reason given"


def escalation_complaint(answer: Answer, words: str) -> str:
    """Say that the user who logged in cannot become root, for which ``words`` are the reason."""
    ways = "give the password with '--ask-become-pass' (or ansible_become_password), or log in as root with '-u root'"
    if answer.sudo_version.startswith("sudo-rs"):
        # It asks "[sudo: …] Password:", and Ansible waits for a line that begins with what it told sudo to ask.
        ways += (
            f"; the host's sudo is {answer.sudo_version}, whose question no ansible-core up to 2.21.5 knows: "
            "where the other sudo is installed too, as on Ubuntu 26.04, give the password and "
            "'-e ansible_become_exe=sudo.ws', which takes that one"
        )
    return f"'{answer.login}' logs in but cannot become root: {words}; the host was left as it was; {ways}"


def host_complaint(
    answer: Answer,
    *,
    least_python: tuple[int, int],
    python_needed: bool,
    python_named: str | None = None,
    allow_end_of_life: bool = False,
    allow_unproven: bool = False,
) -> str | None:
    """Say why the host that answered cannot be a target, ``None`` where it can."""
    if answer.kernel == "Darwin":
        return not_a_target("macOS")
    unfit = complaint(_system(answer), allow_end_of_life=allow_end_of_life, allow_unproven=allow_unproven)
    if unfit is None and python_needed and answer.python(least_python) is None:
        return _python_complaint(answer, least_python, python_named)
    return unfit


def host_warning(answer: Answer) -> str | None:
    """Return what the user has to know of a host that may be a target."""
    return unproven(_system(answer))


def _system(answer: Answer) -> System:
    return System(answer.system, answer.version, title=answer.name or "an unknown system")


def _python_complaint(answer: Answer, least: tuple[int, int], named: str | None) -> str:
    wanted = f"{least[0]}.{least[1]} or later"
    if named:
        return (
            f"the host has no Python {wanted} at {named}, where ansible_python_interpreter points; "
            "it was left as it was; correct or remove that variable"
        )
    # One path answers to more than one name that was asked for.
    found = ", ".join(f"{'.'.join(map(str, version))} at {path}" for path, version in dict.fromkeys(answer.pythons))
    way_out = "run playbooks/bootstrap.yml (pyhost.baseline.bootstrap) first, with the same options"
    if any(path == _OWN_PYTHON for path, _version in answer.pythons):
        # The distribution's package is there already: nothing newer comes of installing it.
        way_out = (
            "move the host to a later release, use an Ansible that still runs on that Python, or install a newer "
            "Python and name it in ansible_python_interpreter"
        )
    return (
        f"the host has {'only Python ' + found if found else 'no Python'}, and Ansible needs {wanted}; "
        f"it was left as it was; {way_out}"
    )
