"""The audit catches every planted leak, and accuses nothing that is clean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.config import Configuration
from trading_assets.config.models import Model
from trading_assets.config.sections import Regimes
from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.market_data.tables import UNIVERSE
from trading_assets.models.labels import forward_labels
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.training import TrainingRows, model_scores, training_rows
from trading_assets.robustness.look_ahead import audit, repetition
from trading_assets.robustness.look_ahead.audit import differing, look_ahead, violations
from trading_assets.robustness.look_ahead.cuts import seed_of
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.look_ahead.what_is_read import features_behind
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import frames, frames_of, loaded, weekdays
from trading_assets_tests.features.test_own import HEAD, READER, declared
from trading_assets_tests.robustness import leaking_weights
from trading_assets_tests.robustness.leaking_strategies import DORMANT, HONEST, LEAKS, RARE
from trading_assets_tests.robustness.look_ahead.computed_twice import look_ahead_twice

SESSIONS = 330
DAYS = weekdays(SESSIONS)
#: Sessions after which the future is replaced; each costs as much as another.
CUTS = 3
SPLIT, LEFT, DELISTED = DAYS[240], DAYS[260], DAYS[300]
RULES, WEIGHTS = "trading_assets_tests.robustness.leaking_strategies", "trading_assets_tests.robustness.leaking_weights"
CLEAN: dict[str, dict[str, Any]] = {
    "honest": {"type": RULES, "leak": HONEST},
    "honest_weights": {"type": WEIGHTS, "leak": leaking_weights.HONEST},
    "momentum": {"type": "equity_momentum", "trend_slope": -1.0},
    "factor": {"type": "factor", "quantiles": 2},
    "pairs": {
        "type": "pairs",
        "formation_sessions": 100,
        "reformation_sessions": 40,
        "max_p_value": 0.9,
        "entry_z": 1.0,
    },
    "ml": {"type": "ml", "model": "forward_return", "entry_score": 0.0},
    "blend": {"type": "ensemble", "members": ["momentum", "factor"]},
}
SLOW = ("factor", "pairs", "ml", "blend")
MODEL = {"train_sessions": 150, "test_sessions": 60, "trees": 5, "min_rows": 50}


def market_snapshot() -> MarketSnapshot:
    """Four stocks: one splits, one leaves the universe, one is delisted."""
    tables = frames(SESSIONS, seed=4)
    after = (pl.col("symbol") == "AAA") & (pl.col("session") >= SPLIT)
    prices = ("open", "high", "low", "close")
    bars = tables.bars.with_columns(
        *(pl.when(after).then(pl.col(name) / 2).otherwise(name).alias(name) for name in prices),
        split_ratio=pl.when(after & (pl.col("session") == SPLIT)).then(2.0).otherwise(1.0),
        forward_factor=pl.when(after).then(2.0).otherwise(1.0),
    ).filter((pl.col("symbol") != "CCC") | (pl.col("session") <= DELISTED))
    made = frames_of(bars)
    ends = pl.when(pl.col("symbol") == "BBB").then(pl.lit(LEFT)).alias("end")
    return MarketSnapshot(
        bars=made.bars,
        quarantine=made.quarantine,
        sessions=made.sessions,
        instruments=made.instruments.with_columns(
            delisted=pl.when(pl.col("symbol") == "CCC").then(pl.lit(DELISTED)).otherwise(None)
        ),
        universe=UNIVERSE.conform(made.universe.with_columns(ends)),
    )


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    return market_snapshot()


def configured(folder: Path, strategies: dict[str, dict[str, Any]]) -> Configuration:
    return loaded(folder, strategies=strategies, models={"forward_return": MODEL}, regimes={"min_sessions": 100})


@pytest.mark.parametrize("cuts", [CUTS, pytest.param(8, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in CLEAN]
)
def test_nothing_clean_is_accused(name: str, cuts: int, whole: MarketSnapshot, tmp_path: Path) -> None:
    found = look_ahead(configured(tmp_path, CLEAN), name, whole, cuts)
    assert differing(found).is_empty()
    assert violations(found) == 0
    assert found["cut"].n_unique() >= cuts
    assert found.group_by("cut").len()["len"].unique().to_list() == [6 + 10]


@pytest.mark.parametrize("leak", [*LEAKS, *DORMANT])
def test_a_strategy_that_knows_the_future_is_caught(leak: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    strategies = {"leaky": {"type": RULES, "leak": leak}}
    found = differing(look_ahead(configured(tmp_path, strategies), "leaky", whole, CUTS))
    assert "signals" in found["subject"]
    first = found.filter(subject="signals").row(0, named=True)
    assert first["session"] <= first["cut"]
    assert first["symbol"] in whole.bars["symbol"]


@pytest.mark.parametrize("leak", RARE)
def test_who_asks_whether_there_is_a_future_is_caught(leak: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    found = look_ahead(configured(tmp_path, {"leaky": {"type": RULES, "leak": leak}}), "leaky", whole, 8)
    assert "signals" in differing(found)["subject"]


@pytest.mark.parametrize("leak", [*leaking_weights.LEAKS, *leaking_weights.DORMANT])
def test_target_weights_that_know_the_future_are_caught(leak: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    strategies = {"leaky": {"type": WEIGHTS, "leak": leak}}
    found = differing(look_ahead(configured(tmp_path, strategies), "leaky", whole, CUTS))
    assert {"target weights", "decisions"} <= set(found["subject"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("type_", "leak"),
    [*((RULES, leak) for leak in (*LEAKS, HONEST)), *((WEIGHTS, leak) for leak in leaking_weights.LEAKS)],
)
def test_who_is_accused_without_a_shortcut_is_accused(
    type_: str, leak: str, whole: MarketSnapshot, tmp_path: Path
) -> None:
    """The oracle takes the future away, and replaces it by noise, in two runs without a shortcut, at the same cuts."""
    configuration = configured(tmp_path, {"leaky": {"type": type_, "leak": leak}})
    found = look_ahead(configuration, "leaky", whole, CUTS)
    oracle = look_ahead_twice(configuration, "leaky", whole, found["cut"].unique().sort().to_list())
    assert violations(found) if violations(oracle) else leak in (HONEST, "gap_at_the_next_open")
    assert (violations(found) > 0) == (leak != HONEST)


@pytest.mark.slow
def test_a_smoothed_regime_is_caught(whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def smoothed(features: pl.DataFrame, benchmarks: list[str], settings: Regimes, seed: int) -> pl.DataFrame:
        rows = regimes_of_benchmarks(features, benchmarks, settings, seed).sort("benchmark", "regime", "session")
        backwards = pl.col("probability").reverse().ewm_mean(alpha=0.3).reverse().over("benchmark", "regime")
        return rows.with_columns(probability=backwards)

    monkeypatch.setattr(repetition, "regimes_of_benchmarks", smoothed)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "blend", whole, CUTS))
    assert "regimes" in found["subject"]
    assert "probability" in found.filter(subject="regimes")["column"]


@pytest.mark.slow
def test_an_unpurged_label_is_caught(whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpurged(samples: Samples, fold: Fold, scorable: np.ndarray) -> TrainingRows:
        purged = training_rows(samples, fold, scorable)
        every = samples.before(fold) & scorable & ~np.isnan(samples.label)
        return replace(purged, rows=np.flatnonzero(every))

    monkeypatch.setattr("trading_assets.models.run.training_rows", unpurged)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "ml", whole, CUTS))
    assert "scores" in found["subject"]


def folds_from_the_end(sessions: Sequence[date], settings: Model) -> list[Fold]:
    """The last fold is whole, so that a session more moves the boundaries of all."""
    return walk_forward(sessions[(len(sessions) - settings.train_sessions) % settings.test_sessions :], settings)


def labels_by_the_median_of_all(bars: pl.DataFrame, benchmark: pl.DataFrame | None, horizon: int) -> pl.DataFrame:
    """A label says whether a return is above the median of all that there ever are."""
    above = pl.col("relative_return") > pl.col("relative_return").median()
    return forward_labels(bars, benchmark, horizon).with_columns(label=above.cast(pl.Int8))


def filled_by_the_mean_of_all(*tables: Any) -> Samples:
    """A missing feature is the mean of the feature over all rows."""
    made = build_samples(*tables)
    means = np.nanmean(np.where(np.isnan(made.features).all(axis=0), 0, made.features), axis=0)
    return replace(made, features=np.where(np.isnan(made.features), means, made.features).astype(np.float32))


def centred_over_the_fold(model: Any, features: np.ndarray, session: np.ndarray) -> np.ndarray:
    scores: np.ndarray = model_scores(model, features, session)
    return np.asarray(scores - scores.mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "leak"),
    [
        ("run.walk_forward", folds_from_the_end),
        ("samples.forward_labels", labels_by_the_median_of_all),
        ("run.build_samples", filled_by_the_mean_of_all),
        ("run.model_scores", centred_over_the_fold),
    ],
)
def test_a_model_that_knows_the_future_is_caught(
    place: str, leak: Any, whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"trading_assets.models.{place}", leak)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "ml", whole, CUTS))
    assert "scores" in found["subject"]
    assert "features" not in found["subject"]


@pytest.mark.slow
def test_a_target_among_the_features_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily = daily_features

    def with_target(bars: pl.DataFrame, benchmarks: Any, features: Any, **members: Any) -> pl.DataFrame:
        target = bars.sort("symbol", "session").select(
            "symbol", "session", target=pl.col("adj_open").shift(-6).over("symbol") / pl.col("adj_open")
        )
        return daily(bars, benchmarks, features, **members).join(
            target, on=["symbol", "session"], how="left", maintain_order="left"
        )

    monkeypatch.setattr(repetition, "daily_features", with_target)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "ml", whole, CUTS))
    assert found.filter(subject="features")["column"].unique().to_list() == ["target"]
    first = found.filter(subject="features").row(0, named=True)
    assert first["rows"] >= 1
    assert first["session"] <= first["cut"]


@pytest.mark.slow
def test_a_fill_at_the_deciding_bar_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders that fill at the close of the session whose open they were for: its close is noise by then."""

    def at_the_close(configuration: Configuration, tables: Frames) -> PreparedBacktest:
        prepared = prepare(configuration, tables)
        return replace(prepared, market=prepared.market._replace(open=prepared.market.close.copy()))

    monkeypatch.setattr(audit, "prepare", at_the_close)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "honest", whole, CUTS))
    assert found["subject"].unique().to_list() == ["fills at the next open"]
    assert {"raw_price", "price"} <= set(found["column"])


