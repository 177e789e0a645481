"""Our files on the host: which ones are ours, in which order they are written, and what is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.config import HEADER
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import parse_filters
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.own_files import (
    check_filter_names,
    read_own_files,
    remove_other_files,
    restore_own_files,
    write_own_files,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import OwnFile
from tests.unit.fake_host import FakeHost

ROOT = "/etc/fail2ban"
FOLDER = f"{ROOT}/filter.d"
OURS = f"{HEADER}\n\n[Definition]\n"
FILTERS = parse_filters({"shop": {"failregex": "^<HOST>$", "matches": ["192.0.2.1"]}})


def host_of(files: dict[str, str]) -> t.Any:
    return FakeHost(files)


def test_only_files_with_our_header_are_ours() -> None:
    host = host_of(
        {f"{FOLDER}/shop.local": OURS, f"{FOLDER}/sshd.local": "[Definition]\n", f"{FOLDER}/copy.conf": OURS}
    )
    assert read_own_files(host, ROOT) == {"/filter.d/shop.local": OwnFile(OURS)}


def test_who_can_read_a_file() -> None:
    host = host_of({f"{FOLDER}/shop.local": OURS})
    host.modes[f"{FOLDER}/shop.local"] = 0o600
    assert read_own_files(host, ROOT) == {"/filter.d/shop.local": OwnFile(OURS, private=True)}


BEFORE = {"/a": OwnFile("a"), "/b": OwnFile("b"), "/s": OwnFile("s")}
AFTER = {"/a": OwnFile("a"), "/c": OwnFile("c"), "/s": OwnFile("s", private=True)}


def test_what_differs_is_written_and_removed() -> None:
    host = host_of({ROOT + path: file.text for path, file in BEFORE.items()})
    write_own_files(host, ROOT, BEFORE, AFTER)
    # A file that is replaced keeps its mode, so one that others can read is removed first.
    assert host.written == [f"{ROOT}/c", f"{ROOT}/s", f"{ROOT}/s"]
    assert host.modes == {f"{ROOT}/c": 0o644, f"{ROOT}/s": 0o600}
    remove_other_files(host, ROOT, BEFORE, AFTER)
    assert host.files == {f"{ROOT}/a": "a", f"{ROOT}/c": "c", f"{ROOT}/s": "s"}


def test_what_was_there_is_restored() -> None:
    host = host_of({ROOT + path: file.text for path, file in BEFORE.items()})
    write_own_files(host, ROOT, BEFORE, AFTER)
    remove_other_files(host, ROOT, BEFORE, AFTER)
    restore_own_files(host, ROOT, BEFORE, AFTER)
    assert host.files == {ROOT + path: file.text for path, file in BEFORE.items()}


@pytest.mark.parametrize("file", ["shop.conf", "shop.local", "shop.d/more.conf", "shop.d/more.local"])
def test_a_name_that_somebody_else_uses(file: str) -> None:
    with pytest.raises(BaselineError, match=f"there is a filter of this name already.*{FOLDER}/{file}"):
        check_filter_names(host_of({f"{FOLDER}/{file}": "[Definition]\n"}), ROOT, FILTERS, {})


def test_our_own_file_of_that_name() -> None:
    host = host_of({f"{FOLDER}/shop.local": OURS, f"{FOLDER}/other.conf": ""})
    check_filter_names(host, ROOT, FILTERS, read_own_files(host, ROOT))


def test_an_include() -> None:
    filters = parse_filters(
        {
            "shop": {"failregex": "^<HOST>$", "matches": ["192.0.2.1"], "before": ["common.conf", "base.local"]},
            "base": {"failregex": "^<HOST>$", "matches": ["192.0.2.1"]},
        }
    )
    check_filter_names(host_of({f"{FOLDER}/common.conf": ""}), ROOT, filters, {})
    with pytest.raises(BaselineError, match="unknown file in filter.d 'common.conf'"):
        check_filter_names(host_of({}), ROOT, filters, {})
