"""The assets and checks of the stage, on a real warehouse and a real registry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.config.models import Barriers, LabelKind, Model
from trading_assets.config.sections import Registration
from trading_assets.config.strategies import StrategySettings
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS, UNIVERSE
from trading_assets.models.assets import build_assets
from trading_assets.models.checks import build_checks
from trading_assets.models.evaluation_tables import COSTS
from trading_assets.models.families.own import OwnModelError
from trading_assets.models.promotion import target_in_words
from trading_assets.models.samples import day
from trading_assets.models.tables import (
    EXPLANATIONS,
    FITS,
    FOLDS,
    METRICS,
    OF_EVALUATION,
    OUTCOMES,
    PREDICTIONS,
    REGIMES,
    SPLITS,
)
from trading_assets.protocol import Protocol
from trading_assets.strategies.ml import Parameters
from trading_assets.warehouse import Rows, Warehouse, Whole
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, features, trained
from trading_assets_tests.models.test_regimes import SETTINGS as REGIME_SETTINGS
from trading_assets_tests.models.test_regimes import planted, probabilities
from trading_assets_tests.narrow import as_date

SPANS = {
    "train": ["2010-03-01", "2010-08-31"],
    "validation": ["2010-09-01", "2010-11-30"],
    "holdout": ["2010-12-01", "2011-03-31"],
    "warm_up_sessions": 40,
}


def configuration(data: Path, **models: object) -> Configuration:
    return Configuration.model_validate(
        {
            "name": "models",
            "seed": 3,
            "start": "2010-01-01",
            "market_data": [{"source": "sample"}],
            "benchmarks": {"equity": "INDEX"},
            "splits": SPANS,
            "strategies": {"equity_momentum": {"type": "equity_momentum"}},
            "models": models,
            "regimes": REGIME_SETTINGS.model_dump(),
            "data": data,
        }
    )


def as_bars(frame: pl.DataFrame, asset_class: str) -> pl.DataFrame:
    price = pl.col("adj_open")
    ones = [pl.lit(1.0).alias(name) for name in ("split_ratio", "forward_factor", "volume", "dollar_volume")]
    prices = [price.alias(name) for name in ("open", "high", "low", "close", "adj_high", "adj_low", "adj_close")]
    return frame.with_columns(
        pl.lit(asset_class).alias("asset_class"),
        pl.lit("test").alias("source"),
        pl.lit(0.0).alias("cash_dividend"),
        pl.lit([], dtype=pl.List(pl.String)).alias("flags"),
        *ones,
        *prices,
    )


@dataclass(frozen=True)
class Project:
    configuration: Configuration
    warehouse: Warehouse

    def materialise(self) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [*build_assets(self.configuration), *build_checks(self.configuration)],
            resources={"configuration": self.configuration, "warehouse": self.warehouse},
        )


def project(data: Path, **models: object) -> Project:
    made = configuration(data, **models)
    warehouse = Warehouse(made.warehouse_path)
    panel = bars()
    crypto = panel.with_columns(pl.concat_str(pl.lit("C"), "symbol").alias("symbol"))
    everything = [as_bars(panel, "equity"), as_bars(benchmark(panel), "index"), as_bars(crypto, "crypto")]
    warehouse.replace(Whole(), {BARS: pl.concat(everything)})
    of_symbols = [features(panel, 5, 1.0), features(crypto, 5, 1.0)]
    warehouse.replace(Whole(), {DAILY: pl.concat([*of_symbols, of_index()], how="diagonal")})
    warehouse.replace(Whole(), {UNIVERSE: spells(panel)})
    return Project(made, warehouse)


def of_index() -> pl.DataFrame:
    """What the regimes are made of, for the index only."""
    own = planted(330).select("session", "return_20", "volatility_20")
    return own.with_columns(symbol=pl.lit("INDEX"))


def spells(panel: pl.DataFrame) -> pl.DataFrame:
    """Every symbol from its first bar on."""
    first = panel.group_by("symbol").agg(start=pl.col("session").min())
    return first.with_columns(asset_class=pl.lit("equity"), end=pl.lit(None, pl.Date)).sort("symbol")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, dg.ExecuteInProcessResult]]:
    idle = SETTINGS.model_copy(update={"train_sessions": 5_000})
    made = project(tmp_path_factory.mktemp("data"), week=SETTINGS.model_dump(), idle=idle.model_dump())
    yield made, made.materialise()


def before_the_holdout() -> pl.DataFrame:
    """The scores that may be seen before a strategy that reads the model is registered."""
    return trained().tables[PREDICTIONS].filter(pl.col("session") < dt.date(2010, 12, 1))


Done = tuple[Project, dg.ExecuteInProcessResult]
#: What is said of a model beside its scores, but for what it took.
REPEATABLE = tuple(each for each in OF_EVALUATION if each is not COSTS)


def test_models_are_trained_on_their_universe(done: Done) -> None:
    made, result = done
    assert result.success
    predictions = made.warehouse.read(PREDICTIONS)
    assert predictions["model"].unique().to_list() == ["week"]
    # Neither the crypto symbols nor their features change a score of the equity model.
    assert predictions["score"].to_list() == before_the_holdout()["score"].to_list()
    assert made.warehouse.read(SPLITS)["split"].to_list() == ["holdout", "train", "validation"]
    assert made.warehouse.read(OUTCOMES).select("model", "status", "reason").rows() == [
        ("idle", "insufficient_data", "no_folds"),
        ("week", "ok", None),
    ]


def test_regimes_are_those_of_the_benchmarks(done: Done) -> None:
    made, result = done
    expected = probabilities(planted(330), seed=3).with_columns(benchmark=pl.lit("INDEX"))
    assert made.warehouse.read(REGIMES).equals(expected)
    (event,) = [
        e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(["models", "regimes"])
    ]
    assert "INDEX" in str(event.materialization.metadata["most likely regime"].value)


def test_regimes_that_saw_their_session_are_found(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.warehouse.replace(Whole(), {REGIMES: probabilities(planted(330)).with_columns(trained_until="session")})
    key = dg.AssetCheckKey(dg.AssetKey(["models", "regimes"]), "no_leakage")
    (check,) = [each for each in build_checks(made.configuration) if key in each.check_keys]
    found = check(dg.build_asset_check_context(resources={"warehouse": made.warehouse}))
    assert isinstance(found, dg.AssetCheckResult)
    assert not found.passed


def test_holdout_stays_hidden(done: Done) -> None:
    made, _ = done
    holdout = dt.date(2010, 12, 1)
    assert as_date(made.warehouse.read(PREDICTIONS)["label_end"].max()) < holdout
    assert as_date(made.warehouse.read(PREDICTIONS)["session"].max()) < holdout  # no registered strategy reads it
    assert made.warehouse.read(OUTCOMES)["until"].to_list() == [holdout, holdout]
    (exposure,) = [each for each in Protocol.of(made.configuration).read() if each.kind == "exposure"]
    assert (exposure.subject, exposure.payload["stage"]) == ("week", "models")
    assert dt.date.fromisoformat(exposure.payload["end"]) < holdout
    folds = made.warehouse.read(FOLDS)
    assert folds["test_end"].max() == dt.date(2010, 11, 30)
    assert made.warehouse.read(METRICS)["fold"].unique().sort().to_list() == folds["fold"].to_list()
    assert made.warehouse.read(EXPLANATIONS)["fold"].unique().to_list() == [folds["fold"].max()]


@pytest.mark.slow
@pytest.mark.parametrize("label", ["sign", "size", "rank", "triple_barrier"])
def test_nothing_that_a_model_leaves_depends_on_a_holdout_that_is_closed(label: LabelKind, tmp_path: Path) -> None:
    """All prices of the holdout fall by half in the other market: tables, version and registered bytes are the same."""
    left = []
    halved = pl.when(pl.col("session") >= dt.date(2010, 12, 1)).then(0.5).otherwise(1.0)
    for folder in ("risen", "fallen"):
        made = project(tmp_path / folder, week=SETTINGS.model_copy(update={"label": label}).model_dump())
        if folder == "fallen":
            rows = made.warehouse.read(BARS)
            fallen = rows.with_columns(pl.col(name) * halved for name in rows.columns if name.startswith("adj_"))
            signals = made.warehouse.read(DAILY).with_columns(pl.col("signal") * halved)
            made.warehouse.replace(Whole(), {BARS: fallen})
            made.warehouse.replace(Whole(), {DAILY: signals})
        assert made.materialise().success
        kinds = (FOLDS, PREDICTIONS, METRICS, EXPLANATIONS, OUTCOMES, FITS, *REPEATABLE)
        tables = [made.warehouse.read(each) for each in kinds]
        artifacts = sorted(each.read_bytes() for each in made.configuration.home.rglob("*.ubj"))
        left.append((tables, artifacts))
    (tables, artifacts), (others, other_artifacts) = left
    assert all(own.equals(other) for own, other in zip(tables, others, strict=True))
    assert len(artifacts) == 1 and artifacts == other_artifacts


@pytest.mark.slow
def test_a_symbol_teaches_only_while_it_is_in_the_universe(tmp_path: Path) -> None:
    """Its bars before it joined change no score of the others: that it would join was not known."""
    panel = bars()
    joins = panel["session"].unique().sort()[220]  # before the holdout, where scores can be seen
    late = pl.when(pl.col("symbol") == "S0").then(pl.lit(joins)).otherwise("start").alias("start")
    other = pl.when((pl.col("symbol") == "S0") & (pl.col("session") < joins))
    scores = []
    for folder, factor in (("as_is", 1.0), ("risen", -5.0)):
        made = project(tmp_path / folder, week=SETTINGS.model_dump())
        values = features(panel, 5, 1.0).with_columns(
            other.then(pl.col("signal") * factor).otherwise("signal").alias("signal")
        )
        made.warehouse.replace(Whole(), {DAILY: values})
        made.warehouse.replace(Whole(), {UNIVERSE: spells(panel).with_columns(late)})
        assert made.materialise().success
        scores.append(made.warehouse.read(PREDICTIONS))
    assert scores[0].equals(scores[1])
    assert scores[0].filter(symbol="S0")["session"].min() == joins


def test_metadata_tells_the_decision(done: Done) -> None:
    _, result = done
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(["models", "week"])]
    metadata = event.materialization.metadata
    assert metadata["decision"].value == "champion"
    assert metadata["decision reason"].value == "no champion yet"
    assert metadata["folds"].value == "2 of 2 trained"
    assert metadata["dagster/row_count"].value == before_the_holdout().height
    assert "logistic" in str(metadata["metrics"].value)


def test_checks(done: Done) -> None:
    _, result = done
    checks = {
        (evaluation.asset_key.path[-1], evaluation.check_name): evaluation
        for evaluation in result.get_asset_check_evaluations()
    }
    assert checks["week", "no_leakage"].passed
    assert checks["week", "no_leakage"].blocking
    assert checks["week", "shuffled_labels"].passed and checks["week", "shuffled_labels"].blocking
    assert not checks["idle", "shuffled_labels"].passed
    assert checks["idle", "shuffled_labels"].severity == dg.AssetCheckSeverity.WARN
    assert checks["idle", "no_leakage"].passed
    assert not checks["idle", "beats_baseline"].passed
    assert checks["idle", "beats_baseline"].severity == dg.AssetCheckSeverity.WARN
    assert checks["splits", "warm_up"].passed
    assert checks["regimes", "no_leakage"].passed
    assert checks["regimes", "no_leakage"].blocking


def test_rerun_idempotent(done: Done) -> None:
    made, _ = done
    tables = (SPLITS, REGIMES, FOLDS, PREDICTIONS, METRICS, EXPLANATIONS, OUTCOMES, *REPEATABLE)
    before = [made.warehouse.read(table) for table in tables]
    assert made.materialise().success
    assert all(frame.equals(made.warehouse.read(table)) for frame, table in zip(before, tables, strict=True))


def test_models_that_were_kept_are_taken_and_edited_ones_are_fitted_anew(tmp_path: Path) -> None:
    """None has learned from the holdout, which is closed."""
    made = project(tmp_path, forward=SETTINGS.model_dump())
    assert made.materialise().success
    tables = (FOLDS, PREDICTIONS, METRICS, EXPLANATIONS, OUTCOMES, FITS, *REPEATABLE)
    before = {table: made.warehouse.read(table) for table in tables}
    ends = before[FITS].join(before[FOLDS], on=["model", "fold"])["train_end"]
    holdout = made.warehouse.read(SPLITS).filter(split="holdout")["start"].item()
    assert ends.len() > 0
    assert all(end < holdout for end in ends)
    with duckdb.connect(str(made.warehouse.path)) as connection:
        [[content]] = connection.execute("SELECT content FROM models.fits WHERE fold = 0").fetchall()
        connection.execute("UPDATE models.fits SET content = ? WHERE fold = 1", [content])
    assert not made.warehouse.read(FITS).equals(before[FITS])
    assert made.materialise().success
    assert all(made.warehouse.read(table).equals(frame) for table, frame in before.items())


#: Fails if it is shown a session that it may not see.
GUARDED = """
import numpy as np