def test_a_decision_that_reads_the_next_open_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of an order follows from the open that it fills at: the engine has that open, for the fill."""

    def sized_by_the_next_open(configuration: Configuration, tables: Frames) -> PreparedBacktest:
        prepared = prepare(configuration, tables)
        market = prepared.market
        following = np.vstack([market.open[1:], market.open[-1:]])
        return replace(prepared, market=market._replace(atr=market.atr * following / market.close))

    monkeypatch.setattr(audit, "prepare", sized_by_the_next_open)
    found = differing(look_ahead(configured(tmp_path, CLEAN), "honest", whole, CUTS))
    assert "decisions" in found["subject"]


def test_no_seed_and_no_name_chooses_the_cuts(whole: MarketSnapshot, tmp_path: Path) -> None:
    """Two seeds and two names give the same cuts; other bars give others."""

    def cuts(name: str, snapshot: MarketSnapshot, seed: int) -> list[date]:
        configuration = loaded(tmp_path, strategies={name: CLEAN["momentum"]}, seed=seed)
        return look_ahead(configuration, name, snapshot, 2)["cut"].unique().sort().to_list()

    assert cuts("momentum", whole, 1) == cuts("renamed", whole, 2)
    dearer = replace(whole, bars=whole.bars.with_columns(pl.col("volume") + 1))
    assert seed_of(dearer) != seed_of(whole)


#: Buys what rises by the next session in the first market that it was shown.
REMEMBERS = """
import polars as pl
from trading_assets.strategies import TargetWeightParameters

