"""Which rows pass as published: those of the last run, or of the one before where it was killed; nothing else."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.protocol import Record
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.trading.published import _fits, _on_record
from trading_assets.trading.tables import EQUITY, HOLDINGS


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
    }
    days = [dt.date(2020, 1, 1 + k) for k in range(len(values))]
    own = pl.DataFrame({"session": days, "equity": values, "cash": values}).with_columns(
        **{name: pl.lit(value) for name, value in rows.items()}
    )
    return EQUITY.conform(own)


def record(row: int, frame: pl.DataFrame, asset: str = "trading/account/s") -> Record:
    hashes = hash_whole(EQUITY, frame, "s").parts["s"]
    payload = {"asset": asset, "written": {EQUITY.name: [[list(hashes), {"s": list(hashes.values())}]]}}
    return Record(row, "evidence", dt.datetime(2020, 1, row), "c", None, payload, "")


@pytest.mark.parametrize(
    ("rows", "passes"),
    [
        (equity(1.0, 2.0, 3.0), True),
        (equity(1.0, 2.0), True),
        (equity(1.0), False),
        (equity(1.0, 2.0, 3.5), False),
        (EQUITY.empty(), False),
    ],
)
def test_rows_of_the_last_two_runs_pass(rows: pl.DataFrame, passes: bool) -> None:
    records = [record(1, equity(1.0)), record(2, equity(1.0, 2.0)), record(3, equity(1.0, 2.0, 3.0))]
    now, empty = hash_whole(EQUITY, rows, "s"), {EQUITY.name} if rows.is_empty() else set()
    assert any(_fits(now, known, empty) for known in _on_record(records, "c", "s")) is passes


def test_before_the_first_run_only_no_rows_pass() -> None:
    known = _on_record([record(1, equity(1.0), asset="trading/account/other")], "c", "s")
    assert known == [{}]
    assert _fits(hash_whole(EQUITY, EQUITY.empty(), "s"), known[0], {EQUITY.name})
    assert not _fits(hash_whole(EQUITY, equity(1.0), "s"), known[0], {HOLDINGS.name})
