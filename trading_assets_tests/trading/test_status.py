"""How accounts stand, before their first session and after it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol
from trading_assets.trading.assets import accounts_of
from trading_assets.trading.differences_on_record import accept_difference, put_differences_on_record
from trading_assets.trading.opening import Opening
from trading_assets.trading.status import account_status
from trading_assets.trading.tables import DIFFERENCES, EQUITY, PENDING_ORDERS
from trading_assets.warehouse import Rows
from trading_assets_tests.trading.experiment import STRATEGY, Experiment
from trading_assets_tests.trading.test_published import equity


def test_an_account_before_its_first_session_has_only_what_is_on_record(paper: Experiment) -> None:
    paper.open()
    [row] = account_status(paper.warehouse, paper.configuration).to_dicts()
    assert (row["account"], row["state"], row["last_session"], row["waiting_orders"]) == ("known-1", "open", None, None)
    assert row["differences"] == 0


def test_the_status_is_of_the_last_session(paper: Experiment) -> None:
    """Two sessions, the second of 2 of equity; a difference that stands and one that was accepted."""
    paper.open()
    own = {"strategy": pl.lit(STRATEGY), "account": pl.lit("known-1")}
    rows = equity(1.0, 2.0).with_columns(**own)
    said = {"kind": "revision", "session": dt.date(2020, 1, 1), "detail": "d", "found_on": dt.date(2020, 1, 2)}
    found = [said | {"difference_id": each} for each in ("a", "b")]
    differing = DIFFERENCES.conform(pl.DataFrame(found).with_columns(**own))
    paper.warehouse.replace(Rows("strategy", STRATEGY), {EQUITY: rows, PENDING_ORDERS: PENDING_ORDERS.empty()})
    at = dt.datetime(2020, 1, 3)
    put_differences_on_record(Protocol.of(paper.configuration), STRATEGY, differing, at)
    accept_difference(paper.warehouse, paper.configuration, STRATEGY, "b", by="ops", reason="known", now=at)
    [row] = account_status(paper.warehouse, paper.configuration, STRATEGY).to_dicts()
    assert (row["last_session"], row["equity"]) == (dt.date(2020, 1, 2), 2.0)
    assert (row["waiting_orders"], row["differences"]) == (0, 1)


def test_an_unknown_strategy_is_named_with_the_nearest(paper: Experiment) -> None:
    with pytest.raises(ConfigurationError, match="no strategy 'knwon'"):
        account_status(paper.warehouse, paper.configuration, "knwon")


def test_the_last_account_is_open_and_earlier_ones_are_ended() -> None:
    at = dt.datetime(2020, 1, 1)
    openings = [Opening("s", f"s-{n}", dt.date(2020, 1, n), 9.0, "go", "0", "ops", at) for n in (1, 2)]
    found = accounts_of(openings, equity(5.0, 7.0).with_columns(account=pl.lit("s-1")), {})
    assert found.select("account", "state", "equity").rows() == [("s-1", "ended", 7.0), ("s-2", "open", None)]
