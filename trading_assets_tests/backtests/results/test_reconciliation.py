"""The money adds up in every run, and the check notices when it does not."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from trading_assets.backtests.results.reconciliation import accounting_errors
from trading_assets.backtests.results.run_tables import Result
from trading_assets_tests.backtests.journals import result_of_case
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases
from trading_assets_tests.narrow import as_number


def errors(run: Result, start: float = 100_000.0, **changed: pl.DataFrame) -> pl.DataFrame:
    """Errors of a run, some of whose tables are `changed`."""
    tables = {name: getattr(run, name) for name in ("trades", "equity", "open_positions", "fills")}
    return accounting_errors(**tables | changed, starting_equity=start)


def bought_and_split() -> Case:
    market = quiet_market([100.0, 101.0, 51.0, 52.0], split_ratio=[[1.0], [1.0], [2.0], [1.0]], fee_bps=5.0)
    return Case(market, entries(market, (0, 0)), run_parameters_of(market), settings())


@profile(max_examples=60, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_the_money_adds_up_and_the_rows_keep_their_contracts(case: Case) -> None:
    run = result_of_case(case)
    found = errors(run, case.settings.starting_equity)
    assert found.is_empty(), found
    for table, rows in run.by_table().items():
        table.validate(rows)
    assert as_number(run.equity["cash"].min()) >= 0


@pytest.mark.parametrize(
    ("column", "change", "identities"),
    [
        ("cash", pl.col("cash") + 1, {"parts", "positions"}),
        ("cash", pl.lit(-1.0), {"cash", "parts", "positions"}),
        ("daily_return", pl.col("daily_return") + 0.001, {"returns"}),
    ],
)
def test_a_wrong_curve_is_noticed(column: str, change: pl.Expr, identities: set[str]) -> None:
    run = result_of_case(bought_and_split())
    assert errors(run).is_empty()
    wrong = run.equity.with_columns(change.alias(column))
    assert set(errors(run, equity=wrong)["identity"]) == identities


def test_a_position_that_nobody_paid_for_is_noticed() -> None:
    run = result_of_case(bought_and_split())
    more = run.open_positions.with_columns(pl.col("quantity") + 1, pl.col("open_pnl") + 52)
    assert set(errors(run, open_positions=more)["identity"]) == {"positions", "pnl"}


def test_rows_of_a_run_are_named_and_json_is_json() -> None:
    run = result_of_case(bought_and_split())
    first = run.decisions.select("strategy", "session", "symbol", "moment", "decision", "reason").row(0)
    assert first == ("s", dt.date(2001, 1, 1), "S00", "close", "enter", "t0")
    detail = run.decisions["detail"].str.json_decode(
        pl.Struct({"trigger": pl.String, "quantity": pl.Float64, "notional": pl.Float64, "risk_multiplier": pl.Float64})
    )[0]
    assert detail == {"trigger": "t0", "quantity": 150.0, "notional": 15_000.0, "risk_multiplier": 1.0}
    position = run.open_positions.row(0, named=True)
    assert (position["quantity"], position["entry_price"], position["pending_order"]) == (300.0, 50.5, None)


def test_a_fee_that_no_fill_has_is_noticed() -> None:
    market = quiet_market([100.0, 100.0, 99.0, 90.0], fee_bps=5.0)
    run = result_of_case(
        Case(market, entries(market, (0, 0), exits=[[(2, 0)]]), run_parameters_of(market, exit_signal=0), settings())
    )
    assert run.trades.height == 1
    assert errors(run).is_empty()
    cheaper = run.trades.with_columns(exit_fee=pl.lit(0.0))
    assert set(errors(run, trades=cheaper)["identity"]) == {"fees"}


def test_a_short_position_is_worth_less_than_nothing() -> None:
    """150 sold at 100 and marked at 110: cash 115,000, worth -16,500."""
    run = result_of_case(bought_and_split())
    curve = run.equity.head(1).with_columns(
        equity=pl.lit(98_500.0), cash=pl.lit(115_000.0), gross_exposure=pl.lit(16_500 / 98_500), daily_return=-0.015
    )
    position = run.open_positions.with_columns(
        side=pl.lit("short"), quantity=pl.lit(150.0), last_price=pl.lit(110.0), open_pnl=pl.lit(-1_500.0)
    )
    assert errors(run, equity=curve, open_positions=position).is_empty()
    long = position.with_columns(side=pl.lit("long"))
    assert set(errors(run, equity=curve, open_positions=long)["identity"]) == {"parts", "positions"}
