"""Where tables are kept decides no result: no hash knows it, so no registration and no step either."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_no_hash_knows_where_tables_are_kept(tmp_path: Path) -> None:
    plain, kept = (load(tmp_path, MINIMAL + text) for text in ("", "warehouse: {lake: true}\n"))
    assert not plain.warehouse.lake
    assert kept.warehouse.lake
    assert kept.hash == plain.hash
    assert kept.hash_of_trials == plain.hash_of_trials
    assert [kept.hash_for(name) for name in kept.strategies] == [plain.hash_for(name) for name in plain.strategies]


def test_a_key_that_is_none_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lake"):
        load(tmp_path, MINIMAL + "warehouse: {lakes: true}\n")
