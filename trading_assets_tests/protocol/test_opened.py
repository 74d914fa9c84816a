"""The state of which an open holdout is shown: nothing that a person could change is left out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.protocol.opened import opening, state_of
from trading_assets.protocol.written_rows import hash_by_month, record_written
from trading_assets_tests.features.test_own import configured, declared

NOW = dt.datetime(2026, 1, 5)


def with_models(folder: Path, feature: str = "change(CLOSE, 5)", **changes: object) -> Configuration:
    models = {"trees": {}, "line": {"type": "ridge"}}
    champions = {"best": {"candidates": ["trees", "line"]}}
    return configured(folder, declared("slow", feature), changes={"models": models, "champions": champions, **changes})


def written(configuration: Configuration, close: float) -> None:
    """What a run that made bars puts on record."""
    row = (
        BARS.empty()
        .select("symbol", "session", "close")
        .clear(1)
        .with_columns(symbol=pl.lit("AAA"), session=pl.lit(dt.date(2015, 1, 5)), close=pl.lit(close))
    )
    hashes = hash_by_month(BARS, row, dt.date(2015, 1, 1), dt.date(2015, 1, 31), ["close"])
    record_written(Protocol.of(configuration), "market_data/bars", [hashes], NOW)


def test_who_opened_nothing_says_nothing(tmp_path: Path) -> None:
    assert opening(with_models(tmp_path), []) == {}


def test_the_state_changes_with_all_that_may_be_changed_and_with_nothing_else(tmp_path: Path) -> None:
    configuration = with_models(tmp_path)
    states = [state_of(configuration)]
    assert opening(configuration, ["b", "a"]) == {
        "opened_by": ["a", "b"],
        "config_hash": configuration.hash,
        "state": states[0],
    }
    written(configuration, 10.0)
    states.append(state_of(configuration))
    written(configuration, 10.0)
    assert state_of(configuration) == states[-1]
    written(configuration, 11.0)
    states.append(state_of(configuration))
    word = HandDecision("best", "pin", "line", pinned=True, day=NOW.date(), by="me", reason="it was better")
    record_decision(Protocol.of(configuration), word, NOW)
    states.append(state_of(configuration))
    states.append(state_of(with_models(tmp_path, feature="change(CLOSE, 6)")))
    states.append(state_of(with_models(tmp_path, feature="change(CLOSE, 6)", seed=6)))
    assert len(set(states)) == len(states) == 6
