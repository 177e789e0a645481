"""Whether an undo still counts; that it is carried out is seen on hosts."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._host_undo import PLACE, counts
from ansible_collections.pyhost.baseline.plugins.module_utils._undo import armed_text
from tests.unit.fake_host import FakeHost


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({PLACE.armed: armed_text("mine", 0.0)}, True, id="armed"),
        pytest.param({PLACE.armed: armed_text("another's", 0.0)}, False, id="of another run"),
        pytest.param({PLACE.undoing: ""}, False, id="begun"),
        pytest.param({}, False, id="done"),
    ],
)
def test_counts(files: dict[str, str], expected: bool) -> None:
    assert counts(FakeHost(files), "mine") is expected  # type: ignore[arg-type]  # the fake stands in for the host
