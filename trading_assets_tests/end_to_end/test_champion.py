"""A market in which one model is really better: it is promoted when that is known, traded from then on, and no earlier.

The expected move of each symbol is up or down for some forty sessions. Features of past returns tell which, so that a
model that learns anything is better than one that learns next to nothing.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.market_data import calendars
from trading_assets.models.tables import CHAMPIONS, PREDICTIONS
from trading_assets.protocol import TEXTS, Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.robustness.tables import LOOK_AHEAD, VERDICTS
from trading_assets.strategies.tables import SIGNALS, STATUS
from trading_assets.warehouse import Rows
from trading_assets_tests.conftest import called
from trading_assets_tests.daily_bars import daily_bars
from trading_assets_tests.robustness.pipeline import Experiment

pytestmark = pytest.mark.acceptance

START, HOLDOUT, END = dt.date(2015, 1, 1), dt.date(2017, 1, 3), dt.date(2017, 6, 30)
SYMBOLS = ["IDX", *"ABCDEFGH"]
WALK: dict[str, Any] = {"train_sessions": 250, "test_sessions": 60, "min_rows": 100}
SETTINGS: dict[str, Any] = {
    "name": "best",
    "as_of": END,
    "market_data": [{"source": "files", "asset_class": "equity", "path": "bars.csv"}],
    "benchmarks": {"equity": "IDX"},
    "splits": {
        "train": ["2016-01-04", "2016-08-31"],
        "validation": ["2016-09-01", "2016-12-30"],
        "holdout": [str(HOLDOUT), str(END)],
    },
    "models": {"dull": {**WALK, "trees": 1, "learning_rate": 0.001}, "keen": {**WALK, "type": "logistic"}},
    "champions": {"week": {"candidates": ["dull", "keen"]}},
    "strategies": {"learnt": {"type": "ml", "model": "week", "entry_score": 0.52}},
    "registration": {"learnt": {"registered_on": "2016-12-30", "hypothesis": "Trends of weeks are planted."}},
    "robustness": {
        "resamples": 50,
        "permutations": 20,
        "cross_validation_blocks": 4,
        "look_ahead_cuts": 2,
        "stress_scenarios": ["flash_crash"],
        "grids": {"learnt": {"stop_atr": [2.0, 2.5]}},
    },
}
#: What a champion is computed from, and itself.
UP_TO_SCORES = (
    "market_data/bars",
    "features/daily",
    "models/splits",
    "models/dull",
    "models/keen",
    "models/champion/week",
)


def market() -> pl.DataFrame:
    """Daily bars: the index goes nowhere, each stock drifts by 0.6 % a day up or down, for forty sessions or so."""
    days, rng = calendars.sessions("XNYS", START, END), np.random.default_rng(3)
    frames = []
    for symbol in SYMBOLS:
        turns = rng.random(len(days)) < 1 / 40
        side = np.where(np.cumsum(turns) % 2 == rng.integers(2), 1.0, -1.0)
        planted = symbol != "IDX"
        moves = (0.006 * side if planted else 0.0) + rng.normal(0, 0.01 if planted else 0.003, len(days))
        closes = 100 * np.exp(np.cumsum(moves))
        opens = np.concatenate([[100.0], closes[:-1]]) * np.exp(rng.normal(0, 0.001, len(days)))
        frames.append(daily_bars(symbol, days, opens, closes, rng.uniform(5e6, 1e7, len(days)).round()))
    return pl.concat(frames)


def written(folder: Path, bars: pl.DataFrame, **changes: Any) -> Experiment:
    folder.mkdir(exist_ok=True)
    bars.write_csv(folder / "bars.csv")
    made = Experiment(folder)
    made.write(**{**SETTINGS, **changes})
    return made


def decided(made: Experiment) -> pl.DataFrame:
    return made.warehouse.read(CHAMPIONS, rows=Rows("model", "week"))


def scores(made: Experiment, model: str) -> pl.DataFrame:
    return made.warehouse.read(PREDICTIONS, rows=Rows("model", model)).drop("model", "version")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    made = written(tmp_path_factory.mktemp("best") / "own", market())
    result = made.run()
    failed = [each.node_name for each in result.get_step_failure_events()]
    assert not failed, failed
    return made


def test_the_better_model_is_promoted_when_enough_is_known_and_traded_from_then_on(whole: Experiment) -> None:
    rows = decided(whole).filter(decision="champion").sort("session")
    champions = rows["candidate"].to_list()
    assert champions[0] == "dull"
    turn = champions.index("keen")
    assert 1 <= turn <= 4
    assert champions[turn:] == ["keen"] * (len(champions) - turn)
    start = rows["session"][turn]
    earlier = pl.col("session") < start
    traded = scores(whole, "week")
    assert traded.filter(earlier).equals(scores(whole, "dull").filter(earlier))
    assert traded.filter(~earlier).equals(scores(whole, "keen").filter(~earlier))
    lost = decided(whole).filter(session=start, candidate="dull")
    assert (lost["decision"].item(), lost["reason"].item()) == ("shadow", "keen takes over")
    signals = whole.warehouse.read(SIGNALS, rows=Rows("strategy", "learnt")).filter(action="enter")
    seen = signals.join(traded, on=["symbol", "session"], how="left", suffix="_read")
    assert seen.height > 20
    assert (seen["score"] == seen["score_read"]).all()
    assert whole.warehouse.read(STATUS)["status"].unique().to_list() == ["ok"]


def test_the_audit_decides_every_promotion_anew_and_finds_nothing(whole: Experiment) -> None:
    found = whole.warehouse.read(LOOK_AHEAD)
    assert found["column"].unique().to_list() == ["none"]
    assert set(decided(whole)["session"]) & set(found["cut"])
    assert whole.warehouse.read(VERDICTS).filter(kind="result").height == 1


def test_the_page_and_the_story_of_a_trade_say_who_was_champion(whole: Experiment) -> None:
    config, data = whole.folder / "config.yaml", whole.folder / "data"
    done = called(config, data, "report", "--strategy", "learnt")
    assert done.returncode == 0, done.stderr
    page = (whole.configuration.home / "reports" / "learnt.html").read_text()
    assert "Changes of the champion" in page
    trades = whole.warehouse.query("SELECT trade_id FROM backtests.trades WHERE split = 'holdout' ORDER BY ALL")
    story = called(config, data, "explain", trades["trade_id"][0]).stdout
    assert "keen was its champion, by the decision of 2016-12-12" in story


def test_what_is_registered_is_the_procedure(whole: Experiment) -> None:
    protocol = Protocol.of(whole.configuration)
    [record] = [each for each in protocol.read() if each.kind == "registration"]
    [text] = protocol.contents(TEXTS, [record])["text"]
    assert '"candidates":{"dull":{' in text.replace(" ", "")
    assert '"keen":{' in text.replace(" ", "")
    assert "decisions" not in record.payload
    trials = whole.warehouse.query("SELECT count(*), count(DISTINCT settings_hash) FROM robustness.trials")
    assert trials.row(0) == (2, 1)  # of the grid, under one procedure


@pytest.mark.parametrize("last", [dt.date(2016, 8, 12), dt.date(2016, 12, 20)])
def test_a_run_of_a_shorter_history_has_decided_the_same(whole: Experiment, last: dt.date, tmp_path: Path) -> None:
    """Brute force: what comes later is not there, and neither is the registration, nor the holdout."""
    bars = market().filter(pl.col("session") <= last)
    splits = {
        "train": ["2016-01-04", "2016-04-29"],
        "validation": ["2016-05-02", str(last)],
        "holdout": [str(last + dt.timedelta(days=1)), str(END)],
    }
    short = written(tmp_path / "short", bars, as_of=last, registration={}, splits=splits)
    assert short.run("market_data/raw_bars", *UP_TO_SCORES).success
    until = pl.col("session") <= last
    assert decided(short).equals(decided(whole).filter(until))
    for model in ("week", "dull", "keen"):
        own, other = (scores(each, model).filter(until).drop("label", "label_end") for each in (short, whole))
        assert own.equals(other)


def test_a_pin_of_its_day_is_traded_from_the_next_session_and_named_by_the_registration(
    whole: Experiment, tmp_path: Path
) -> None:
    """On record before the first run: the machine's clock stood in the middle of a fold, within the holdout."""
    made = written(tmp_path / "pinned", market())
    day = dt.datetime(2017, 3, 1, 21)
    said = HandDecision("week", "pin", "dull", True, day.date(), "ops", "costs rose")
    record_decision(Protocol.of(made.configuration), said, day)
    assert made.run("market_data/raw_bars", *UP_TO_SCORES, "strategies/learnt").success
    until = pl.col("session") <= day.date()
    assert decided(made).filter(until).equals(decided(whole).filter(until))
    assert scores(made, "week").filter(until).equals(scores(whole, "week").filter(until))
    assert scores(made, "week").filter(~until).equals(scores(whole, "dull").filter(~until))
    hashes = []
    for each in (made, whole):
        [record] = [record for record in Protocol.of(each.configuration).read() if record.kind == "registration"]
        hashes.append(record.payload["plan_hash"])
    assert hashes[0] != hashes[1]
    assert made.configuration.hash_for("learnt") == whole.configuration.hash_for("learnt")


def test_a_rollback_of_today_changes_no_session_of_the_past_and_one_more_takes_it_back(
    whole: Experiment, tmp_path: Path
) -> None:
    made = whole.copy_to(tmp_path)
    before = (decided(made), scores(made, "week"), made.warehouse.read(VERDICTS))
    config, data = made.folder / "config.yaml", made.folder / "data"
    for champion in ("dull", "keen"):
        done = called(config, data, "model", "rollback", "week", "--reason", "a drill")
        assert (done.returncode, done.stdout.split(" is champion ")[0]) == (0, champion), done.stderr
    keys = ["models/champion/week", "strategies/learnt", "backtests/learnt"]
    keys += [f"robustness/{each}/learnt" for each in ("look_ahead", "sensitivity", "overfitting", "holdout", "verdict")]
    assert made.run(*keys).success
    after = (decided(made), scores(made, "week"), made.warehouse.read(VERDICTS))
    assert all(now.equals(then) for now, then in zip(after, before, strict=True))
    registrations = [each for each in Protocol.of(made.configuration).read() if each.kind == "registration"]
    assert len(registrations) == 1
