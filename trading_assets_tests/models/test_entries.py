"""Entries of a primary as rows to learn from: which they are, what is learnt of them, and when they are believed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.config import Configuration
from trading_assets.config.models import LogisticModel, Model
from trading_assets.models.entries import (
    Entries,
    EntriesError,
    assets_of_primaries,
    ends_before,
    entries_of,
    hash_of_signals,
    primary_entries,
)
from trading_assets.models.entry_tables import SIGNALS, STATUS
from trading_assets.models.evaluation import leaks
from trading_assets.models.run import samples_and_folds
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.tables import FOLDS, METRICS, OUTCOMES, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.made_under import OutdatedRowsError, settings_of_strategy
from trading_assets.protocol.written_rows import EditedRowsError, record_written
from trading_assets.warehouse import Rows, Warehouse, Whole
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.models.panels import FIRST, run, weekdays
from trading_assets_tests.models.test_triple_barrier import with_ranges

NOW = dt.datetime(2026, 11, 30)
SESSIONS, HORIZON = 400, 5
BET = LogisticModel.model_validate(
    {
        "type": "logistic",
        "label": "triple_barrier",
        "primary": "breakouts",
        "horizon": HORIZON,
        "train_sessions": 150,
        "test_sessions": 60,
        "embargo_sessions": 2,
        "min_rows": 50,
    }
)


def signals(rows: Sequence[tuple[str, dt.date, str, float | None]], strategy: str = "breakouts") -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["symbol", "session", "action", "target_weight"], orient="row")
    return SIGNALS.conform(
        frame.with_columns(
            pl.col("target_weight").cast(pl.Float64),
            strategy=pl.lit(strategy),
            reason=pl.lit("fast"),
            score=pl.lit(None, pl.Float64),
            pair_id=pl.lit(None, pl.String),
        )
    )


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 9), st.sampled_from(("enter", "exit")))))
def test_entries_are_each_session_of_an_enter_once_and_in_order(drawn: list[tuple[str, int, str]]) -> None:
    rows = [(symbol, FIRST + dt.timedelta(days=day), action, 0.1) for symbol, day, action in drawn]
    found = entries_of(signals(rows))
    assert found.keys.rows() == sorted({(symbol, day) for symbol, day, action, _ in rows if action == "enter"})
    assert found.side == 1


def test_both_sides_are_refused() -> None:
    with pytest.raises(EntriesError, match="enters on both sides"):
        entries_of(signals([("A", FIRST, "enter", 0.1), ("B", FIRST, "enter", -0.1)]))


def panel_and_entries(side: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, Entries]:
    """A market without drift; `told` says at entries what each will earn there, and at all other rows the opposite."""
    panel = with_ranges(symbols=8, sessions=SESSIONS, missing=0.0)
    plain = build_samples(
        panel, None, panel.select("symbol", "session", zero=pl.lit(0.0)), HORIZON, "triple_barrier", BET.barriers
    )
    rng = np.random.default_rng(5)
    is_entry = pl.Series(rng.random(plain.keys.height) < 0.25)
    of_entry = np.where(is_entry, 1.0, -1.0) * np.nan_to_num(plain.label - 0.5)
    features = plain.keys.select(
        "symbol",
        "session",
        told=pl.Series(of_entry + rng.standard_normal(plain.keys.height)),
        other=pl.Series(of_entry),
    ).with_columns(other=pl.lit(0.5))
    return panel, features, Entries(plain.keys.filter(is_entry).select("symbol", "session"), side)


def samples_of(entries: Entries | None, panel: pl.DataFrame, features: pl.DataFrame) -> Samples:
    return build_samples(panel, None, features, HORIZON, "triple_barrier", BET.barriers, entries)


def test_rows_are_the_entries_and_their_labels_those_of_all_rows() -> None:
    panel, features, entries = panel_and_entries()
    whole, own = samples_of(None, panel, features), samples_of(entries, panel, features)
    assert own.keys.select("symbol", "session").equals(entries.keys)
    same = entries.keys.join(whole.keys, on=["symbol", "session"], maintain_order="left")
    assert own.keys.equals(same)
    # Where labels lie among all bars stays: weights know which of them overlap, and which do not.
    place = whole.keys.with_row_index("row").join(entries.keys, on=["symbol", "session"], how="semi")["row"].to_numpy()
    for name in ("first", "span", "label_end", "session"):
        assert np.array_equal(getattr(own, name), getattr(whole, name)[place])
    rows = np.flatnonzero(~np.isnan(own.label))
    overlapping, alone = whole.uniqueness(np.flatnonzero(~np.isnan(whole.label))), own.uniqueness(rows)
    assert alone.mean() > 2 * overlapping.mean()


def test_a_model_of_entries_learns_what_is_true_of_entries_alone() -> None:
    """At entries the feature says what comes, elsewhere the opposite, and there are three times as many of these."""
    panel, features, entries = panel_and_entries()
    found = run(samples_of(entries, panel, features), BET)
    assert found.tables[OUTCOMES]["status"].item() == "ok"
    assert leaks(found.tables[FOLDS], found.tables[PREDICTIONS]).is_empty()
    scored = found.tables[PREDICTIONS].select("symbol", "session")
    assert scored.join(entries.keys, on=["symbol", "session"], how="anti").is_empty()
    auc = found.tables[METRICS].filter(metric="auc")["value"].mean()
    of_all = LogisticModel.model_validate(BET.model_dump() | {"primary": None})
    others = run(samples_of(None, panel, features), of_all).tables[PREDICTIONS]
    at_entries = others.join(entries.keys, on=["symbol", "session"], how="semi").drop_nulls("label")
    assert isinstance(auc, float) and auc > 0.6
    assert _auc(at_entries) < 0.45


def _auc(rows: pl.DataFrame) -> float:
    """Share of pairs of a label 1 and a label 0 in the right order, one by one."""
    ones, zeros = (rows.filter(label=each)["score"].to_numpy() for each in (1, 0))
    return float(np.mean(ones[:, None] > zeros[None, :]))


def test_no_label_trains_that_ends_in_the_test_fold() -> None:
    panel, features, entries = panel_and_entries()
    data = samples_of(entries, panel, features)
    for row in run(data, BET).tables[FOLDS].iter_rows(named=True):
        over = data.keys.filter(pl.col("session") < row["test_start"], pl.col("label_end") <= row["train_end"])
        assert row["train_rows"] == over.drop_nulls("label").height > 50
        assert row["last_label_end"] <= row["train_end"] < row["test_start"]


def test_scores_stay_what_they_were_when_more_is_known() -> None:
    panel, features, entries = panel_and_entries()
    until = weekdays(SESSIONS)[300]
    early = pl.col("session") <= until
    known = Entries(entries.keys.filter(early), entries.side)
    before = run(samples_of(known, panel.filter(early), features.filter(early)), BET).tables[PREDICTIONS]
    after = run(samples_of(entries, panel, features), BET).tables[PREDICTIONS].filter(early)
    columns = ("symbol", "session", "fold", "score")
    assert before.height > 100 and before.select(columns).equals(after.select(columns))


def test_entries_are_for_models_with_a_primary_and_for_no_others() -> None:
    panel, features, entries = panel_and_entries()
    bars = panel.with_columns(asset_class=pl.lit("equity"))
    universe = pl.DataFrame(schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date})
    for settings, own in ((BET, None), (Model(), entries)):
        with pytest.raises(ValueError, match="entries are given"):
            samples_and_folds(settings, bars=bars, features=features, universe=universe, benchmark=None, entries=own)


def configured(folder: Path, **changes: object) -> Configuration:
    models = {"bet": {"label": "triple_barrier", "primary": "breakout"}, "plain": {}}
    return loaded(folder, models=models, **changes)


def test_the_assets_of_primaries_are_named_once(tmp_path: Path) -> None:
    models = configured(tmp_path).models
    assert assets_of_primaries([*models.values(), *models.values()]) == ["strategies/breakout"]


def kept(
    folder: Path, status: str = "ok", until: dt.date | None = None, rows: int = 3
) -> tuple[Configuration, Warehouse]:
    """A warehouse with some entries of the primary on record."""
    made = configured(folder)
    made.warehouse_path.parent.mkdir(parents=True)
    warehouse = Warehouse(made.warehouse_path)
    found = signals([("A", day, "enter", 0.1) for day in weekdays(rows)], "breakout")
    row = {"asset": "strategies/breakout", "strategy": "breakout", "stage": "strategies", "status": status}
    said = STATUS.conform(pl.DataFrame([{**row, "error": None, "session": None, "symbol": None, "until": until}]))
    warehouse.replace(Rows("strategy", "breakout"), {SIGNALS: found})
    warehouse.replace(Whole(), {STATUS: said})
    written = [hash_of_signals(found, "breakout"), settings_of_strategy(made, "breakout")]
    record_written(Protocol.of(made), "strategies/breakout", written, NOW)
    return made, warehouse


def test_entries_are_read_up_to_what_may_be_seen(tmp_path: Path) -> None:
    made, warehouse = kept(tmp_path)
    assert primary_entries(warehouse, made, "breakout").keys["session"].to_list() == weekdays(3)
    assert primary_entries(warehouse, made, "breakout", weekdays(3)[2]).keys["session"].to_list() == weekdays(2)


def test_edited_signals_and_those_on_no_record_are_refused(tmp_path: Path) -> None:
    made, warehouse = kept(tmp_path)
    for rows in (
        signals([("A", day, "enter", 0.1) for day in weekdays(2)], "breakout"),
        signals([("A", day, "enter", -0.1) for day in weekdays(3)], "breakout"),
    ):
        warehouse.replace(Rows("strategy", "breakout"), {SIGNALS: rows})
        with pytest.raises(EditedRowsError, match="materialise strategies/breakout"):
            primary_entries(warehouse, made, "breakout")
    warehouse.replace(Rows("strategy", "wide"), {SIGNALS: signals([("A", FIRST, "enter", 0.1)], "wide")})
    with pytest.raises(EditedRowsError, match="materialise strategies/wide"):
        primary_entries(warehouse, made, "wide")


@pytest.mark.parametrize("rows", [3, 0])
def test_entries_of_the_primary_as_it_was_under_other_parameters_are_refused(rows: int, tmp_path: Path) -> None:
    """No row was edited; of none at all it is the same, as today's parameters may find some."""
    made, warehouse = kept(tmp_path, rows=rows)
    assert primary_entries(warehouse, made, "breakout").keys.height == rows
    other = configured(tmp_path, strategies={"breakout": {"type": "equity_momentum", "fast_clearance": 0.03}})
    with pytest.raises(OutdatedRowsError, match="materialise strategies/breakout"):
        primary_entries(warehouse, other, "breakout")


def test_a_primary_that_failed_has_no_entries(tmp_path: Path) -> None:
    made, warehouse = kept(tmp_path, status="failed")
    assert primary_entries(warehouse, made, "breakout").keys.is_empty()


@pytest.mark.parametrize("locked", [None, dt.date(2012, 5, 4)])
def test_scores_end_with_the_signals_of_a_primary_that_was_locked(locked: dt.date | None, tmp_path: Path) -> None:
    _, warehouse = kept(tmp_path, until=locked)
    holdout, after = dt.date(2013, 1, 1), None if locked is None else dt.date(2012, 5, 5)
    assert ends_before(warehouse, "breakout", dt.date.max) == after
    assert ends_before(warehouse, "breakout", holdout) == ends_before(warehouse, None, holdout) == holdout
    assert ends_before(warehouse, None, dt.date.max) is None
