"""A host whose Python answers whatever a test wants, and what Ansible then shows, logs and does on the controller."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.attackers import FLEET, Attacked
from tests.hosts.paths import FLEETS, ROOT

__all__ = ["EVIL", "Shown", "be_honest", "be_hostile", "evil_texts", "run"]

# Clears the screen, sets the clipboard, both in 7 and 8 bits; ends lines in three ways; turns the direction of writing.
EVIL = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b2J\rok: [host]\u2028\u2029\x85\u202eevil"
_FOLDER = "/usr/lib/python3/dist-packages"
# Each start of a module takes the next answer: either the bytes themselves, or what is put into the module's own.
_PYTHON = """
import json, os, sys
def _next():
    argv = sys.orig_argv
    if len(argv) > 1 and not any("AnsiballZ" in word for word in argv):
        return None
    queue = "/run/hostile"
    names = sorted(os.listdir(queue)) if os.path.isdir(queue) else []
    if not names:
        return None
    path = os.path.join(queue, names[0])
    with open(path, "rb") as file:
        data = file.read()
    if not names[0].endswith("always"):
        os.unlink(path)
    return names[0], data
def _answer():
    found = _next()
    if found is None:
        return
    name, data = found
    if name.endswith("raw"):
        if data.startswith(b"repeat "):
            data = eval(data[7:])
        while data:
            data = data[os.write(1, data):]
        os._exit(0)
    merged, write = json.loads(data), sys.stdout.write
    def rewrite(text):
        if text.strip().startswith("{"):
            text = json.dumps({**json.loads(text), **merged})
        return write(text)
    sys.stdout.write = rewrite
_answer()
"""


def be_hostile(host: Attacked, answers: t.Sequence[bytes | dict[str, t.Any]], *, always: bool = False) -> None:
    """Have the host's Python give ``answers`` in this order: bytes as they are, mappings put into the module's own."""
    lines = ["rm -rf /run/hostile && mkdir -m 0700 /run/hostile"]
    for number, answer in enumerate(answers):
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        kind = "raw" if isinstance(answer, bytes) else "always" if always else "merge"
        lines.append(f"echo {base64.b64encode(data).decode()} | base64 -d > /run/hostile/{number:03}.{kind}")
    code = base64.b64encode(_PYTHON.encode()).decode()
    lines += [f"echo {code} | base64 -d > {_FOLDER}/hostile.py", f"echo 'import hostile' > {_FOLDER}/hostile.pth"]
    host.run("\n".join(lines))


def be_honest(host: Attacked) -> None:
    """Take the hostile Python away."""
    host.run(f"rm -rf /run/hostile {_FOLDER}/hostile.py {_FOLDER}/hostile.pth")


def evil_texts(canary: Path) -> str:
    """Return a text with all that a terminal may act on, and a template that makes a file where it is evaluated."""
    return f"{EVIL}{{{{ lookup('pipe', 'touch {canary}') }}}}"


@dataclass(frozen=True)
class Shown:
    """What one run left: the terminal, the log, the exit status."""

    text: str
    log: str
    rc: int

    def acting(self) -> set[str]:
        """Return the characters in terminal and log that are more than a line of text."""
        return {one for one in self.text + self.log if not one.isprintable() and one != "\n"}


def run(folder: Path, play: list[dict[str, t.Any]] | Path, *arguments: str, form: str = "yaml") -> Shown:
    """Play ``play`` with Ansible's default callback, as a user would on a terminal that gets all of it."""
    path = play if isinstance(play, Path) else folder / "play.yml"
    if not isinstance(play, Path):
        path.write_text(yaml.safe_dump(play))
    log = folder / "ansible.log"
    log.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_CALLBACK_RESULT_FORMAT": form,
        "ANSIBLE_LOG_PATH": str(log),
        "ANSIBLE_NOCOLOR": "1",
    }
    inventory = str(FLEETS / FLEET / "inventory.yml")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", inventory, str(path), "-v", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    return Shown(done.stdout.decode(errors="surrogateescape"), log.read_text(errors="surrogateescape"), done.returncode)