class Half:
    def score(self, features):
        return np.full(len(features), 0.5)

    def save(self):
        return b"half"


def fit(training, parameters, seed):
    if training.label_end.max() >= parameters["closed"]:
        raise RuntimeError("shown a label of the holdout")
    return Half()


def load(content):
    return Half()
"""


@pytest.mark.slow
def test_a_module_of_ones_own_is_shown_no_session_of_a_closed_holdout(tmp_path: Path) -> None:
    """Of three folds the last is within the holdout; it is trained once a registered strategy reads the model."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "guarded.py").write_text(GUARDED)
    closed = day(dt.date(2010, 12, 1))
    walk = SETTINGS.model_dump(include={"train_sessions", "test_sessions", "embargo_sessions", "min_rows"})
    section = {"type": "mine.guarded", "parameters": {"closed": closed}, **walk}
    made = project(tmp_path / "data", week=section)
    made = replace(made, configuration=made.configuration.model_copy(update={"directory": tmp_path}))
    assert made.materialise().success
    assert made.warehouse.read(FOLDS)["fold"].to_list() == [0, 1]
    assert as_date(made.warehouse.read(PREDICTIONS)["session"].max()) < dt.date(2010, 12, 1)

    entry = {"learnt": Registration(registered_on=dt.date(2010, 11, 30), hypothesis="Nothing is planted here.")}
    reader = {"learnt": StrategySettings(type="ml", parameters=Parameters(model="week"))}
    opened = made.configuration.model_copy(update={"strategies": reader, "registration": entry})
    with pytest.raises(OwnModelError, match="shown a label of the holdout"):
        replace(made, configuration=opened).materialise()


