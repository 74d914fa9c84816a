"""Ages: hot months by table, and no part in any hash."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config.lifecycle import Lifecycle
from trading_assets_tests.conftest import TINY
from trading_assets_tests.loaded import loaded


def test_classes_name_their_tables_and_by_default_none_is_cold() -> None:
    assert Lifecycle().hot_months == {}
    said = Lifecycle.model_validate({"bars": {"hot_months": 24}, "features": {"hot_months": 6}})
    assert said.hot_months == {
        "market_data.raw_bars": 24,
        "market_data.bars": 24,
        "features.indicators": 6,
        "features.daily": 6,
    }


def test_no_result_follows_from_it(tmp_path: Path) -> None:
    configuration = loaded(TINY, tmp_path)
    other = Lifecycle.model_validate({"bars": {"hot_months": 1}, "log_days": 1})
    aged = configuration.model_copy(update={"lifecycle": other})
    assert aged.hash == configuration.hash
    assert {name: aged.hash_for(name) for name in aged.strategies} == {
        name: configuration.hash_for(name) for name in configuration.strategies
    }
