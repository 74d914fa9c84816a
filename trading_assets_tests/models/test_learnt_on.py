"""What an online model says between two runs is what the next run writes, to the bit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.features.tables import DAILY
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.registered_model import UnscoredError
from trading_assets.models.session_scores import score_session
from trading_assets.models.tables import PREDICTIONS
from trading_assets.protocol.written_rows import EditedRowsError
from trading_assets.serving.champion import ServedChampion
from trading_assets.warehouse import Rows
from trading_assets_tests.models.scored_market import BARS, FEATURED, SCORED, WALK, copied, write_until
from trading_assets_tests.robustness.pipeline import Experiment

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 11, 30, 12)
ONLINE = {**WALK, "type": "online", "horizon": 1, "initial_sessions": 120}
OWN = {
    "models": {"quick": ONLINE, "curved": {**ONLINE, "calibrate": True}},
    "champions": {"best": {"candidates": ["quick", "curved"]}},
    "strategies": {"learnt": {"type": "ml", "model": "best"}},
}
MODELS = ("models/quick", "models/curved")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Models run through `SCORED`, and nothing after it is there. Not to be changed."""
    made = write_until(tmp_path_factory.mktemp("online") / "own", SCORED, **OWN)
    assert made.run(*BARS, *MODELS).success
    return made


@pytest.fixture
def world(shared: Experiment, tmp_path: Path) -> Experiment:
    return copied(shared, tmp_path / "copy")


def with_later_bars(made: Experiment) -> list[dt.date]:
    """Bars and features through `FEATURED`, and nothing else; the sessions that are new."""
    write_until(made.folder, FEATURED, **OWN)
    assert made.run(*BARS).success
    days = pl.date_range(SCORED, FEATURED, "1d", eager=True)
    return [each for each in days if each > SCORED and each.weekday() < 5]


def scored(made: Experiment, name: str, session: dt.date) -> pl.DataFrame:
    return score_session(made.warehouse, made.configuration, name, session, NOW).rows


def test_scores_of_new_sessions_are_those_of_the_next_run_to_the_bit(world: Experiment) -> None:
    """Of a model with a curve, too; and what learnt on is another one than began the fold."""
    sessions = with_later_bars(world)
    before = {(name, day): scored(world, name, day) for name in ("quick", "curved") for day in sessions}
    assert len(before) == 10
    assert world.run(*MODELS).success
    for (name, day), found in before.items():
        written = world.warehouse.read(PREDICTIONS, rows=Rows("model", name)).filter(session=day)
        columns = ["symbol", "score", "fold", "version"]
        assert found.select(columns).sort("symbol").equals(written.select(columns))
        assert scored(world, name, day).equals(found)
    updates = world.warehouse.read(ONLINE_UPDATES, rows=Rows("model", "quick"))
    assert updates.filter(pl.col("session") > SCORED, decision="update").height > 2


def test_what_is_served_after_a_run_is_what_the_next_one_writes_of_the_next_session(world: Experiment) -> None:
    served = ServedChampion(world.configuration, "quick").load()
    first = with_later_bars(world)[0]
    assert world.run(*MODELS).success
    written = world.warehouse.read(PREDICTIONS, rows=Rows("model", "quick")).filter(session=first).sort("symbol")
    features = world.warehouse.read(DAILY).filter(session=first).sort("symbol").join(written, on="symbol", how="semi")
    rows = features.select(served.features).cast(pl.Float32).to_numpy()
    assert served.score(rows).tolist() == written["score"].to_list()
    assert [served.score(row[None, :]).item() for row in rows] == written["score"].to_list()


def test_decisions_that_somebody_edited_score_nothing(world: Experiment) -> None:
    with duckdb.connect(str(world.warehouse.path)) as connection:
        connection.execute(f"UPDATE {ONLINE_UPDATES.name} SET step = step * 2 WHERE model = 'quick'")
    with pytest.raises(EditedRowsError, match=r"models\.online_updates were edited"):
        scored(world, "quick", SCORED)


def test_features_that_were_revised_since_are_told(world: Experiment) -> None:
    """A run of the features alone: what the model decided, or said, is no more what follows from them."""
    bars = pl.read_csv(world.folder / "bars.csv")
    moved = pl.when((pl.col("symbol") == "A") & (pl.col("session") == "2017-06-15")).then(1.01).otherwise(1.0)
    bars.with_columns((pl.col(each) * moved) for each in ("open", "high", "low", "close")).write_csv(
        world.folder / "bars.csv"
    )
    assert world.run(*BARS).success
    with pytest.raises(UnscoredError, match="quick does not"):
        scored(world, "quick", SCORED)
