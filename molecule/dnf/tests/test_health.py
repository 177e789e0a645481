"""Metadata that nobody fetches any more, and runs that fail, on a host that was set up long ago."""

from __future__ import annotations

import typing as t

import pytest
from testinfra.host import Host

from tests.hosts.runs import ad_hoc

Result = dict[str, t.Any]
# As in converge.yml, so that nothing is changed.
POLICY = {"blocklist": ["kernel"], "calendar": "*-*-* 04:00", "random_delay": "10m", "max_age": 48}
FILES = "/var/cache/dnf/*/repodata/* /var/cache/libdnf5/*/repodata/*"
OLD = f"for file in {FILES}; do if test -e $file; then touch --date '90 days ago' $file; fi; done"


def service(host: Host) -> str:
    is_dnf5 = host.file("/usr/share/dnf5/dnf5-plugins/automatic.conf").exists
    return f"{'dnf5-automatic' if is_dnf5 else 'dnf-automatic'}.service"


def answer(host: Host) -> Result:
    found = ad_hoc(
        "molecule-dnf", "pyhost.baseline.dnf_automatic", POLICY, user="root", host=host.backend.get_hostname()
    )
    assert found["changed"] is False, found
    return found


@pytest.fixture
def archives(host: Host) -> t.Iterator[Host]:
    """A host with a policy of long ago, whose archives come back."""
    host.check_output("touch --date '30 days ago' /etc/machine-id /etc/dnf/automatic.conf")
    try:
        yield host
    finally:
        host.check_output("if test -e /srv/rpm-away; then mv /srv/rpm-away /srv/rpm; fi; dnf -q makecache")


def test_a_run_finds_current_metadata_current(archives: Host) -> None:
    """Neither dnf rewrites them: the time of one file tells."""
    archives.check_output(OLD)
    warned = answer(archives)
    metadata, *others = warned["warnings"]
    assert metadata.startswith("the metadata of ") and "were last fetched 2160 hours ago" in metadata
    assert warned["metadata_age"] == 2160
    # The tests of another file may have had it run.
    unseen = f"{service(archives)} has not been seen to succeed (limit: 48 hours)"
    assert len(others) == (warned["success_age"] is None)
    assert all(one.startswith(unseen) for one in others)
    archives.check_output(f"systemctl reset-failed {service(archives)}; systemctl start {service(archives)}")
    healthy = answer(archives)
    assert (healthy.get("warnings", []), healthy["metadata_age"], healthy["success_age"]) == ([], 0, 0)


def test_archives_that_are_gone(archives: Host) -> None:
    """Neither dnf-automatic fails then: it leaves out the repositories that it cannot reach."""
    # systemd refuses a unit that is started often.
    start = f"systemctl reset-failed {service(archives)}; systemctl start {service(archives)}"
    archives.check_output(f"mv /srv/rpm /srv/rpm-away; {OLD}; {start}")
    found = answer(archives)
    (warning,) = found["warnings"]
    assert "were last fetched 2160 hours ago" in warning
    assert (found["metadata_age"], found["success_age"]) == (2160, 0)
    archives.check_output(f"mv /srv/rpm-away /srv/rpm; {start}")
    assert answer(archives).get("warnings", []) == []


def test_a_run_that_fails(archives: Host) -> None:
    unit = service(archives)
    archives.check_output(f"dnf -q makecache; systemctl reset-failed {unit}; systemctl start {unit}")
    folder = f"/etc/systemd/system/{unit}.d"
    archives.check_output(
        f"mkdir {folder}; printf '[Service]\nExecStartPre=/bin/false\n' >{folder}/test.conf; systemctl daemon-reload"
    )
    try:
        archives.check_output(f"systemctl reset-failed {unit}; systemctl start {unit} || true")
        found = answer(archives)
    finally:
        archives.check_output(
            f"rm -r {folder}; systemctl daemon-reload; systemctl reset-failed {unit}; systemctl start {unit}"
        )
    (warning,) = found["warnings"]
    assert warning.startswith(f"the last run of {unit} failed (exit-code)")
    # The one before it succeeded, and the journal knows that.
    assert found["success_age"] == 0
    assert answer(archives).get("warnings", []) == []
