"""Differences that are on record: each once, as it was found, whatever the table says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol
from trading_assets.trading.differences_on_record import (
    accept_difference,
    differences_of,
    differences_on_record,
    put_differences_on_record,
    standing_differences,
)
from trading_assets.trading.tables import DIFFERENCES
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

NOW = dt.datetime(2020, 1, 3)


def found(*ids: str, expected: float | None = 1.5) -> pl.DataFrame:
    same = {"strategy": "s", "account": "s-1", "kind": "missed", "session": dt.date(2020, 1, 2), "symbol": "AAA"}
    told = {"found": 0.1 + 0.2, "detail": "it was not sent", "found_on": dt.date(2020, 1, 2), "expected": expected}
    return DIFFERENCES.conform(pl.DataFrame([{**same, **told, "difference_id": each} for each in ids]))


def test_what_is_on_record_is_what_was_found_each_once(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    assert put_differences_on_record(protocol, "s", found("b", "a", "b"), NOW) == ["b", "a"]
    assert put_differences_on_record(protocol, "s", found("a", "c"), NOW) == ["c"]
    assert put_differences_on_record(protocol, "s", found("a", "c"), NOW) == []
    records = protocol.read()
    assert [each.kind for each in records] == ["folder", "account", "account"]
    assert differences_on_record(records, "c", "s").equals(found("a", "b", "c"))
    assert differences_on_record(records, "c", "other").equals(DIFFERENCES.empty())
    assert differences_on_record(records, "other", "s").equals(DIFFERENCES.empty())


def test_nothing_that_is_found_leaves_no_record(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    assert put_differences_on_record(protocol, "s", DIFFERENCES.empty(), NOW) == []
    assert [each.kind for each in protocol.read()] == ["folder"]


def test_a_number_that_is_none_is_null(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    put_differences_on_record(protocol, "s", found("a", expected=float("nan")), NOW)
    assert differences_on_record(protocol.read(), "c", "s").equals(found("a", expected=None))


def test_a_difference_is_accepted_once_with_a_reason(paper: Experiment) -> None:
    paper.open()
    own = {"strategy": pl.lit(STRATEGY), "account": pl.lit("known-1")}
    rows = found("a").with_columns(**own)
    protocol = Protocol.of(paper.configuration)
    [name] = put_differences_on_record(protocol, STRATEGY, rows, NOW)
    assert standing_differences(paper.configuration, STRATEGY)["difference_id"].to_list() == [name]

    def accept(difference: str, reason: str) -> None:
        words = {"by": "ops", "reason": reason, "now": dt.datetime(2017, 7, 4)}
        accept_difference(paper.warehouse, paper.configuration, STRATEGY, difference, **words)  # type: ignore[arg-type]

    for difference, reason, said in ((name, " ", "without a reason"), ("other", "why", "no difference 'other'")):
        with pytest.raises(ConfigurationError, match=said):
            accept(difference, reason)
    accept(name, "the feed was down")
    assert standing_differences(paper.configuration, STRATEGY).is_empty()
    assert protocol.read()[-1].payload["action"] == "accept"
    again = differences_of(paper.configuration, STRATEGY)
    assert paper.warehouse.read(DIFFERENCES).equals(again)
    assert again.select("accepted_by", "reason").rows() == [("ops", "the feed was down")]
    with pytest.raises(ConfigurationError, match="no difference"):
        accept(name, "twice")
