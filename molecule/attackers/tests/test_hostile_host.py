"""A host whose root lies to the controller gets neither the terminal nor the log, and nothing runs or is written."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.attackers import Attacked
from tests.attackers_hostile import EVIL, be_honest, be_hostile, evil_texts, run
from tests.hosts.paths import ROOT

HOSTS = ("host12", "host13")
SITE = ROOT / "playbooks" / "site.yml"
MODULE = {"pyhost.baseline.packages": {"name": ["git"], "state": "resolved"}}


@pytest.fixture
def hostile(attacked: dict[str, Attacked]) -> t.Iterator[t.Callable[..., None]]:
    """Return what makes a host of this topic hostile; they are honest again afterwards."""

    def start(name: str, answers: list[bytes | dict[str, t.Any]], *, always: bool = False) -> None:
        be_hostile(attacked[name], answers, always=always)

    yield start
    for name in HOSTS:
        be_honest(attacked[name])


def answers(folder: Path) -> dict[str, bytes | dict[str, t.Any]]:
    """Return what the host answers instead of the module, and what it puts into the module's own answer."""
    text = evil_texts(folder / "canary")
    touch = f"touch {folder / 'canary'}"
    summary = {"__ansible_type": "WarningSummary", "event": {"__ansible_type": "Event", "msg": text}}
    return {
        "texts": {"msg": text, "system": text, "resolved": {text: [text]}, "included": {text: text}},
        "failed": {"msg": text, "failed": True, "exception": f"Traceback (most recent call last):\n  {text}"},
        "warnings": {"warnings": [text], "deprecations": [{"msg": text, "version": text, "collection_name": text}]},
        "warnings of 2.19": {"warnings": [summary], "deprecations": [{**summary, "__ansible_type": "Nonsense"}]},
        "diff": {"diff": {"before": text, "after": "", "before_header": text, "after_header": text}, "changed": True},
        "prepared diff": {"diff": {"prepared": text}, "changed": True},
        "facts": {
            "ansible_facts": {
                "ansible_connection": "local",
                "ansible_user": text,
                "ansible_ssh_common_args": f"-o ProxyCommand='{touch}'",
                "ansible_become_exe": touch,
                "ansible_python_interpreter": f"/bin/sh -c '{touch}'",
                "discovered_interpreter_python": touch,
                "env": {"PATH": text},
                "python": {"executable": touch},
                text: text,
                "pyhost_system": {"id": "debian", "version": "12", "family": "debian", "title": text},
            }
        },
        "a fact of another kind": {"ansible_facts": {"pyhost_system": {"family": text}}},
        "control": {
            "add_host": {"host_name": "evil", "host_vars": {"ansible_connection": "local"}},
            "add_group": "evil",
            "ansible_included_var_files": ["/etc/passwd"],
            "include_vars": text,
            "ansible_stats": {"data": {text: text}},
            "_ansible_verbose_always": True,
            "_ansible_no_log": True,
            "results": [{"msg": text}],
            "unreachable": True,
            "stdout": ["no", "text"],
            text: text,
        },
        "types": {"msg": {"no": "text"}, "warnings": text, "changed": ["no"], "rc": text},
        "stdout that is no text": {"stdout": 7, "stderr": {"no": "text"}, "failed": "perhaps"},
        "core's own objects": {"resolved": {"git": {"__ansible_type": "_AnsibleTaggedStr", "value": "x", "tags": []}}},
        "exception": {"failed": True, "exception": {"__ansible_type": "ErrorSummary", "event": summary["event"]}},
        "garbage": f"{text}\n{{{text}}}\n".encode(),
        "no JSON": f"  File '/x'\n{text}: command not found\n".encode("utf-16"),
        "junk around": f'{text}\n{{"changed": false}}\n{text}\n'.encode(),
        "not UTF-8": b'{"msg": "\xff\xfe\x9b2J", "changed": false}\n',
        "lone surrogates": b'{"msg": "\\ud800\\udc1b", "changed": false}\n',
        "raw text": json.dumps({"msg": text, "changed": False}, ensure_ascii=False).encode(),
        "raw escapes": f'{{"msg": "{EVIL}", "changed": false}}\n'.encode(),
        "deep": b"repeat b'{\"changed\": false, \"msg\": ' + b'[' * 200000",
        "deep and closed": b"repeat b'{\"resolved\": ' + b'[' * 20000 + b']' * 20000 + b'}'",
        "long": b"repeat b'{\"changed\": false, \"msg\": \"' + b'A' * 16000001 + b'\"}'",
        "many": b"repeat b'{\"resolved\": {' + b','.join(b'\"%d\": []' % n for n in range(200000)) + b'}}'",
        "numbers": b'{"changed": false, "rc": NaN, "resolved": {}, "cache_updated": Infinity}\n',
        "a long number": b"repeat b'{\"changed\": false, \"rc\": ' + b'9' * 5000 + b'}'",
        "a twin": b'{"changed": true, "changed": false, "failed": true, "failed": false}\n',
        "nothing": b"",
    }


