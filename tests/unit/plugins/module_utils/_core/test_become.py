"""The method by which a play becomes root, where it names none."""

from __future__ import annotations

from ansible import constants as C

from ansible_collections.pyhost.baseline.plugins.module_utils._core.become import DEFAULT_BECOME


def test_it_is_that_of_ansible() -> None:
    assert C.config.get_config_value("DEFAULT_BECOME_METHOD") == DEFAULT_BECOME