def test_what_cannot_be_compared_has_another_target() -> None:
    """A size is learnt to say the sign; ranks and barriers are other questions."""

    def target(label: LabelKind, **more: Any) -> str:
        return target_in_words(Model(label=label, **more), "SPX")

    assert target("sign") == target("size") == "equity over 5 sessions against SPX"
    wide = target("triple_barrier", barriers=Barriers(upper=3))
    assert len({target("sign"), target("rank"), target("triple_barrier"), wide, target("sign", horizon=3)}) == 5


def test_models_that_nobody_has_on_record_are_not_taken(tmp_path: Path) -> None:
    """Rows of another folder, each fold with the last one's model: the names fit, and no step here has written them."""
    made = project(tmp_path / "one", forward=SETTINGS.model_dump())
    assert made.materialise().success
    rows = made.warehouse.read(FITS)
    forged = rows.with_columns(content=pl.col("content").last())
    other = project(tmp_path / "two", forward=SETTINGS.model_dump())
    other.warehouse.replace(Rows("model", "forward"), {FITS: forged})
    assert other.materialise().success
    for table in (PREDICTIONS, METRICS, FITS):
        assert other.warehouse.read(table).equals(made.warehouse.read(table))
    assert not forged.equals(rows)


@pytest.mark.slow
def test_a_registry_that_cannot_be_read_is_told_and_stops_no_scores(tmp_path: Path) -> None:
    """A run after it is restored, or moved aside, computes the step again, which registers what it has trained."""
    made = project(tmp_path, week=SETTINGS.model_dump())
    assert made.materialise().success
    scores, database = made.warehouse.read(PREDICTIONS), made.configuration.home / "tracking.db"
    kept = database.read_bytes()
    database.write_bytes(b"\0" * 5000)
    for _ in range(2):
        told = {e.check_name: e for e in made.materialise().get_asset_check_evaluations()}
        assert not told["registry"].passed
        assert "the model registry cannot be read" in str(told["registry"].metadata["error"].value)
        assert told["no_leakage"].passed
        assert made.warehouse.read(PREDICTIONS).equals(scores)
    database.write_bytes(kept)
    told = {e.check_name: e for e in made.materialise().get_asset_check_evaluations()}
    assert told["registry"].passed
    database.unlink()
    done = made.materialise()
    (event,) = [e for e in done.get_asset_materialization_events() if e.asset_key == dg.AssetKey(["models", "week"])]
    assert event.materialization.metadata["decision reason"].value == "no champion yet"
