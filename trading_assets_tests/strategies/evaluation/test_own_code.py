"""Everything of the user's own that a strategy imports is part of what it is."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from trading_assets.strategies.evaluation.identity import own_code

FILES = {
    "signals/__init__.py": "",
    "signals/consts.py": "LOOKBACK = 20\n",
    "signals/strategy.py": """
import polars as pl
from signals.consts import LOOKBACK

def target_weights(parameters, panel):
    from shared_tables import SIZES
    return panel.head(LOOKBACK * len(SIZES))
""",
    "shared_tables.py": "SIZES = [1, 2]\n",
    "unrelated.py": "X = 1\n",
}


def test_a_constant_that_is_imported_is_part_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number has no module to be found by: the import names it, at the top or within a function."""
    (tmp_path / "signals").mkdir()
    for name, source in FILES.items():
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("signals.strategy")
    before = own_code(module)
    assert set(before) == {"signals", "signals.strategy", "signals.consts", "shared_tables"}
    changes = {"signals/consts.py": "LOOKBACK = 50\n", "shared_tables.py": "SIZES = [1]\n", "unrelated.py": "X = 2\n"}
    for file, text in changes.items():
        (tmp_path / file).write_text(text)
        after = own_code(module)
        changed = {file.removesuffix(".py").replace("/", ".")} & set(before)
        assert {name for name in before if before[name] != after[name]} == changed
        before = after