# What stays an answer of the module once it is checked; all others are failures in a sentence.
TAKEN = {
    "texts",
    "warnings",
    "warnings of 2.19",
    "diff",
    "facts",
    "control",
    "junk around",
    "not UTF-8",
    "lone surrogates",
    "raw text",
    "a twin",
}


UNREADABLE = {"deep", "deep and closed", "long", "many", "numbers", "a long number", "nothing", "garbage", "not UTF-8"}


@pytest.mark.parametrize(("name", "form"), [("host12", "yaml"), ("host13", "json")])
def test_no_answer_reaches_terminal_log_or_controller(
    hostile: t.Callable[..., None], tmp_path: Path, name: str, form: str
) -> None:
    given = answers(tmp_path)
    if form == "json":
        # How a result is shown does not matter for what is no result.
        given = {answer: value for answer, value in given.items() if answer not in UNREADABLE}
    # Honest once, so that the host has the code of the collection, and each task is one answer.
    assert run(tmp_path, [{"hosts": name, "gather_facts": False, "tasks": [MODULE]}], "-u", "root").rc == 0
    hostile(name, [*given.values(), given["facts"]])
    failed = "dict(said.results | map(attribute='item') | zip(said.results | map(attribute='failed')))"
    seen = "{{ ansible_facts | sort | join(',') }} {{ ansible_connection }} {{ ansible_user }}"
    play = [
        {
            "hosts": name,
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "/usr/bin/python3"},
            "tasks": [
                {"name": "Ask", **MODULE, "loop": list(given), "register": "said", "ignore_errors": True, "diff": True},
                {"name": "Take facts", **MODULE},
                {"name": "Show", "ansible.builtin.debug": {"msg": f"seen: {seen}"}},
                {"name": "Count", "ansible.builtin.copy": {"content": f"{{{{ {failed} | to_json }}}}", "dest": "said"}},
            ],
        }
    ]
    play[0]["tasks"][-1].update({"delegate_to": "localhost"})  # type: ignore[index]
    shown = run(tmp_path, play, "-u", "root", form=form)
    assert shown.acting() == set(), shown.text
    assert "Traceback (most recent call last):\n" not in shown.text
    assert not (tmp_path / "canary").exists()
    assert shown.rc == 0, shown.text
    assert "seen: pyhost_system ssh root" in shown.text, shown.text
    said = json.loads((tmp_path / "said").read_text())
    assert {answer for answer in given if not said[answer]} == TAKEN & given.keys()


def test_the_main_job_goes_on_past_what_a_host_adds(hostile: t.Callable[..., None], tmp_path: Path) -> None:
    text = evil_texts(tmp_path / "canary")
    facts = {
        "ansible_connection": "local",
        "ansible_python_interpreter": f"touch {tmp_path / 'canary'}",
        "pyhost_system": {"id": "debian", "version": "12", "family": "debian", "package_manager": "apt", "title": text},
    }
    diff = {"before": text, "after": "", "before_header": text, "after_header": text}
    added = {"msg": text, "warnings": [text], "diff": [diff], text: text, "ansible_facts": facts}
    hostile("host12", [added], always=True)
    variables = {"baseline_hosts": "host12", "baseline_roles": ["auto_updates", "fail2ban"]}
    shown = run(tmp_path, SITE, "-u", "root", "--check", "--diff", "-e", json.dumps(variables))
    assert shown.acting() == set(), shown.text
    assert shown.rc == 0, shown.text
    assert "Traceback" not in shown.text
    assert not (tmp_path / "canary").exists()
    assert "were dropped: " in shown.text and r"\x1b[2J" in shown.text, shown.text


