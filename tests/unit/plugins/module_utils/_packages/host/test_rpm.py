"""rpm's database: the queries, their order, and that a damaged database is never taken for an answer."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import rpm as host_rpm
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rpm import ALL
from tests.unit.fake_host import Expected, FakeHost

DAMAGED = "error: sqlite failure: CREATE TABLE IF NOT EXISTS 'Packages': database disk image is malformed\n"


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_rpm, "NATIVE", "x86_64")


def play(commands: list[Expected], function: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
    host = FakeHost(commands=commands)
    found = function(host, *arguments)
    host.done()
    return found


def provides(*names: str, missing: t.Sequence[str] = ()) -> Expected:
    out = "".join(f"no package provides {name}\n" for name in missing)
    return Expected(["rpm", "-q", "--whatprovides", "--qf", "", *names], rc=len(missing), out=out)


def named(*names: str, missing: t.Sequence[str] = ()) -> Expected:
    out = "".join(f"package {name} is not installed\n" for name in missing)
    return Expected(["rpm", "-q", "--qf", "", *names], rc=len(missing), out=out)


def providers(name: str, out: str) -> Expected:
    argv = ["rpm", "-q", "--whatprovides", "--qf", r"%{NAME}\n", name]
    return Expected(argv, rc=0 if out else 1, out=out or f"no package provides {name}\n")


@pytest.mark.parametrize(
    ("names", "commands", "missing"),
    [
        pytest.param([], [], [], id="no name asks nobody"),
        pytest.param(["git"], [provides("git")], [], id="all are there"),
        pytest.param(
            ["git", "vim"],
            [provides("git", "vim", missing=["vim"]), named("vim", missing=["vim"])],
            ["vim"],
            id="one is missing",
        ),
        pytest.param(
            ["glibc.i686"],
            [provides("glibc.i686", missing=["glibc.i686"]), named("glibc.i686")],
            [],
            id="a name with an architecture is provided by nothing, and is installed",
        ),
    ],
)
def test_missing(names: list[str], commands: list[Expected], missing: list[str]) -> None:
    assert play(commands, host_rpm.find_missing, names) == missing


@pytest.mark.parametrize(
    ("names", "commands", "real"),
    [
        pytest.param(["git"], [named("git")], ["git"], id="by its name"),
        pytest.param(["vim"], [named("vim", missing=["vim"])], [], id="not installed"),
        pytest.param(
            ["git", "/usr/bin/curl"],
            [named("git", "/usr/bin/curl", missing=["/usr/bin/curl"]), providers("/usr/bin/curl", "curl-minimal\n")],
            ["git", "curl-minimal"],
            id="by a file that it owns",
        ),
        pytest.param(
            ["/srv/x"],
            [named("/srv/x", missing=["/srv/x"]), providers("/srv/x", "")],
            [],
            id="a file of nobody",
        ),
    ],
)
def test_real(names: list[str], commands: list[Expected], real: list[str]) -> None:
    assert play(commands, host_rpm.find_real, names) == real


def test_providers_are_named_once() -> None:
    assert play([providers("webserver", "nginx\nhttpd\nnginx\n")], host_rpm.find_providers, "webserver") == [
        "httpd",
        "nginx",
    ]


def test_all_installed_packages() -> None:
    out = "git\t2.43-1.el9\tx86_64\nplain\t1-1\tnoarch\nplain\t2-1\tnoarch\nglibc\t2.34-1\ti686\n"
    assert play([Expected(["rpm", "-qa", "--qf", ALL], out=out)], host_rpm.list_installed) == (
        {"git": "2.43-1.el9", "plain": "1-1, 2-1", "glibc.i686": "2.34-1"},
        ["plain.noarch"],
    )


@pytest.mark.parametrize(
    ("function", "arguments", "command"),
    [
        pytest.param(
            host_rpm.find_missing,
            (["git"],),
            Expected(["rpm", "-q", "--whatprovides", "--qf", "", "git"], err=DAMAGED),
            id="a query that exits with 0",
        ),
        pytest.param(
            host_rpm.list_installed, (), Expected(["rpm", "-qa", "--qf", ALL], err=DAMAGED), id="a list that does"
        ),
        pytest.param(
            host_rpm.find_real, (["git"],), Expected(["rpm", "-q", "--qf", "", "git"], rc=1), id="no answer at all"
        ),
    ],
)
def test_a_damaged_database_is_an_error(
    function: t.Callable[..., t.Any], arguments: tuple[t.Any, ...], command: Expected
) -> None:
    with pytest.raises(BaselineError) as caught:
        play([command], function, *arguments)
    assert caught.value.problem.startswith("rpm cannot read its database: ")
    assert caught.value.hint == "if it is damaged, save a copy of it and run 'rpm --rebuilddb' on the host"


def test_the_lock_of_rpm() -> None:
    ran = Expected(["rpm", "-E", "%{_rpmlock_path}"], out="/usr/lib/sysimage/rpm/.rpm.lock\n")
    assert play([ran], host_rpm.read_lock_path) == "/usr/lib/sysimage/rpm/.rpm.lock"
