"""Functions in processes of their own: real ones, on this machine."""

from __future__ import annotations

import atexit
import os
import shutil
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.side_by_side import run_side_by_side


def test_results_come_in_the_order_of_the_functions() -> None:
    def slow() -> dict[str, int]:
        time.sleep(0.2)
        return {"pid": os.getpid()}

    first, second = run_side_by_side([slow, lambda: {"text": "\udcff" * 200_000}])
    assert first["pid"] != os.getpid()
    assert second == {"text": "\udcff" * 200_000}
    assert run_side_by_side([]) == []


def test_a_function_cleans_up_what_it_began_and_no_more(tmp_path: Path) -> None:
    def registers() -> dict[str, int]:
        atexit.register((tmp_path / "child").touch)
        return {}

    atexit.register((tmp_path / "parent").touch)
    try:
        run_side_by_side([registers])
    finally:
        atexit.unregister((tmp_path / "parent").touch)
    assert [path.name for path in tmp_path.iterdir()] == ["child"]


def test_a_function_cleans_up_in_a_process_of_mitogens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It replaces atexit.register, so that the folders of a module go before its process ends."""
    deferred: list[t.Any] = []
    monkeypatch.setattr(atexit, "register", lambda *given, **_named: deferred.append(given))

    def registers() -> dict[str, int]:
        folder = tmp_path / "scratch"
        folder.mkdir()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return {"made": folder.is_dir()}

    assert run_side_by_side([registers]) == [{"made": True}]
    assert (list(tmp_path.iterdir()), deferred) == ([], [])


def fails() -> dict[str, int]:
    raise ValueError("it broke")


def ends() -> dict[str, int]:
    os._exit(3)


@pytest.mark.parametrize(("function", "reason"), [(fails, "ValueError: it broke"), (ends, "status 768")])
def test_a_function_without_a_result_is_an_error(function: t.Callable[[], dict[str, int]], reason: str) -> None:
    with pytest.raises(BaselineError, match="a process of the module ended without a result") as caught:
        run_side_by_side([function, lambda: {}])
    assert reason in caught.value.problem
