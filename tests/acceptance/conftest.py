"""What the acceptance suite needs to know of the host that it asks.

``pytest tests/acceptance --hosts=ssh://deploy@HOST --sudo`` points it at an own host; ``PYHOST_ADMIN`` names its admin.
"""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def admin() -> str:
    """The admin user of the host under test (``admin_user_name``)."""
    return os.environ.get("PYHOST_ADMIN", "deploy")
