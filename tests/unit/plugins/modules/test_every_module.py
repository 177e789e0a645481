"""Each module between its options and its answer: the request, the lock, the error, the result and its warnings.

The parts below it are stand-ins: no host is touched. What is special to a module is in the test of its name.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import json
import pkgutil
import types
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible.module_utils import basic

from ansible_collections.pyhost.baseline.plugins import modules
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.request import AccountRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import BanPlan, BanRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ban import BanResult
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.nftables_unit import DROP_IN
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jails_result import JailsResult, JailsState
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import OwnFile
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import ComposedJails, JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.allow_rule import AllowRule
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan import FirewallPlan
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan_backends import BackendPlan
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.published import PublishedPort
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import PackagesRequest, PackagesResult
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd import policy as freebsd_policy

MODULE_UTILS = "ansible_collections.pyhost.baseline.plugins.module_utils"
ACTION = "/etc/fail2ban/action.d/pyhost-nftables.py"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBSTVpwvEZSZkzfbW2yYDlQ3mpvKrjCEBOJGmBHiZQx ann"
WARNINGS = ["the first warning", "the second one"]
POLICY = PolicyResult({"/etc/x": "old\n"}, {"/etc/x": "new\n"}, {"name": "of the result"}, list(WARNINGS))
CHANGED = {
    "changed": True,
    "diff": [{"before_header": "/etc/x", "after_header": "/etc/x", "before": "old\n", "after": "new\n"}],
    "name": "of the result",
}
JAILS = JailsResult(
    before=JailsState("old\n", {"runs": False}),
    after=JailsState(
        None,
        {"runs": True},
        {"sshd": {"bantime": 600, "action x": "y"}, "others": {"bantime": 1}},
        drop_in="[Service]\n",
        files={"/action.d/pyhost-nftables.py": OwnFile("class Action\n")},
    ),
    composed=ComposedJails("text", "systemd", "nftables", frozenset()),
    path="/etc/fail2ban/jail.d/zz-pyhost-baseline.local",
    reloaded=["sshd"],
    restarted=True,
    warnings=list(WARNINGS),
)
BANS = BanResult({"sshd": BanPlan(("192.0.2.1",), ("192.0.2.1", "192.0.2.2"), ban=("192.0.2.2",))}, list(WARNINGS))
DEBIAN = System("debian", "13", (), "Debian GNU/Linux 13")


@dataclass
class Case:
    """A module with ``options``; its function ``entry`` returns ``answer``, and the module ``expected``.

    ``asked`` are the arguments of ``entry`` after the host, ``lock`` is the lock that is held meanwhile.
    """

    module: str
    answer: t.Any
    expected: dict[str, t.Any]
    options: dict[str, t.Any] = field(default_factory=dict)
    entry: str = "ensure"
    asked: t.Any = None
    lock: str = ""
    warnings: list[str] = field(default_factory=lambda: list(WARNINGS))
    # A text option that the module has.
    text: str = ""
    stand_ins: dict[str, t.Any] = field(default_factory=dict)


def of_freebsd(**options: t.Any) -> t.Any:
    defaults = {name: one.get("default") for name, one in ARGUMENTS["freebsd_updates"].items()}
    return freebsd_policy({**defaults, **options})


PACKAGES = {
    "gather_system": lambda _host: DEBIAN,
    "open_package_manager": lambda _host, system: types.SimpleNamespace(
        ensure=lambda request: _packages_ensure(system, request)
    ),
}
VENV = {"path": "/srv/app/venv", "owner": "app"}
UPGRADES = {"gather_distribution": lambda _host: types.SimpleNamespace(id="debian", codename="trixie")}
NOTHING = {"require_apt": lambda _host: None}


def _packages_ensure(system: System, request: PackagesRequest) -> t.Any:
    raise AssertionError("a stand-in takes its place")


CASES = [
    Case(
        "admin_user",
        POLICY,
        CHANGED,
        {"name": "ann", "authorized_keys": [KEY]},
        asked=((AccountRequest("ann", (parse_public_key(KEY),)),), {}),
        lock="admin_user",
        text="shell",
    ),
    Case("dnf_automatic", POLICY, CHANGED, lock="dnf_automatic", text="calendar"),
    Case(
        "fail2ban_ban",
        BANS,
        {
            "changed": True,
            "jails": {"sshd": {"before": ["192.0.2.1"], "after": ["192.0.2.1", "192.0.2.2"], "restarted": False}},
            "diff": {
                "before_header": "bans in force",
                "after_header": "bans in force",
                "before": "sshd: 192.0.2.1\n",
                "after": "sshd: 192.0.2.1\nsshd: 192.0.2.2\n",
            },
        },
        {"address": ["192.0.2.2"], "jails": ["sshd"]},
        asked=((BanRequest(("192.0.2.2",), True, ("sshd",), False),), {}),
        lock="fail2ban",
        text="address",
    ),
    Case(
        "fail2ban_ban",
        BanResult({"sshd": BanPlan((), ())}),
        {"changed": False, "jails": {"sshd": {"before": [], "after": [], "restarted": False}}},
        {"address": ["192.0.2.2"], "state": "unbanned", "force": True},
        asked=((BanRequest(("192.0.2.2",), False, (), True),), {}),
        lock="fail2ban",
        warnings=[],
    ),
    Case(
        "fail2ban_info",
        {"running": True, "warnings": list(WARNINGS)},
        {"changed": False, "running": True, "warnings_found": WARNINGS},
        entry="gather",
        asked=((), {"prove": False}),
    ),
    Case(
        "fail2ban_info",
        {"running": True, "warnings": list(WARNINGS)},
        {"changed": False, "running": True, "warnings_found": WARNINGS},
        options={"prove": True},
        entry="gather",
        asked=((), {"prove": True}),
    ),
    Case(
        "fail2ban_jails",
        JAILS,
        {
            "changed": True,
            # Only the requested jails, without the options of their actions.
            "jails": {"sshd": {"bantime": 600}},
            "backend": "systemd",
            "banaction": "nftables",
            "reloaded": ["sshd"],
            "restarted": True,
            "proof": {},
            "diff": [
                {
                    "before_header": "/etc/fail2ban/jail.d/zz-pyhost-baseline.local",
                    "after_header": "/etc/fail2ban/jail.d/zz-pyhost-baseline.local",
                    "before": "old\n",
                    "after": "",
                },
                {"before_header": DROP_IN, "after_header": DROP_IN, "before": "", "after": "[Service]\n"},
                {"before_header": ACTION, "after_header": ACTION, "before": "", "after": "class Action\n"},
                {
                    "before_header": "running server",
                    "after_header": "running server",
                    "before": "service runs = False\n",
                    "after": (
                        "service runs = True\nsshd runs = True\nsshd bantime = 600\nsshd action x = y\n"
                        "others runs = True\nothers bantime = 1\n"
                    ),
                },
            ],
        },
        {
            "defaults": {"bantime": "1h"},
            "jails": {"sshd": None, "postfix": {"enabled": False}},
            "backend": "systemd",
            "banaction": "ipset",
            "sshd_logins": "keys",
            "check_sshd": False,
            "ignore_controller": True,
            "prove": True,
            "reload": False,
        },
        asked=(
            (
                JailsRequest(
                    defaults={"bantime": "1h"},
                    jails={"sshd": {}, "postfix": {"enabled": False}},
                    backend="systemd",
                    banaction="ipset",
                    sshd_logins="keys",
                    check_sshd=False,
                    ignore_controller=True,
                ),
            ),
            {"reload": False, "proof": True},
        ),
        lock="fail2ban",
        text="backend",
    ),
    Case(
        "firewall",
        FirewallPlan(
            BackendPlan("nftables", {"/etc/x": "same\n"}, {"/etc/x": "same\n"}),
            warnings=tuple(WARNINGS),
            ssh_ports=(22,),
            exposed=(PublishedPort("tcp", PortRange(8080, 8080), "172.17.0.2:80"),),
        ),
        {
            "changed": False,
            "diff": [],
            "backend": "nftables",
            "ssh_ports": [22],
            "exposed": ["8080/tcp to 172.17.0.2:80"],
        },
        {"allow": ["http"], "outgoing": "deny", "icmp": False},
        entry="plan_request",
        asked=(
            (FirewallRequest((AllowRule("tcp", (PortRange(80, 80),)),), outgoing="deny", icmp=False),),
            {},
        ),
        lock="firewall",
        text="ssh_rate_limit",
        stand_ins={"require_systemd": lambda _host: None, "read_services": lambda _host: parse_services("")},
    ),
    Case(
        "firewall_info",
        {"backend": "nftables", "warnings": list(WARNINGS)},
        {"changed": False, "backend": "nftables", "warnings_found": WARNINGS},
        entry="gather",
        asked=((), {}),
    ),
    Case(
        "freebsd_updates",
        POLICY,
        CHANGED,
        asked=((of_freebsd(),), {"security_reports": None}),
        lock="freebsd_updates",
        text="calendar",
    ),
    Case(
        "freebsd_updates",
        POLICY,
        CHANGED,
        {"enabled": False, "security_reports": True},
        asked=((None,), {"security_reports": True}),
        lock="freebsd_updates",
    ),
    Case(
        "packages",
        PackagesResult({"git": "1"}, {"git": "2"}, True, True, tuple(WARNINGS)),
        {
            "changed": True,
            "resolved": {"git": ["git"]},
            "installed": {},
            "upgraded": {"git": {"before": "1", "after": "2"}},
            "removed": {},
            "cache_updated": True,
            "repositories_enabled": [],
            "diff": {"before": "git 1\n", "after": "git 2\n"},
            "ansible_facts": {"pyhost_system": DEBIAN.as_fact()},
        },
        {
            "name": ["git"],
            "state": "latest",
            "install_recommends": True,
            "update_cache": False,
            "cache_valid_time": 5,
            "lock_timeout": 7,
            "enable_repositories": False,
        },
        entry="_packages_ensure",
        asked=(
            (
                PackagesRequest(
                    packages=("git",),
                    state="latest",
                    recommends=True,
                    update_cache=False,
                    cache_valid_time=5,
                    lock_timeout=7,
                    repositories={},
                    enable_repositories=False,
                ),
            ),
            {},
        ),
        text="name",
        stand_ins=PACKAGES,
    ),
    Case(
        "pf_anchor",
        PolicyResult({"/etc/x": "old\n"}, {"/etc/x": "new\n"}, {"name": "of the result"}),
        CHANGED,
        {"anchor": "mine/*"},
        asked=(("mine/*",), {}),
        lock="pf_anchor",
        warnings=[],
        text="anchor",
    ),
    Case(
        "python_venv",
        PolicyResult({"/etc/x": "old\n"}, {"/etc/x": "new\n"}, {"name": "of the result"}),
        CHANGED,
        {"venvs": [VENV], "timeout": 60},
        warnings=[],
        text="venvs",
    ),
    Case(
        "python_venv",
        PolicyResult(result={"venvs": []}, warnings=["a warning"]),
        {"changed": False, "diff": [], "venvs": []},
        {"venvs": [VENV], "state": "checked"},
        entry="check",
        warnings=["a warning"],
    ),
    Case(
        "sshd_config",
        {"changed": True, "path": "/x", "confirmation": {"server_port": 22}, "warnings": list(WARNINGS)},
        {"changed": True, "path": "/x"},
        {"settings": {"Port": 22}},
        text="dropin",
    ),
    Case(
        "sshd_info",
        {"effective": {"port": ["22"]}},
        {"changed": False, "effective": {"port": ["22"]}},
        {"connection": {"user": "ann", "local_port": 22}, "path": "/x"},
        entry="gather",
        asked=(
            (),
            {
                "main": "/x",
                "requested": {
                    "user": "ann",
                    "address": None,
                    "host": None,
                    "local_address": None,
                    "local_port": 22,
                },
            },
        ),
        warnings=[],
        text="path",
    ),
    Case(
        "unattended_upgrades",
        POLICY,
        CHANGED,
        {"origins": ["origin=Debian"]},
        lock="unattended_upgrades",
        text="reboot_time",
        stand_ins={**NOTHING, **UPGRADES},
    ),
    Case(
        "unattended_upgrades",
        POLICY,
        CHANGED,
        {"state": "absent"},
        lock="unattended_upgrades",
        stand_ins=NOTHING,
    ),
    Case(
        "unattended_upgrades_info",
        {"installed": True, "problems": list(WARNINGS)},
        {"changed": False, "installed": True, "problems": WARNINGS},
        entry="gather_info",
        asked=((192,), {}),
        stand_ins=NOTHING,
    ),
]
each = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.module}-{len(case.options)}")


@dataclass
class Ran:
    """What a run of a module asked for and printed."""

    result: dict[str, t.Any]
    warned: list[str]
    calls: list[t.Any]
    locks: list[str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., Ran]:
    """Run the module of a case; its ``entry`` returns the answer, or raises where this is an error."""

    def call(case: Case, answer: t.Any, options: dict[str, t.Any] | None = None) -> Ran:
        ran = Ran({}, [], [], [])
        held: list[str] = []

        @contextlib.contextmanager
        def lock(_host: Host, name: str) -> t.Iterator[None]:
            held.append(name)
            ran.locks.append(name)
            yield
            held.remove(name)

        def entry(host: t.Any, *given: t.Any, **named: t.Any) -> t.Any:
            assert isinstance(host, (Host, System))
            assert held == ([case.lock] if case.lock else [])
            ran.calls.append((given, named))
            if isinstance(answer, Exception):
                raise answer
            return answer

        module = importlib.import_module(f"{modules.__name__}.{case.module}")
        source = source_of(module, case.module)
        for name, stand_in in case.stand_ins.items():
            monkeypatch.setattr(source, name, stand_in)
        monkeypatch.setattr(
            source if hasattr(source, case.entry) else importlib.import_module(__name__), case.entry, entry
        )
        monkeypatch.setattr(Host, "lock", lock)
        monkeypatch.setattr(Host, "run", lambda *_given, **_named: pytest.fail("a command was run"))
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: ran.warned.append(text))
        given = {"_ansible_check_mode": False, **(case.options if options is None else options)}
        monkeypatch.setattr(basic, "_load_params", lambda: copy.deepcopy(given))
        # ansible-core 2.21 asks here whether the answer is to have the arguments.
        monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", {"_ansible_inject_invocation": True}, raising=False)
        # What ansible-core 2.19 and later encode the answer by.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit) as ended:
            module.main()
        ran.result = json.loads(capsys.readouterr().out)
        assert ended.value.code == int("failed" in ran.result)
        return ran

    return call


def source_of(module: types.ModuleType, name: str) -> types.ModuleType:
    """Return where the module's function that touches the host is looked up: in the file of its options, or in it."""
    if name not in MODULES:
        return module
    return importlib.import_module(f"{MODULE_UTILS}.{MODULES[name].package}.host.{name}_module")