# A title that acts, of a release that nobody knows; from its second call on, a login that is an option of ssh.
LIES = r"""
cp --dereference /etc/os-release /run/os-release.true
printf 'ID=debian\nVERSION_ID=99\nPRETTY_NAME="Debian @evil"\n' >/run/os-release.lie
mount --bind /run/os-release.lie /usr/lib/os-release
cat >/usr/local/bin/id <<'END'
#!/bin/sh
case $1 in -un) if [ -e /run/id.lies ]; then printf '%s\n' '-oProxyCommand=@evil'; exit; fi; touch /run/id.lies ;; esac
exec /usr/bin/id "$@"
END
chmod +x /usr/local/bin/id
echo 'Banner @evil' >/run/banner.lie
echo 'Banner /run/banner.lie' >/etc/ssh/sshd_config.d/99-lie.conf
systemctl reload ssh
"""
TRUTH = """
umount /usr/lib/os-release
rm -f /run/*.lie /run/id.lies /run/os-release.true /usr/local/bin/id /etc/ssh/sshd_config.d/99-lie.conf
systemctl reload ssh
"""


def test_a_login_that_lies_is_quoted_or_refused(attacked: dict[str, Attacked], tmp_path: Path) -> None:
    host = attacked["host13"]
    reach = {"pyhost.baseline.ssh_reach": {"python_required": False}, "ignore_errors": True}
    play = [
        {
            "hosts": "host13",
            "gather_facts": False,
            "tasks": [
                {"name": "Read a title", **reach},
                {"name": "Read a login", **reach},
                {
                    "name": "Read a banner",
                    **MODULE,
                    "ignore_unreachable": True,
                    "vars": {"ansible_user": "stranger", "ansible_ssh_args": "-o ControlMaster=no"},
                },
            ],
        }
    ]
    try:
        host.run(LIES.replace("@evil", "\x1b[2J\x9b2J\u202e\x07"))
        shown = run(tmp_path, play, "-u", "root")
    finally:
        host.run(TRUTH)
    assert shown.acting() == set(), shown.text
    assert "Traceback" not in shown.text
    words = " ".join(shown.text.split())
    assert r"the host runs Debian \x1b[2J\x9b2J\u202e\x07, a release that was never tested" in words, shown.text
    assert r"the host's answer to the probe cannot be true: login is '-oProxyCommand=\x1b[2J" in words, shown.text
    assert "Permission denied" in words, shown.text


HOLDER = r"""
cat >/run/holder.py <<'END'
import fcntl, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/run/holder.ready", "w").close()
time.sleep(600)
END
bash -c "exec -a $'evil\e[2J\xe2\x80\xae' /usr/bin/python3 /run/holder.py" </dev/null >/dev/null 2>&1 &
echo $! >/run/holder.pid
until [ -e /run/holder.ready ]; do sleep 0.1; done
"""


def test_the_name_of_a_process_is_quoted(attacked: dict[str, Attacked], tmp_path: Path) -> None:
    host = attacked["host12"]
    module = {"pyhost.baseline.packages": {"name": ["sl"], "lock_timeout": 1, "update_cache": False}}
    play = [{"hosts": "host12", "gather_facts": False, "tasks": [{**module, "ignore_errors": True}]}]
    try:
        host.run(HOLDER)
        shown = run(tmp_path, play, "-u", "root")
    finally:
        host.run("kill $(cat /run/holder.pid); rm -f /run/holder.*")
    assert shown.acting() == set(), shown.text
    assert r"evil\x1b[2J\u202e /run/holder.py" in " ".join(shown.text.split()), shown.text
