"""The script of FreeBSD's automatic updates, run by this machine's /bin/sh.

FreeBSD's own commands are fakes on PATH here, which answer with words written from their sources (see the README of
tests/unit/fixtures/freebsd): what is proven is what the script does with such answers, not what FreeBSD answers.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd import FreebsdUpdatesPolicy
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd_script import script

NOTHING_FETCHED = """\
Looking up update.FreeBSD.org mirrors... 3 mirrors found.
Fetching metadata signature for 14.3-RELEASE from update1.freebsd.org... done.
Fetching metadata index... done.
Inspecting system... done.
Preparing to download files... done.

No updates needed to update system to 14.3-RELEASE-p5.
No updates are available to install.
"""
INSTALLED = """\
Looking up update.FreeBSD.org mirrors... 3 mirrors found.
Fetching metadata signature for 14.3-RELEASE from update1.freebsd.org... done.
The following files will be updated as part of updating to
14.3-RELEASE-p6:
/bin/freebsd-version
/lib/libcrypto.so.30
Installing updates...
Restarting sshd after upgrade
Performing sanity check on sshd configuration.
Stopping sshd.
Starting sshd.
 done.
"""
END_OF_LIFE = """
WARNING: FreeBSD 14.3-RELEASE is approaching its End-of-Life date.
It is strongly recommended that you upgrade to a newer
release within the next 1 month.
"""

FAKES = {
    # The only one that does what it says: the lock is real.
    "lockf": 'shift 4; file=$1; shift; exec flock -n -E 75 "$file" "$@"',
    "logger": 'echo "logger $*" >> LOG; [ "$5" != -f ] || sed "s/^/logger: /" "$6" >> LOG',
    "jot": 'echo "$4"',
    "sleep": 'echo "sleep $*" >> LOG',
    "freebsd-update": 'echo "freebsd-update $*" >> LOG; cat WORLD/freebsd-update; . WORLD/freebsd-update.sh',
    "freebsd-version": "cat WORLD/version$1",
    "pkg": """