def test_no_module_is_forgotten() -> None:
    names = [one.name for one in pkgutil.iter_modules(modules.__path__)]
    with_main = {name for name in names if hasattr(importlib.import_module(f"{modules.__name__}.{name}"), "main")}
    # The plan has tests of its own (test_baseline_plan.py): it has no options but those of other modules.
    assert {case.module for case in CASES} | {"baseline_plan"} == with_main
    # The others are run on the controller.
    assert set(names) - with_main == {"python_bootstrap", "ssh_login", "ssh_reach"}


@each
def test_a_result_is_returned_with_its_warnings(run: t.Callable[..., Ran], case: Case) -> None:
    ran = run(case, copy.deepcopy(case.answer))
    assert {name: ran.result.get(name) for name in case.expected} == case.expected
    assert "failed" not in ran.result
    assert ran.warned == case.warnings
    assert ran.locks == ([case.lock] if case.lock else [])
    assert len(ran.calls) == 1
    if case.asked is not None:
        assert ran.calls == [case.asked]


@each
@pytest.mark.parametrize("state", [None, "half of it was done"])
def test_an_error_is_returned_by_its_parts(run: t.Callable[..., Ran], case: Case, state: str | None) -> None:
    error = BaselineError(
        "it cannot be done", option="an option", where="/x:1", hint="do something", state=state, culprits=["/x:1"]
    )
    ran = run(case, error)
    assert len(ran.calls) == 1
    sentence = f"an option: /x:1: it cannot be done; {state or 'this task changed nothing'}; do something"
    parts = {"option": "an option", "where": "/x:1", "hint": "do something", "culprits": ["/x:1"]}
    assert {name: ran.result.get(name) for name in ("failed", "msg", *parts)} == {
        "failed": True,
        "msg": sentence,
        **parts,
    }
    assert "changed" not in ran.result or not ran.result["changed"]
    assert ran.warned == []


