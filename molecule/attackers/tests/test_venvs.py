"""The owner of an environment, who puts what he likes where root looks: links, a Python of his own, endless files."""

from __future__ import annotations

import base64
import io
import time
import typing as t
import zipfile

import pytest

from tests.attackers import FLEET, Attacked
from tests.hosts.runs import ad_hoc

HOSTS = ("local12", "local13")
WHEELS = "/srv/wheels"
OFFLINE = f"--no-index --find-links {WHEELS}"
# What root must leave as it is, whatever the user links to.
SYSTEM = "stat -c '%n %U:%G %a %Y' /usr /etc /usr/bin /etc/shadow /root; ls /usr /etc"


def _wheel(name: str, version: str, *, requires: str = "") -> bytes:
    """Return a wheel of one module."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {requires}\n" if requires else ""
    )
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return buffer.getvalue()


WHEEL_FILES = {
    "pyhostone-1.0-py3-none-any.whl": _wheel("pyhostone", "1.0", requires="pyhosttwo>=2"),
    "pyhosttwo-2.1-py3-none-any.whl": _wheel("pyhosttwo", "2.1"),
}


@pytest.fixture(scope="module", name="prepared")
def _prepared(attacked: dict[str, Attacked]) -> dict[str, Attacked]:
    """Return the hosts, with venv and pip, two wheels, and the user ``app``."""
    hosts = {name: attacked[name] for name in HOSTS}
    for name, host in hosts.items():
        answer = ad_hoc(FLEET, "pyhost.baseline.packages", {"name": ["python-venv"]}, user="root", host=name)
        assert not answer.get("failed"), answer
        host.run(f"id app >/dev/null 2>&1 || useradd -m app; install -d {WHEELS}")
        for file, content in WHEEL_FILES.items():
            host.run(f"echo {base64.b64encode(content).decode()} | base64 -d >{WHEELS}/{file}")
    return hosts


@pytest.fixture(name="host", params=HOSTS)
def _host(request: pytest.FixtureRequest, prepared: dict[str, Attacked]) -> Attacked:
    host = prepared[request.param]
    host.run("pkill -KILL -u app || true; rm -rf /home/app/* /home/app/.[a-z]* /opt/tools; cd / && rm -rf /srv/app")
    return host


def _build(host: Attacked, *venvs: dict[str, t.Any], timeout: int = 900) -> dict[str, t.Any]:
    """Have root build the environments in one call."""
    filled = [{"owner": "app", "extra_args": OFFLINE, **venv} for venv in venvs]
    arguments = {"venvs": filled, "timeout": timeout}
    return ad_hoc(FLEET, "pyhost.baseline.python_venv", arguments, user="root", host=host.name)


def _as_app(host: Attacked, script: str) -> None:
    """Run ``script`` by sh as the user ``app`` in his home."""
    host.run(
        f"cd /home/app && cat >/run/app.sh <<'END'\n{script}\nEND\nrunuser -u app -- sh /run/app.sh; rm /run/app.sh"
    )


def test_an_environment_is_built_proven_and_left_alone(host: Attacked) -> None:
    wanted = {"path": "/home/app/deep/venv", "requirements": ["pyhostone"], "group": "www-data", "mode": "0750"}
    first = _build(host, wanted)
    assert first.get("changed"), first
    [venv] = first["venvs"]
    own = {name: version for name, version in venv["distributions"].items() if name.startswith("pyhost")}
    assert (own, venv["unmet"]) == ({"pyhostone": "1.0", "pyhosttwo": "2.1"}, [])
    assert host.run("stat -c '%U:%G %a' /home/app/deep /home/app/deep/venv").split() == ["app:www-data", "750"] * 2
    assert host.run("find /home/app ! -user app") == ""
    assert _build(host, wanted)["changed"] is False
    # A dependency of the requirement is missing: the requirement is not met.
    host.run("rm -r /home/app/deep/venv/lib/python3*/site-packages/pyhosttwo*")
    third = _build(host, wanted)
    assert third.get("changed"), third
    assert third["venvs"][0]["distributions"]["pyhosttwo"] == "2.1"


def test_a_link_leads_root_nowhere(host: Attacked) -> None:
    before = host.run(SYSTEM)
    _as_app(host, "ln -s /usr site; ln -s site way")
    for path in ("/home/app/site", "/home/app/site/venv", "/home/app/way/venv"):
        answer = _build(host, {"path": path, "mode": "0777", "requirements": ["pyhosttwo"]})
        assert answer["failed"]
        assert answer["msg"].startswith(path)
    assert host.run(SYSTEM) == before


def test_a_folder_that_is_swapped_all_the_time(host: Attacked) -> None:
    """The user exchanges his folder for a link to /etc as fast as he can, while root builds in it."""
    before = host.run(SYSTEM)
    _as_app(
        host,
        """mkdir real
