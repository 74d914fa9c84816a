"""Machine code before it is needed: what is missing is compiled and told, once, wherever numba keeps it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trading_assets.config import load_configuration
from trading_assets.machine_code_ahead import PARTS, Part, compile_ahead, is_kept, parts_of
from trading_assets_tests.conftest import REPOSITORY, TINY

MODULE = """
from pathlib import Path
from trading_assets.machine_code import kept_on_disk

def double(x):
    return 2 * x

double = kept_on_disk(double, Path(__file__).parent)
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "made.py").write_text(MODULE)
    return folder


def double_in_a_process(sources: Path) -> None:
    """Call the function in a process of its own: numba reads its variables when it is loaded."""
    environment = {**os.environ, "PYTHONPATH": f"{sources}{os.pathsep}{REPOSITORY}"}
    subprocess.run([sys.executable, "-c", "import made; assert made.double(3) == 6"], env=environment, check=True)


def test_what_is_missing_is_compiled_once_and_told(sources: Path) -> None:
    part = Part(lambda: double_in_a_process(sources), sources, "double")
    told: list[tuple[str, bool]] = []

    def tell(name: str, seconds: float | None) -> None:
        told.append((name, seconds is None))

    assert compile_ahead(tell, {"doubling": part}) == ["doubling"]
    assert told == [("doubling", True), ("doubling", False)]
    assert compile_ahead(tell, {"doubling": part}) == []
    assert len(told) == 2


def test_code_of_other_sources_and_in_another_folder_is_not_kept(
    sources: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    part = Part(lambda: double_in_a_process(sources), sources, "double")
    assert not is_kept(part)
    part.compile()
    assert is_kept(part)
    changed = tmp_path / "changed"
    shutil.copytree(sources, changed)
    (changed / "made.py").write_text(MODULE.replace("2 * x", "x + x"))
    assert not is_kept(part._replace(sources=changed))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert not is_kept(part)


def test_a_function_runs_where_nothing_can_be_kept(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is in no folder that is there, and home is a file."""
    (sources / "home").write_text("")
    monkeypatch.setenv("HOME", str(sources / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    program = f"""
import sys, types
from pathlib import Path
made = types.ModuleType("made")
text = {MODULE!r}.replace("Path(__file__).parent", "Path({str(sources)!r})")
exec(compile(text, "/proc/nowhere/made.py", "exec"), made.__dict__)
assert made.double(3) == 6
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_a_run_compiles_what_its_stages_and_its_strategies_use() -> None:
    configuration = load_configuration(TINY, None)
    assert list(parts_of(configuration, {"reports", "market_data"})) == []
    assert list(parts_of(configuration, {"features"})) == ["features"]
    everything = parts_of(configuration, {"features", "backtests"})
    assert "the engine of orders" in everything
    of_orders = {
        name: each
        for name, each in configuration.strategies.items()
        if "the engine of orders"
        in parts_of(configuration.model_copy(update={"strategies": {name: each}}), {"backtests"})
    }
    assert 0 < len(of_orders) < len(configuration.strategies)


def test_the_parts_are_kept_under_the_names_that_are_looked_for() -> None:
    for part in PARTS.values():
        part.compile()
        assert is_kept(part)
