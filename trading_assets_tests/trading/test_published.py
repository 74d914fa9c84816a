"""Which rows pass as published: those that a later run went on from, or of a run since then; nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from trading_assets.protocol import Record
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.trading.opening import Opening
from trading_assets.trading.published import Intended, Published, made_otherwise, possible_on_record, runs_that_fit
from trading_assets.trading.tables import EQUITY, PUBLISHED, SAVED_STATES


def equity(*values: float) -> pl.DataFrame:
    rows = {
        "strategy": "s",
        "account": "s-1",
        "label": "paper, verdict go",
        "replayed": False,
        "costs": 0.0,
        "gross_exposure": 0.0,
        "positions": 0,
        "drawdown": 0.0,
        "halted": False,
        "replay_equity": 0.0,
    }
    days = [dt.date(2020, 1, 1 + k) for k in range(len(values))]
    own = pl.DataFrame({"session": days, "equity": values, "cash": values}).with_columns(
        **{name: pl.lit(value) for name, value in rows.items()}
    )
    return EQUITY.conform(own)


def record(row: int, frame: pl.DataFrame, follows: int = 0, asset: str = "trading/account/s") -> Record:
    """Of a run that was about to have these rows, after it had found those of the record `follows`."""
    hashes = hash_whole(EQUITY, frame, "s").parts["s"]
    payload = {
        "asset": asset,
        "written": {EQUITY.name: [[list(hashes), {"s": list(hashes.values())}]]},
        "account": "s-1",
        "through": frame["session"].max().isoformat(),  # type: ignore[union-attr]
        "follows": follows,
    }
    return Record(row, "evidence", dt.datetime(2020, 1, row), "c", None, payload, "")


def passing(records: list[Record], rows: pl.DataFrame) -> list[int]:
    """Rows of the records that these rows are the ones of."""
    possible = possible_on_record(records, "c", "s")
    return [possible[place].row for place in runs_that_fit({EQUITY: rows}, "s", possible)]


#: Three evenings, each after the one before was written.
EVENINGS = [record(1, equity(1.0)), record(2, equity(1.0, 2.0), 1), record(3, equity(1.0, 2.0, 3.0), 2)]


@pytest.mark.parametrize(
    ("rows", "passes"),
    [
        (equity(1.0, 2.0, 3.0), [3]),
        (equity(1.0, 2.0), [2]),
        (equity(1.0), []),
        (equity(1.0, 2.0, 3.5), []),
        (EQUITY.empty(), []),
    ],
)
def test_rows_of_the_last_run_pass_and_of_the_one_before_in_case_it_was_killed(
    rows: pl.DataFrame, passes: list[int]
) -> None:
    assert passing(EVENINGS, rows) == passes


def test_rows_pass_however_many_runs_were_killed_before_they_wrote_theirs() -> None:
    """Each found the rows of the first evening, so none before it wrote anything else."""
    killed = [*EVENINGS[:1], record(2, equity(1.0, 2.0), 1), record(3, equity(1.0, 2.0, 3.0), 1)]
    assert passing(killed, equity(1.0)) == [1]
    done = [*killed, record(4, equity(1.0, 2.5, 3.5), 1), record(5, equity(1.0, 2.5, 3.5, 4.0), 4)]
    assert passing(done, equity(1.0)) == []
    assert passing(done, equity(1.0, 2.0, 3.0)) == []
    assert passing(done, equity(1.0, 2.5, 3.5)) == [4]


@pytest.mark.parametrize(("configuration", "passes"), [("c", [1]), ("another", [])])
def test_rows_of_a_restored_copy_pass_however_old_it_is(configuration: str, passes: list[int]) -> None:
    """The copy was made after the first evening, and is restored after the third; then the account goes on."""
    restored = Record(4, "restore", dt.datetime(2020, 1, 4), configuration, None, {"copied": 1, "lost": 0}, "")
    assert passing([*EVENINGS, restored], equity(1.0)) == passes
    assert passing([*EVENINGS, restored], equity(1.5)) == []
    gone_on = [*EVENINGS, restored, record(5, equity(1.0, 2.0), 1), record(6, equity(1.0, 2.0, 3.0, 4.0), 5)]
    assert passing(gone_on, equity(1.0)) == []


def test_before_the_first_run_only_no_rows_pass() -> None:
    [nothing] = possible_on_record([record(1, equity(1.0), asset="trading/account/other")], "c", "s")
    assert nothing == Intended(0, "", None, {})
    assert runs_that_fit({table: table.empty() for table in PUBLISHED}, "s", [nothing]) == [0]
    assert runs_that_fit({table: table.empty() for table in PUBLISHED} | {EQUITY: equity(1.0)}, "s", [nothing]) == []


#: The same evenings of a version that did not know what cash earned.
EARLIER = [
    record(1, equity(1.0).drop("risk_free")),
    record(2, equity(1.0, 2.0).drop("risk_free"), 1),
    record(3, equity(1.0, 2.0, 3.0).drop("risk_free"), 2),
]


def test_a_column_that_the_record_does_not_know_passes_without_a_value_alone() -> None:
    """Nobody who edits rows of an earlier version gives them a number that a test would read."""
    rows = equity(1.0, 2.0, 3.0)
    assert passing(EARLIER, rows) == [3]
    assert passing(EARLIER, rows.with_columns(risk_free=pl.Series([None, None, 0.01]))) == []
    assert passing(EARLIER, equity(1.0, 2.0, 3.5)) == []
    assert passing(EARLIER, EQUITY.empty()) == []
    assert passing(EVENINGS, rows.drop("risk_free")) == []
    later = [*EARLIER, record(4, equity(1.0, 2.0, 3.0, 4.0), 3), record(5, equity(1.0, 2.0, 3.0, 4.0, 5.0), 4)]
    assert passing(later, equity(1.0, 2.0, 3.0, 4.0)) == [4]
    assert passing(later, rows) == []


def remade(now: pl.DataFrame, evenings: list[Record] = EVENINGS) -> list[tuple[dt.date, float | None]]:
    """What is told where the runs of the second and third day are on record, and rows are made after the first."""
    tables = {table: table.empty() for table in PUBLISHED} | {EQUITY: now}
    [_, *unwritten] = possible_on_record(evenings[:2], "c", "s")
    third = replace(evenings[2], payload={**evenings[2].payload, "follows": 1})
    unwritten += possible_on_record([evenings[0], third], "c", "s")[1:]
    before = Published({table: table.empty() for table in PUBLISHED}, SAVED_STATES.empty(), 1, unwritten)
    opening = Opening("s", "s-1", dt.date(2020, 1, 1), 1.0, "go", "", "ops", dt.datetime(2020, 1, 1))
    found = made_otherwise(opening, before, tables)
    assert {*found["kind"]} <= {"revision"}
    return found.sort("session").select("session", "found").rows()


def test_sessions_that_are_made_again_are_held_to_each_record_of_them() -> None:
    second, third = dt.date(2020, 1, 2), dt.date(2020, 1, 3)
    assert remade(equity(1.0, 2.0, 3.0, 4.0)) == []
    assert remade(equity(1.0, 2.0, 3.5, 4.0)) == [(third, 3.5)]
    assert remade(equity(1.0, 2.5, 3.5)) == [(second, 2.5), (third, 3.5)]
    assert remade(equity(1.0, 2.0)) == [(third, None)]


def test_a_column_that_is_new_makes_a_session_no_other_one() -> None:
    """A run of an earlier version was killed; this one makes the same session, and says what cash earned besides."""
    interest = pl.lit(0.0001).alias("risk_free")
    assert remade(equity(1.0, 2.0, 3.0).with_columns(interest), EARLIER) == []
    third = dt.date(2020, 1, 3)
    assert remade(equity(1.0, 2.0, 3.5).with_columns(interest), EARLIER) == [(third, 3.5)]
    assert remade(equity(1.0, 2.0, 3.0).with_columns(interest)) == [(dt.date(2020, 1, 2), 2.0), (third, 3.0)]
