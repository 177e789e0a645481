"""What is requested of an account by default: a sudo rule without a password, and nothing else."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.request import AccountRequest


def test_the_defaults_leave_an_existing_account_alone() -> None:
    request = AccountRequest("deploy", ())
    assert (request.password, request.shell, request.groups, request.exclusive_keys) == ("", "", (), False)
    assert (request.sudo, request.allow_system_account) == ("nopasswd", False)