case $* in
-N) [ -e WORLD/has-pkg ] ;;
"which -q /usr/bin/uname") [ -e WORLD/pkgbase ] && echo FreeBSD-runtime-15.0 ;;
"query -a "*) cat WORLD/installed ;;
"repositories -e -l") printf 'FreeBSD-ports\\nFreeBSD-ports-kmods\\nFreeBSD-base\\n' ;;
"audit -F -q") echo "pkg $*" >> LOG; cat WORLD/vulnerable; exit "$(cat WORLD/audit)" ;;
upgrade*) echo "pkg $*" >> LOG; . WORLD/upgrade.sh ;;
"autoremove -y") echo "pkg $*" >> LOG; echo curl-8.14.1 > WORLD/installed ;;
*) echo "pkg $*: not in the fake" >&2; exit 64 ;;
esac""",
    "who": "cat WORLD/who",
    "pgrep": "[ -e WORLD/shutting-down ]",
    "shutdown": 'echo "shutdown $*" >> LOG',
    "date": "echo 23:30",
}


class World:
    """A host of fakes: files that say what the fakes answer, and the log of what was run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        self.log.touch()
        for name, text in FAKES.items():
            fake = root / "bin" / name
            fake.parent.mkdir(exist_ok=True)
            fake.write_text("#!/bin/sh\n" + text.replace("LOG", str(self.log)).replace("WORLD", str(root)) + "\n")
            fake.chmod(0o755)
        self.put("has-pkg", "")
        self.put("installed", "curl-8.14.1\npython311-3.11.13\n")
        self.put("vulnerable", "")
        self.put("audit", "0")
        self.put("upgrade.sh", "")
        self.put("freebsd-update", NOTHING_FETCHED)
        self.put("freebsd-update.sh", "")
        self.put("who", "")
        for version in "kru":
            self.put(f"version-{version}", "14.3-RELEASE-p5\n")

    def put(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def run(self, *words: str, state: str = "state", **policy: t.Any) -> tuple[int, str, list[str]]:
        """Run the script; return its exit status, what cron would mail, and what was run and logged."""
        path = self.root / "script"
        search = f"{self.root}/bin:{os.environ['PATH']}"
        path.write_text(script(FreebsdUpdatesPolicy(**policy), path=search, state=f"{self.root}/{state}"))
        ran = subprocess.run(["/bin/sh", path, *words], capture_output=True, text=True, timeout=30, check=False)
        assert ran.stderr == ""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return ran.returncode, ran.stdout, lines


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


UPDATE = "freebsd-update --not-running-from-cron fetch install"
AUDIT = "pkg audit -F -q"
IDLE = "logger -t pyhost-baseline-updates -p daemon.info nothing to update"


def test_a_night_without_updates(world: World) -> None:
    assert world.run("cron") == (0, "", ["sleep 3600", UPDATE, AUDIT, IDLE])
    assert not (world.root / "state.reboot").exists()
    # By hand nobody waits.
    assert world.run(mail_report="always") == (0, "nothing to update\n", [UPDATE, AUDIT, IDLE])


def test_nothing_vulnerable_upgrades_nothing(world: World) -> None:
    """With no vulnerable package ``pkg upgrade -v`` is a plain ``pkg upgrade`` (libpkg/pkg_jobs.c): it must not run."""
    world.put("upgrade.sh", "echo curl-8.15.0 > WORLD/installed".replace("WORLD", str(world.root)))
    status, _mail, lines = world.run(base=False)
    assert (status, lines) == (0, [AUDIT, IDLE])


def test_a_vulnerable_package(world: World) -> None:
    world.put("vulnerable", "Fetching vuln.xml.xz: . done\ncurl-8.14.1\n")
    world.put("audit", "1")
    world.put("upgrade.sh", f"printf 'curl-8.15.0\\npython311-3.11.13\\n' > {world.root}/installed")
    status, mail, lines = world.run(base=False)
    assert status == 0
    assert mail == "packages changed:\n- curl-8.14.1\n+ curl-8.15.0\n"
    assert lines[:2] == [AUDIT, "pkg upgrade -y -v"]
    assert "logger: + curl-8.15.0" in lines
    assert not (world.root / "state.reboot").exists()


def test_an_audit_that_could_not_look_is_a_failure(world: World) -> None:
    world.put("vulnerable", "pkg: cannot fetch vulnxml file\n")
    world.put("audit", "1")
    status, mail, lines = world.run(base=False, mail_report="only-on-error")
    assert status == 1
    assert mail == "pkg audit -F -q failed (exit status 1):\npkg: cannot fetch vulnxml file\n"
    assert "pkg upgrade -y -v" not in lines


def test_all_packages(world: World) -> None:
    assert world.run(base=False, packages="all") == (0, "", ["pkg upgrade -y", IDLE])
    assert world.run(packages="none") == (0, "", [UPDATE, IDLE])


def test_what_nothing_needs_any_more(world: World) -> None:
    status, mail, lines = world.run(base=False, packages="all", autoremove=True)
    assert (status, mail) == (0, "packages changed:\n- python311-3.11.13\n")
    assert lines[:2] == ["pkg upgrade -y", "pkg autoremove -y"]


def test_the_base_system(world: World) -> None:
    world.put("freebsd-update", INSTALLED + END_OF_LIFE)
    world.put("freebsd-update.sh", f"echo 14.3-RELEASE-p6 > {world.root}/version-u")
    status, mail, lines = world.run(packages="none")
    assert status == 0
    assert mail.splitlines() == [
        "WARNING: FreeBSD 14.3-RELEASE is approaching its End-of-Life date.",
        "the base system was updated: 14.3-RELEASE-p5 is 14.3-RELEASE-p6 now",
        "a reboot is required: the base system was updated since the boot",
    ]
    assert not [line for line in lines if line.startswith("shutdown")]
    # The next night has nothing new, and still says so to syslog, but mails nobody.
    world.put("freebsd-update", NOTHING_FETCHED)
    world.put("freebsd-update.sh", "")
    status, mail, lines = world.run(packages="none")
    assert (status, mail) == (0, "")
    assert lines[-1].endswith("daemon.notice a reboot is required: the base system was updated since the boot")


def test_a_failure_of_the_base_does_not_keep_packages_back(world: World) -> None:
    world.put("freebsd-update", "No mirrors remaining, giving up.\n")
    world.put("freebsd-update.sh", "exit 1")
    status, mail, lines = world.run(packages="all")
    assert status == 1
    assert mail.splitlines() == [f"{UPDATE} failed (exit status 1):", "No mirrors remaining, giving up."]
    assert "pkg upgrade -y" in lines


def test_pkgbase(world: World) -> None:
    world.put("pkgbase", "")
    world.put("installed", "FreeBSD-runtime-15.0\n")
    world.put("upgrade.sh", f"case $* in *base) echo FreeBSD-runtime-15.0p1 > {world.root}/installed;; esac")
    status, mail, lines = world.run(packages="none", reboot="when_required")
    assert status == 0
    assert lines[0] == "pkg upgrade -y -r FreeBSD-base"
    assert "+ FreeBSD-runtime-15.0p1" in mail
    assert lines[-1] == "shutdown -r +1 automatic updates: the base system was updated since the boot"


def test_pkgbase_with_packages_alone(world: World) -> None:
    world.put("pkgbase", "")
    _status, _mail, lines = world.run(base=False, packages="all")
    assert lines[:2] == ["pkg upgrade -y -r FreeBSD-ports", "pkg upgrade -y -r FreeBSD-ports-kmods"]


def test_a_host_without_pkg(world: World) -> None:
    (world.root / "has-pkg").unlink()
    assert world.run(packages="none") == (0, "", [UPDATE, IDLE])


@pytest.mark.parametrize(
    ("policy", "who", "shutting_down", "last"),
    [
        ({"reboot": "never"}, "", False, "a reboot is required: WHY"),
        ({"reboot": "when_required"}, "", False, "shutdown -r +1 automatic updates: WHY"),
        ({"reboot": "when_required", "reboot_time": "04:15"}, "", False, "shutdown -r +285 automatic updates: WHY"),
        # It is 23:30 now: at once, not in a day.
        ({"reboot": "when_required", "reboot_time": "23:30"}, "", False, "shutdown -r +1 automatic updates: WHY"),
        ({"reboot": "when_required"}, "admin pts/0 Nov 22 23:00\n", False, "shutdown -r +1 automatic updates: WHY"),
        (
            {"reboot": "when_required", "reboot_with_users": False},
            "admin pts/0 Nov 22 23:00\n",
            False,
            "a reboot is required: WHY; put off, for somebody is logged in",
        ),
        ({"reboot": "when_required"}, "", True, "a reboot is required: WHY; one is under way already"),
    ],
)
def test_a_new_kernel(world: World, policy: dict[str, t.Any], who: str, *, shutting_down: bool, last: str) -> None:
    world.put("version-k", "14.3-RELEASE-p6\n")
    world.put("who", who)
    if shutting_down:
        world.put("shutting-down", "")
    _status, _mail, lines = world.run(packages="none", **policy)
    assert lines[-1].endswith(last.replace("WHY", "the kernel 14.3-RELEASE-p6 is installed, 14.3-RELEASE-p5 runs"))


def test_two_runs_do_not_meet(world: World) -> None:
    lock = world.root / "state.lock"
    with subprocess.Popen(["flock", "-n", lock, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"held\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        status, mail, lines = world.run()
        holder.stdin.close()
    assert (status, mail) == (75, "")
    assert lines == [
        "logger -t pyhost-baseline-updates -p daemon.warning another run is under way; this one did nothing"
    ]


def test_shellcheck_has_nothing_against_it() -> None:
    """SC2003 would have $(( )) in expr's place, which reads 08 as a wrong octal number."""
    shellcheck = Path(sys.executable).parent / "shellcheck"
    ran = subprocess.run(
        [shellcheck, "--shell=sh", "--exclude=SC2003", "-"],
        input=script(FreebsdUpdatesPolicy()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_its_folder_is_roots_alone(world: World) -> None:
    """Whoever made it before would hold the lock, or have root write elsewhere."""
    (world.root / "elsewhere").mkdir()
    (world.root / "run").symlink_to(world.root / "elsewhere")
    status, mail, lines = world.run(state="run/state")
    assert (status, mail) == (1, "")
    [line] = lines
    assert line.endswith(f"{world.root}/run is no folder of root's alone; this run did nothing")
    assert list((world.root / "elsewhere").iterdir()) == []
    (world.root / "run").unlink()
    assert world.run(state="run/state")[0] == 0
    assert stat.S_IMODE((world.root / "run").stat().st_mode) == 0o700
    # Nothing but the lock is left.
    assert [path.name for path in (world.root / "run").iterdir()] == ["state.lock"]