SEEN = {}

class Parameters(TargetWeightParameters):
    capacity: float = 0.01

def target_weights(parameters, panel):
    rows = panel.sort("symbol", "session").select(
        "session", "symbol", rises=pl.col("adj_close").shift(-1).over("symbol") > pl.col("adj_close")
    )
    for row in rows.drop_nulls().iter_rows():
        SEEN.setdefault(row[:2], row[2])
    chosen = [row[:2] for row in rows.iter_rows() if SEEN.get(row[:2])]
    return pl.DataFrame(chosen, schema=["session", "symbol"], orient="row").with_columns(
        target_weight=pl.lit(0.1), reason=pl.lit("it rises")
    )
"""


@pytest.mark.slow
def test_a_strategy_that_remembers_what_it_was_shown_is_caught(whole: MarketSnapshot, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "remembers.py").write_text(REMEMBERS)
    found = differing(look_ahead(configured(tmp_path, {"own": {"type": "mine.remembers"}}), "own", whole, CUTS))
    assert "target weights" in found["subject"]


def with_own_features(folder: Path) -> Configuration:
    """A module that knows tomorrow's close, beside `slow`, that `reader` names, and `half`, that it is made of."""
    features = (
        declared("half", "change(CLOSE, 5)"),
        declared("slow", "pl.col('half') * 2", scope="row"),
        declared("tomorrow", "CLOSE.shift(-1) / CLOSE - 1", lookback=0),
    )
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "ideas.py").write_text(f"{HEAD}FEATURES = ({', '.join(features)})\n")
    (folder / "mine" / "reader.py").write_text(READER)
    strategies = {
        **CLEAN,
        "reader": {"type": "mine.reader"},
        "both": {"type": "ensemble", "members": ["momentum", "reader"]},
        "learnt": {"type": "ensemble", "members": ["momentum", "ml"]},
    }
    return loaded(
        folder,
        strategies=strategies,
        models={"forward_return": MODEL},
        regimes={"min_sessions": 100},
        features=["mine.ideas"],
    )


def test_only_features_that_something_reads_are_computed(tmp_path: Path) -> None:
    """A model reads every column; an ensemble those of the house, for its regimes, and what its members name."""
    configuration, house = with_own_features(tmp_path), {feature.column for feature in FEATURES}
    found = {
        name: {feature.column for feature in features_behind(configuration, name)}
        for name in ("momentum", "reader", "factor", "blend", "both", "ml", "learnt")
    }
    assert found["momentum"] == set()
    assert found["reader"] - house == {"half", "slow"} and len(found["reader"]) < 10
    assert found["factor"] < house
    assert found["blend"] == house and found["both"] == house | {"half", "slow"}
    assert found["ml"] == found["learnt"] == house | {"half", "slow", "tomorrow"}


def test_a_leak_of_a_feature_that_a_strategy_does_not_read_is_not_its_own(
    whole: MarketSnapshot, tmp_path: Path
) -> None:
    configuration = with_own_features(tmp_path)
    assert differing(look_ahead(configuration, "reader", whole, 1)).is_empty()
