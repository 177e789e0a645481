"""What the acceptance suite needs to know of the host that it asks.

``pytest tests/acceptance --hosts=ssh://deploy@HOST --sudo`` points it at an own host; ``PYHOST_ADMIN`` names its admin.
"""

from __future__ import annotations

import os

import pytest
from testinfra.host import Host

FAMILIES = {"debian": "debian", "ubuntu": "debian", "rhel": "redhat", "fedora": "redhat", "freebsd": "freebsd"}
_HOST = "_testinfra_host"


def family(host: Host) -> str | None:
    """The family of ``host`` as its os-release tells it; ``None`` where it does not answer."""
    words = host.run(". /etc/os-release && echo $ID $ID_LIKE").stdout.split()
    return next((FAMILIES[word] for word in words if word in FAMILIES), None)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "family(*names): collect the test for hosts of these families alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other families than the host's; a host that does not answer keeps all, and fails them."""
    known: dict[int, str | None] = {}

    def fits(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("family")
        callspec = getattr(item, "callspec", None)
        if marker is None or callspec is None or _HOST not in callspec.params:
            return True
        host = callspec.params[_HOST]
        if id(host) not in known:
            known[id(host)] = family(host)
        return known[id(host)] in (None, *marker.args)

    kept = [item for item in items if fits(item)]
    if left_out := [item for item in items if item not in kept]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def admin() -> str:
    """The admin user of the host under test (``admin_user_name``)."""
    return os.environ.get("PYHOST_ADMIN", "deploy")