cat >swap.py <<'PY'
import os
os.symlink('/etc', 'link')
while True:
    for one in ('real', 'link'):
        try:
            os.rename(one, 'site'); os.rename('site', one)
        except OSError:
            pass
PY
setsid timeout 60 python3 swap.py >/dev/null 2>&1 </dev/null &""",
    )
    venvs = [{"path": f"/home/app/site/venv{number}", "mode": "0777", "group": "www-data"} for number in range(8)]
    answer = _build(host, *venvs, timeout=2)
    host.run("pkill -KILL -u app")
    assert answer["failed"]
    assert host.run(SYSTEM) == before


def test_a_python_that_was_put_there_runs_as_its_owner(host: Attacked) -> None:
    _as_app(
        host,
        r"""mkdir -p site/bin; touch site/bin/activate
cat >site/bin/python <<'PY'
#!/bin/sh
cd /home/app; id -u >who; echo "$HOME" >home; cat /etc/shadow /proc/1/environ >secrets
printf '{"problem": "\033[2J\342\200\256gnp"}\n'
PY
chmod +x site/bin/python""",
    )
    answer = _build(host, {"path": "/home/app/site", "requirements": ["pyhosttwo"]})
    assert answer["failed"]
    assert "/home/app/site" in answer["msg"]
    assert not {"\x1b", "\u202e"} & set(answer["msg"])
    assert host.run("cat /home/app/who /home/app/home").split() == [host.run("id -u app").strip(), "/home/app"]
    assert host.run("cat /home/app/secrets") == ""


def test_a_password_is_on_no_command_line(host: Attacked) -> None:
    """Everybody can read the command lines of all processes; the owner's Python writes down its own."""
    _as_app(
        host,
        r"""mkdir -p site/bin; touch site/bin/activate
cat >site/bin/python <<'PY'
#!/bin/sh
tr '\0' ' ' </proc/$$/cmdline >/home/app/line; exit 1
PY
chmod +x site/bin/python""",
    )
    secret = "https://ann:t0psecret@example.org/simple"
    answer = _build(host, {"path": "/home/app/site", "requirements": [f"a @ {secret}"], "index_url": secret})
    assert answer["failed"]
    assert host.run("cat /home/app/line").startswith("/bin/sh /home/app/site/bin/python ")
    assert "t0psecret" not in host.run("cat /home/app/line")
    assert "t0psecret" not in str(answer)


def test_a_new_environment_takes_away_nothing_of_others(host: Attacked) -> None:
    """Links of the user's where root's old environment is moved to, and in it."""
    host.run("install -d /srv/precious; touch /srv/precious/file; python3 -m venv --without-pip /home/app/venv")
    host.run("ln -s /srv/precious /home/app/venv/lib/link")
    _as_app(host, "ln -s /srv/precious venv.before-recreate; ln -s /srv/precious venv.before-recreate.failed")
    wanted = {"path": "/home/app/venv", "recreate": True}
    answer = _build(host, {**wanted, "recreate": False})
    assert "/home/app/venv: it belongs to root and not to app" in answer["msg"]
    answer = _build(host, wanted)
    assert answer.get("changed"), answer
    assert host.run("ls /srv/precious").split() == ["file"]
    # In the user's folder root removes nothing.
    assert any("rm -r /home/app/venv.before-recreate" in one for one in answer["warnings"])
    assert host.run("stat -c '%U %F' /home/app/venv.before-recreate") == "root directory\n"


