"""No more is computed than what is read, and no less."""

from __future__ import annotations

from pathlib import Path

from trading_assets.features.tables import INDICATORS
from trading_assets.market_data.tables import BARS
from trading_assets.robustness.look_ahead.what_is_read import columns_named, columns_read, indicators_read
from trading_assets_tests.robustness.look_ahead.test_audit import CLEAN, RULES, configured


def test_rules_name_what_they_read_and_target_weights_read_anything(tmp_path: Path) -> None:
    leak = {"type": RULES, "leak": "range_of_the_next_session"}
    configuration = configured(tmp_path, {**CLEAN, "leak": leak})
    assert {"adj_high", "adj_low", "flags"} <= set(columns_read(configuration, "leak"))
    assert "market_cap" not in columns_read(configuration, "momentum")
    assert columns_read(configuration, "factor") == columns_read(configuration, "blend") == list(BARS.columns)
    assert indicators_read(configuration, "momentum") >= {"ma_20", "ma_50", "atr_14", "roc_60", "adv_20"}
    assert "adx_14" not in indicators_read(configuration, "momentum")
    assert indicators_read(configuration, "blend") == set(INDICATORS.columns)
    assert columns_named(configuration, "ml") >= {"score"}
    assert columns_named(configuration, "blend") >= columns_named(configuration, "momentum")