@pytest.mark.parametrize("case", [case for case in CASES if case.text], ids=lambda case: case.module)
def test_a_text_of_two_lines_reaches_no_host(run: t.Callable[..., Ran], case: Case) -> None:
    text: t.Any = "a\u2028b"
    if case.text in ("name", "address"):
        text = [text] if isinstance(case.options[case.text], list) else text
    elif case.text == "venvs":
        text = [{**VENV, "owner": text}]
    ran = run(case, AssertionError("it was reached"), {**case.options, case.text: text})
    assert ran.result["failed"] and ran.calls == [] and ran.locks == []
    assert "U+2028 (LINE SEPARATOR) at character 2 is not allowed there" in ran.result["msg"]
    assert ran.result["option"].startswith(case.text)
    assert ran.result["msg"].endswith("; this task changed nothing; write it as one line of printable characters")


def case_of(module: str, number: int = 0) -> Case:
    return [case for case in CASES if case.module == module][number]


def test_the_answer_of_python_venv_has_no_password(run: t.Callable[..., Ran]) -> None:
    case = case_of("python_venv")
    address = "https://ann:s3cret-one@example.org/simple"
    venv = {**VENV, "requirements": [f"a @ {address}"], "index_url": address.replace("one", "two")}
    ran = run(case, BaselineError(f"pip: {address} and s3cret-two"), {"venvs": [venv]})
    assert ran.result["failed"]
    assert "s3cret-one" not in json.dumps(ran.result)
    assert ran.result["invocation"]["module_args"]["venvs"][0]["index_url"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
