"""Files of data are found by the mark on their settings, wherever those are."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config.data_files import data_files
from trading_assets_tests.market_data.experiments import experiment


def test_every_setting_that_names_a_file_is_found(tmp_path: Path) -> None:
    """One of each kind, of a list, a section, a mapping's values and a choice of types; words are no files."""
    source = {
        "source": "files",
        "asset_class": "equity",
        "path": "b/*.csv",
        "actions": "a.csv",
        "delistings": "d.csv",
    }
    coins = {"source": "files", "asset_class": "crypto", "path": "coins.csv"}
    configuration = experiment(
        tmp_path,
        market_data=[source, coins],
        universe={"equity": "members.csv", "crypto": "all"},
        sectors="sectors.csv",
        quality={"overrides": "reviewed.csv"},
        risk_free={"file": "rates.csv"},
        costs={"borrow_rates": "borrow*.csv"},
    )
    assert data_files(configuration) == {
        "market_data.0.actions": "a.csv",
        "market_data.0.delistings": "d.csv",
        "market_data.0.path": "b/*.csv",
        "market_data.1.path": "coins.csv",
        "universe.equity": "members.csv",
        "sectors": "sectors.csv",
        "quality.overrides": "reviewed.csv",
        "costs.borrow_rates": "borrow*.csv",
        "risk_free.file": "rates.csv",
    }


def test_values_that_are_no_files_are_none(tmp_path: Path) -> None:
    plain = experiment(tmp_path, sectors={"AAA": "banks"}, universe={"equity": ["AAA"]})
    assert {key for key in data_files(plain) if not key.startswith("market_data")} == set()