def test_a_folder_that_is_no_environment_is_not_replaced(host: Attacked) -> None:
    host.run("install -d /srv/app; touch /srv/app/data")
    _as_app(host, "mkdir other; touch other/pyvenv.cfg; ln -s /srv venv")
    for path in ("/srv/app", "/home/app/venv", "/home/app/venv/app"):
        answer = _build(host, {"path": path, "recreate": True})
        assert answer["failed"]
        assert answer["msg"].startswith(path)
    assert host.run("ls /srv/app").split() == ["data"]


def test_a_python_that_holds_the_run_up_is_ended(host: Attacked) -> None:
    bodies = {
        "waits": "sleep 1000",
        "endless": "setsid sleep 1000 & exec yes",
        "leaves": "setsid sleep 1000 & echo nothing",
        "strikes": "kill -STOP $PPID; kill -KILL $PPID -1; sleep 1000",
    }
    lines = "\n".join(
        f"mkdir -p {name}/bin; touch {name}/bin/activate; printf '#!/bin/sh\\n{body}\\n' >{name}/bin/python"
        for name, body in bodies.items()
    )
    _as_app(host, f"{lines}\nchmod +x */bin/python")
    begun = time.monotonic()
    answer = _build(host, *({"path": f"/home/app/{name}"} for name in bodies), timeout=2)
    assert answer["failed"]
    assert all(f"/home/app/{name}: " in answer["msg"] for name in bodies)
    assert time.monotonic() - begun < 60


def test_a_requirements_file_is_read_by_the_owner(host: Attacked) -> None:
    _as_app(
        host,
        "ln -s /etc/shadow link.txt; mkfifo pipe.txt; ln -s /dev/zero zero.txt; python3 -m venv --without-pip venv",
    )
    for name, words in (("link", "Permission denied"), ("pipe", "not a regular file"), ("zero", "not a regular file")):
        answer = _build(host, {"path": "/home/app/venv", "requirements": f"/home/app/{name}.txt", "extra_args": ""})
        assert answer["failed"]
        assert f"/home/app/{name}.txt" in answer["msg"]
        assert words in answer["msg"]
        assert "root:" not in answer["msg"]


def test_what_others_decide_about_is_refused(host: Attacked) -> None:
    host.run("id mallory >/dev/null 2>&1 || useradd -m mallory")
    host.run("install -d -m 0777 /opt/tools; install -d -o mallory /srv/app")
    answer = _build(
        host,
        {"path": "/opt/tools/venv"},
        {"path": "/srv/app/venv"},
        {"path": "/srv/app"},
        {"path": "/home/app/venv", "owner": "root"},
    )
    assert answer["failed"]
    assert "/opt/tools/venv: it is below /opt/tools, which can be written by everybody" in answer["msg"]
    assert "/srv/app/venv: it is below /srv/app, which belongs to mallory" in answer["msg"]
    assert "/srv/app: it belongs to mallory and not to app" in answer["msg"]
    assert "/home/app/venv: it is below /home/app, which belongs to app" in answer["msg"]
    assert host.run("find /opt/tools /srv/app /home/app -mindepth 1 -name venv") == ""


def test_roots_own_environment_has_nothing_of_others(host: Attacked) -> None:
    host.run("python3 -m venv --without-pip /opt/tools/venv; chown app /opt/tools/venv/bin/activate")
    answer = _build(host, {"path": "/opt/tools/venv", "owner": "root"})
    assert answer["failed"]
    assert "others than root can write /opt/tools/venv/bin/activate" in answer["msg"]
